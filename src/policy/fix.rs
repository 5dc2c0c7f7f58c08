//! `rollgate fix`: mends that leave no room for doubt. Everything else stays with the person who edits.

use std::sync::Arc;

use crate::model::ids::Environment;

use super::diagnostic::Place;
use super::raw::SCHEMA;
use super::sink::Mend;
use super::source::{POLICY_FILE, PolicySource};
use super::tree::{self, Value};
use super::{PRODUCTION, run};

/// The line that tells editors which schema a policy has.
const SCHEMA_LINE: &str = "#:schema ../../schemas/policy.schema.json";
/// Mending one thing may uncover the next; a policy that is not done after this many rounds needs a person.
const ROUNDS: usize = 4;

/// A mended policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The new text; the old one when nothing was to mend.
    pub text: String,
    /// What was done, one sentence each.
    pub changes: Vec<String>,
}

/// Migrates `text` (a policy.toml) to the current schema, and mends bare numbers whose unit is certain and misspelt
/// names with one near candidate. A text that is not TOML is left alone.
#[must_use]
pub fn fix(text: &str) -> Fixed {
    if !parses(text) {
        return Fixed { text: text.to_owned(), changes: Vec::new() };
    }
    let mut fixed = unmarked(text);
    migrate(&mut fixed);
    rounds(&mut fixed, &mends);
    fixed
}

/// As [`fix`], for `policy.toml` and every overlay of `source`; the files that change, the policy first. An overlay is
/// mended against the mended policy, so that a slip there is not taken for one here.
#[must_use]
pub fn fix_all(source: &PolicySource) -> Vec<(Arc<str>, Fixed)> {
    let mut fixed = Vec::new();
    let Some(policy) = source.get(POLICY_FILE).map(|text| fix(text)) else { return fixed };
    for environment in source.environments() {
        let file = format!("env/{environment}.toml");
        let Some(text) = source.get(&file) else { continue };
        let overlay = fix_overlay(&policy.text, &file, text, &Environment::new(environment));
        fixed.push((Arc::from(file), overlay));
    }
    fixed.insert(0, (Arc::from(POLICY_FILE), policy));
    fixed.retain(|(_, fixed)| !fixed.changes.is_empty());
    fixed
}

/// The safe mends of the files of `source` as they are: what is replaced, and by what. For editors and reviewers, who
/// take one at a time; [`fix_all`] goes on until nothing is left.
#[must_use]
pub fn first_mends(source: &PolicySource) -> Vec<(Place, String)> {
    let production = Environment::new(PRODUCTION);
    let overlays = source.environments().map(|name| (format!("env/{name}.toml"), Environment::new(name)));
    let files = std::iter::once((POLICY_FILE.to_owned(), production)).chain(overlays);
    let mends = files.flat_map(|(file, environment)| mends_in(source, &file, &environment));
    mends.map(|mend| (mend.place, mend.text)).collect()
}

fn fix_overlay(policy: &str, file: &str, text: &str, environment: &Environment) -> Fixed {
    let mut fixed = unmarked(text);
    if parses(text) {
        rounds(&mut fixed, &|text| {
            let mut source = PolicySource::new("");
            source.insert(POLICY_FILE, policy);
            source.insert(file, text);
            mends_in(&source, file, environment)
        });
    }
    fixed
}

/// `text` without a byte order mark.
fn unmarked(text: &str) -> Fixed {
    match text.strip_prefix('\u{feff}') {
        Some(text) => Fixed { text: text.to_owned(), changes: vec!["removed the byte order mark".to_owned()] },
        None => Fixed { text: text.to_owned(), changes: Vec::new() },
    }
}

fn rounds(fixed: &mut Fixed, mends: &dyn Fn(&str) -> Vec<Mend>) {
    for _ in 0..ROUNDS {
        let mends = mends(&fixed.text);
        if mends.is_empty() {
            break;
        }
        let next = apply(&fixed.text, &mends);
        if !parses(&next) {
            break;
        }
        fixed.text = next;
        fixed.changes.extend(mends.into_iter().map(|mend| mend.what));
    }
}

fn parses(text: &str) -> bool {
    tree::parse(&POLICY_FILE.into(), text).problems.is_empty()
}

/// The schema's number and the editor's line.
fn migrate(fixed: &mut Fixed) {
    let root = tree::parse(&POLICY_FILE.into(), &fixed.text).root;
    let Value::Table(table) = &root.value else { return };
    match table.get("schema").map(|entry| (&entry.node.value, entry.node.place.span.clone())) {
        None => {
            // Root keys stand before the first table; comments at the top stay at the top.
            let at = first_statement(&fixed.text);
            fixed.text.insert_str(at, &format!("schema = {SCHEMA}\n"));
            fixed.changes.push(format!("added schema = {SCHEMA}"));
        }
        Some((Value::Integer(number), span)) if *number < SCHEMA.cast_signed() => {
            let changes = format!("schema {number} migrated to {SCHEMA}");
            fixed.text.replace_range(span, &SCHEMA.to_string());
            fixed.changes.push(changes);
        }
        Some(_) => {}
    }
    if !fixed.text.lines().any(|line| line.starts_with("#:schema")) {
        fixed.text.insert_str(0, &format!("{SCHEMA_LINE}\n"));
        fixed.changes.push("added the #:schema line for editors".to_owned());
    }
}

fn first_statement(text: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if !trimmed.is_empty() && !trimmed.starts_with('#') {
            break;
        }
        at += line.len();
    }
    at
}

/// Safe mends of policy.toml.
fn mends(text: &str) -> Vec<Mend> {
    let mut source = PolicySource::new("");
    source.insert(POLICY_FILE, text);
    mends_in(&source, POLICY_FILE, &Environment::new(PRODUCTION))
}

/// Safe mends of one file of `source`, in order of place, none touching another.
fn mends_in(source: &PolicySource, file: &str, environment: &Environment) -> Vec<Mend> {
    let text = source.get(file).map_or("", AsRef::as_ref);
    let mut mends = run(source, environment).sink.mends;
    mends.retain(|mend| &*mend.place.file == file);
    mends.sort_by_key(|mend| mend.place.span.start);
    let mut end = 0;
    mends.retain(|mend| {
        let free = mend.place.span.start >= end && text.get(mend.place.span.clone()).is_some();
        end = if free { mend.place.span.end } else { end };
        free
    });
    mends
}

fn apply(text: &str, mends: &[Mend]) -> String {
    let mut text = text.to_owned();
    for mend in mends.iter().rev() {
        text.replace_range(mend.place.span.clone(), &mend.text);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "# our policy\nrollout = \"r\"\nfeatures = [\"f\"]\n\n[metrics]\nerrors = { unit = \"percent\", beter = \"lower\", max_age = \"90s\", on_unknown = \"hold\" }\n\n[thresholds.errors]\np0 = { above = 5, for = \"2m\" }\n\n[[stages]]\nname = \"off\"\nbake = \"1h\"\n[[stages]]\nname = \"canary\"\ntraffic = 10\n";

    #[test]
    fn mends_what_is_certain_until_the_policy_is_clean() {
        let fixed = fix(OLD);
        let mut source = PolicySource::new("");
        source.insert(POLICY_FILE, &fixed.text);
        assert_eq!(crate::policy::check(&source).diagnostics, []);
        assert!(fixed.text.starts_with("#:schema ../../schemas/policy.schema.json\n# our policy\nschema = 1\nrollout"));
        assert!(fixed.text.contains("better = \"lower\""));
        assert!(fixed.text.contains("above = \"5%\""));
        assert!(fixed.text.contains("traffic = \"10%\""));
        assert_eq!(fixed.changes.len(), 5, "{:?}", fixed.changes);
        assert_eq!(fix(&fixed.text), Fixed { text: fixed.text.clone(), changes: Vec::new() });
    }

    #[test]
    fn a_byte_order_mark_does_not_end_up_in_the_middle() {
        let fixed = fix(&format!("\u{feff}{OLD}"));
        assert!(fixed.text.starts_with(SCHEMA_LINE) && !fixed.text.contains('\u{feff}'));
        assert!(parses(&fixed.text));
    }

    #[test]
    fn a_guess_between_two_names_is_left_to_a_person() {
        let text = OLD.replace("p0 = { above = 5,", "p0 = { above = \"5%\", ix = [\"canary\"],");
        let fixed = fix(&text);
        assert!(fixed.text.contains("ix ="), "`in` and `is` are equally near: {}", fixed.text);
    }

    #[test]
    fn an_overlay_is_mended_against_the_mended_policy() {
        let mut source = PolicySource::new("");
        source.insert(POLICY_FILE, OLD);
        source.insert(
            "env/staging.toml",
            "[thresholds.errors]\np0 = { above = 8 }\n[[stages]]\nname = \"canary\"\ntrafic = \"5%\"\n",
        );
        source.insert("env/quiet.toml", "owner = \"nobody\"\n");
        let fixed = fix_all(&source);
        let files: Vec<&str> = fixed.iter().map(|(file, _)| file.as_ref()).collect();
        assert_eq!(files, [POLICY_FILE, "env/staging.toml"]);
        let overlay = &fixed[1].1;
        assert!(overlay.text.contains("above = \"8%\"") && overlay.text.contains("traffic = \"5%\""), "{overlay:?}");
    }

    #[test]
    fn leaves_alone_what_is_not_toml() {
        assert_eq!(fix("a = = 1"), Fixed { text: "a = = 1".to_owned(), changes: Vec::new() });
    }
}
