//! The text of one environment as one tree: size limits, syntax, the overlay laid over the policy.

use std::sync::Arc;

use crate::model::ids::Environment;

use super::diagnostic::{Code, Diagnostic, Place};
use super::raw::{self, Raw};
use super::sink::Sink;
use super::source::{MAX_FILE_BYTES, POLICY_FILE, PolicySource};
use super::tree::{self, Node};
use super::{PRODUCTION, check, codes, digest, environments, overlay, suggest};

/// Reports an environment that the policy does not have.
pub(crate) fn known_environment(source: &PolicySource, environment: &Environment, sink: &mut Sink) {
    if environment.as_str() == PRODUCTION || source.environments().any(|known| known == environment.as_str()) {
        return;
    }
    let place = Place { file: POLICY_FILE.into(), span: 0..0 };
    let names = environments(source);
    let names = || names.iter().map(Environment::as_str);
    let mut diagnostic =
        Diagnostic::error(codes::UNKNOWN_ENVIRONMENT, format!("unknown environment `{environment}`"), place);
    if let Some(meant) = suggest::closest(environment.as_str(), names()) {
        diagnostic = diagnostic.label(format!("did you mean `{meant}`?"));
    }
    sink.push(diagnostic.help(format!("environments: {}", suggest::listed(names()))));
}

/// policy.toml with the environment's overlay laid over it; none when the text cannot be trusted to be complete.
pub(crate) fn merged(source: &PolicySource, environment: &Environment, sink: &mut Sink) -> Option<Node> {
    let Some(mut base) = parsed(source, POLICY_FILE, sink) else {
        if source.get(POLICY_FILE).is_none() && source.problems.is_empty() {
            let place = Place { file: POLICY_FILE.into(), span: 0..0 };
            sink.push(
                Diagnostic::error(codes::NO_POLICY, format!("there is no {POLICY_FILE}"), place)
                    .help("`rollgate init` writes one"),
            );
        }
        return None;
    };
    let file = digest::overlay_file(environment);
    if source.get(&file).is_some() {
        // A broken overlay is reported, and the policy under it is checked all the same.
        if let Some(over) = parsed(source, &file, sink) {
            overlay::merge(&mut base, over, sink);
        }
    }
    Some(base)
}

/// One file as a tree. After a syntax error the tree has holes: what is wrong with its values is still reported,
/// what seems to be missing is not, and nothing is compiled from it.
fn parsed(source: &PolicySource, file: &str, sink: &mut Sink) -> Option<Node> {
    let text = source.get(file)?;
    let file: Arc<str> = Arc::from(file);
    if text.len() > MAX_FILE_BYTES {
        let place = Place { file: Arc::clone(&file), span: 0..0 };
        let message = format!("{} KiB, and at most {} KiB are read", text.len() / 1024, MAX_FILE_BYTES / 1024);
        sink.push(Diagnostic::error(codes::TOO_LARGE, message, place).help("one policy for each rollout"));
        return None;
    }
    let tree = tree::parse(&file, text);
    let broken = tree.problems.iter().any(|problem| problem.code == codes::SYNTAX);
    if broken {
        around_syntax_errors(&tree, source, sink);
    }
    tree.problems.into_iter().for_each(|problem| sink.push(problem));
    if broken { None } else { Some(tree.root) }
}

/// Codes that a hole in the text cannot cause.
const LOCAL: [Code; 9] = [
    codes::UNKNOWN_KEY,
    codes::WRONG_TYPE,
    codes::BAD_DURATION,
    codes::BAD_WINDOW,
    codes::UNKNOWN_WORD,
    codes::NOT_FINITE,
    codes::BAD_TIME,
    codes::UNIT_MISSING,
    codes::UNKNOWN_SEVERITY,
];

fn around_syntax_errors(tree: &tree::Parsed, source: &PolicySource, sink: &mut Sink) {
    let mut inner = Sink::default();
    let raw: Raw = raw::read(&tree.root, &mut inner);
    let lines = source.lines();
    check::check(&raw, &lines, &mut inner);
    let line = |place: &Place| lines.line(place);
    let broken: Vec<u32> = tree.problems.iter().map(|problem| line(&problem.primary.place)).collect();
    let local = inner.diagnostics.into_iter().filter(|found| LOCAL.contains(&found.code));
    // The parser's recovery puts an empty value where it could not read one.
    let local = local.filter(|found| !found.primary.place.span.is_empty());
    local.filter(|found| !broken.contains(&line(&found.primary.place))).for_each(|found| sink.push(found));
}
