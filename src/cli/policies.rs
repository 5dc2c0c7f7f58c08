//! From paths on the command line to compiled policies; whatever cannot be compiled is shown and ends the command.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::ids::Environment;
use crate::policy::compiled::Policy;
use crate::policy::diagnostic::{Diagnostic, Level};
use crate::policy::source::PolicySource;
use crate::report::{diagnostics, lines};
use crate::shell::files::{self, FindError};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;

/// The policies at the given paths, in order and each once.
///
/// # Errors
/// A path cannot be read, or there is no policy.
pub fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for path in paths {
        match files::find_policies(path) {
            Ok(folders) => {
                for folder in folders {
                    if !found.contains(&folder) {
                        found.push(folder);
                    }
                }
            }
            Err(error) => refused.push(error),
        }
    }
    match refused.len() {
        0 => Ok(found),
        1 => Err(refused.remove(0).into()),
        _ => {
            let only_empty = refused.iter().all(|error| matches!(error, FindError::NoPolicy(_)));
            let exit = if only_empty { Exit::Nothing } else { Exit::Failed };
            Err(Failure::new(exit, together(&refused)).into())
        }
    }
}

/// Paths that lead nowhere, in one message.
fn together(refused: &[FindError]) -> String {
    let why = |error: &FindError| match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    refused.iter().map(why).collect::<Vec<_>>().join("\n  and: ")
}

/// The paths given, or where policies usually are: `policies`, else here.
#[must_use]
pub fn or_usual(paths: &[PathBuf]) -> Vec<PathBuf> {
    if !paths.is_empty() {
        return paths.to_vec();
    }
    let usual = Path::new("policies");
    vec![if usual.is_dir() { usual.to_path_buf() } else { PathBuf::from(".") }]
}

/// The files of the one policy at `path`.
///
/// # Errors
/// No policy, or several.
pub fn load_one(path: &Path) -> anyhow::Result<PolicySource> {
    let found = files::find_policies(path).map_err(|error| or_its_folder(path, error))?;
    let [folder] = found.as_slice() else {
        let names: Vec<String> = found.iter().map(|folder| files::shown(folder)).collect();
        let failure = Failure::new(Exit::Usage, format!("`{}` holds {} policies", files::shown(path), found.len()));
        return Err(failure.help(format!("name one of them: {}", names.join(", "))).into());
    };
    Ok(files::load_policy(folder))
}

/// Most commands take a rollout's name; where one is given for its policy, the policy is told.
fn or_its_folder(path: &Path, error: FindError) -> anyhow::Error {
    let usual = Path::new("policies").join(path);
    if !matches!(error, FindError::Unreadable { .. }) || !usual.is_dir() {
        return error.into();
    }
    let help = format!("a policy is named by its folder: {}", files::shown(&usual));
    Failure::new(Exit::Failed, together(&[error])).help(help).into()
}

/// `source` compiled for `environment`. Its errors are shown before this fails.
///
/// # Errors
/// It does not compile.
pub fn compile(source: &PolicySource, environment: &Environment, console: &mut Console) -> anyhow::Result<Arc<Policy>> {
    let compiled = crate::policy::compile(source, environment);
    let errors: Vec<&Diagnostic> =
        compiled.diagnostics.iter().filter(|diagnostic| diagnostic.level == Level::Error).collect();
    for error in &errors {
        let text = show(error, source, console);
        console.say(text.trim_end())?;
    }
    match compiled.policy {
        Some(policy) if errors.is_empty() => Ok(Arc::new(policy)),
        _ => {
            let message = format!("`{}` does not compile for {environment}", source.root);
            let help = format!("see all of it with: rollgate check {}", source.root);
            Err(Failure::new(Exit::PolicyInvalid, message).help(help).into())
        }
    }
}

/// One problem in the console's manner, ending in a line break.
#[must_use]
pub fn show(diagnostic: &Diagnostic, source: &PolicySource, console: &Console) -> String {
    if console.plain {
        lines::diagnostic(diagnostic, source) + "\n"
    } else {
        diagnostics::draw(diagnostic, source, console.screen)
    }
}
