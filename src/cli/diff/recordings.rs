//! The recordings that two policies are compared on: the fixtures of the new side, and history.

use std::path::{Path, PathBuf};

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::policies;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::source::PolicySource;
use crate::review::case::FixtureText;
use crate::shell::files;
use crate::shell::fixture::{FixtureError, load_fixture};

use super::pairs::{self, Pair};
use super::sides::{Holds, Side, in_revision, told};

/// The fixtures that name the policy of `pair`.
///
/// # Errors
/// A fixture cannot be read.
pub(super) fn fixtures(
    asked: &[PathBuf],
    new: &Side,
    pair: &Pair,
    console: &mut Console,
) -> anyhow::Result<Vec<FixtureText>> {
    let mut found = Vec::new();
    match &new.holds {
        Holds::Revision { tree, revision, .. } if asked.is_empty() => {
            for folder in tree.fixtures("") {
                let root = in_revision(revision, &folder);
                let fixture = loaded(tree.load_fixture(&folder, &root).map_err(told)?, console)?;
                let home = folder.rsplit_once('/').map_or("", |(above, _)| above);
                let bases = ancestors(home);
                let named = bases.iter().any(|base| joined(base, &fixture.head.policy) == pair.new.path);
                if named {
                    found.push(fixture);
                }
            }
        }
        holds => {
            let policy = match holds {
                Holds::Folder(_) => Some(PathBuf::from(&pair.new.path)),
                _ => None,
            };
            for folder in folders(asked, policy.as_deref())? {
                let fixture = loaded(load_fixture(&folder), console)?;
                if is_of(&folder, &fixture, policy.as_deref(), pair) {
                    found.push(fixture);
                }
            }
        }
    }
    Ok(found)
}

/// The directory and all above it, the root last.
fn ancestors(path: &str) -> Vec<&str> {
    let mut all = vec![path];
    while let Some(last) = all.last().copied().filter(|last| !last.is_empty()) {
        all.push(last.rsplit_once('/').map_or("", |(above, _)| above));
    }
    all
}

fn joined(base: &str, path: &str) -> String {
    if base.is_empty() { path.to_owned() } else { format!("{base}/{path}") }
}

/// Where fixtures are: as asked, else beside the policies of the new side, else as `test` finds them.
fn folders(asked: &[PathBuf], policy: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    let mut roots = asked.to_vec();
    if roots.is_empty() {
        let near = || ["fixtures", "policies"].into_iter().map(PathBuf::from).filter(|path| path.is_dir());
        roots.extend(near());
        // A policy elsewhere has its fixtures elsewhere.
        let whole = policy.map(files::absolute);
        let home = whole.as_deref().and_then(|whole| whole.ancestors().find(|above| above.join("policies").is_dir()));
        let beside = home.map(|home| home.join("fixtures")).filter(|path| path.is_dir());
        if let Some(beside) = beside.filter(|beside| near().all(|path| files::absolute(&path) != *beside)) {
            roots = vec![beside];
        }
    }
    let mut found = Vec::new();
    for root in &roots {
        for folder in files::find_fixtures(root)? {
            if !found.contains(&folder) {
                found.push(folder);
            }
        }
    }
    Ok(found)
}

/// Whether a fixture is of this policy: it names its directory, or one that governs the same rollout.
fn is_of(folder: &Path, fixture: &FixtureText, policy: Option<&Path>, pair: &Pair) -> bool {
    let whole = files::absolute(folder);
    let root = whole.ancestors().skip(1).find(|above| above.join("policies").is_dir());
    let named = root.or_else(|| whole.parent()).unwrap_or(&whole).join(&fixture.head.policy);
    if policy.is_some_and(|policy| files::absolute(policy) == files::absolute(&named)) {
        return true;
    }
    let rollout = |source: &PolicySource| pairs::rollout(source);
    match (rollout(&pair.new.source), named.is_dir()) {
        (Some(wanted), true) => rollout(&files::load_policy(&named)) == Some(wanted),
        _ => false,
    }
}

fn loaded(fixture: Result<FixtureText, FixtureError>, console: &mut Console) -> anyhow::Result<FixtureText> {
    match fixture {
        Ok(fixture) => Ok(fixture),
        Err(FixtureError::Data(error)) => Err(error.into()),
        Err(FixtureError::Toml(source, problems)) => Err(refused(&source, &problems, console)?),
    }
}

fn refused(source: &PolicySource, problems: &[Diagnostic], console: &mut Console) -> anyhow::Result<anyhow::Error> {
    for problem in problems {
        let text = policies::show(problem, source, console);
        console.say(text.trim_end())?;
    }
    Ok(Failure::new(Exit::DataUnreadable, format!("fixture `{}` cannot be used", source.root)).into())
}
