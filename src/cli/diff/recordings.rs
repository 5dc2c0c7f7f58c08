//! Where the fixtures of a side are: on disk, or in a revision.

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
use crate::shell::git::{InRepository, Tree};

use super::pairs;
use super::sides::{Found, Holds, Side, in_revision, told};

/// The fixtures of a side, with their paths in the repository where they are known.
pub(super) type Located = Vec<(Option<String>, FixtureText)>;

/// The fixtures of `side` that name `policy`; in the directories `asked` for, when any were. A policy
/// that moved is still named by where it was: `moved_from`, as the repository has it.
///
/// # Errors
/// A fixture cannot be read.
pub(super) fn of_side(
    asked: &[PathBuf],
    side: &Side,
    policy: &Found,
    moved_from: Option<&str>,
    console: &mut Console,
) -> anyhow::Result<Located> {
    let mut found = Vec::new();
    match &side.holds {
        Holds::Revision { tree, revision, .. } => {
            for folder in in_tree(asked, tree, &policy.path) {
                let root = in_revision(revision, &folder);
                let fixture = loaded(tree.load_fixture(&folder, &root).map_err(told)?, console)?;
                let home = folder.rsplit_once('/').map_or("", |(above, _)| above);
                let named = ancestors(home).iter().any(|base| {
                    let named = joined(base, &fixture.head.policy);
                    named == policy.path || Some(named.as_str()) == moved_from
                });
                if named {
                    found.push((Some(folder), fixture));
                }
            }
        }
        Holds::Folder(_) => {
            let path = PathBuf::from(&policy.path);
            let repository = InRepository::around_here();
            for folder in folders(asked, Some(&path))? {
                let fixture = loaded(load_fixture(&folder), console)?;
                let moved = || {
                    let was = repository.as_ref().zip(moved_from).map(|(repository, was)| repository.on_disk(was));
                    was.is_some_and(|was| named_by(&folder, &fixture) == was)
                };
                if is_of(&folder, &fixture, Some(&path), policy) || moved() {
                    found.push((repository.as_ref().and_then(|repository| repository.find(&folder)), fixture));
                }
            }
        }
        Holds::Nothing => {}
    }
    Ok(found)
}

/// The fixtures in the directories asked for, for a side that is not on disk.
///
/// # Errors
/// A fixture cannot be read.
pub(super) fn on_disk(asked: &[PathBuf], policy: &Found, console: &mut Console) -> anyhow::Result<Located> {
    let mut found = Vec::new();
    for folder in folders(asked, None)? {
        let fixture = loaded(load_fixture(&folder), console)?;
        if is_of(&folder, &fixture, None, policy) {
            found.push((None, fixture));
        }
    }
    Ok(found)
}

/// Fixtures in a revision are where `test` finds them on disk: `fixtures` and `policies` beside the policy's own tree.
fn in_tree(asked: &[PathBuf], tree: &Tree, policy: &str) -> Vec<String> {
    let roots: Vec<String> = if asked.is_empty() {
        let home = ancestors(policy).into_iter().find(|above| *above == "policies" || above.ends_with("/policies"));
        let base = home.and_then(|home| home.rsplit_once('/')).map_or("", |(base, _)| base);
        let near = ["fixtures", "policies"].map(|name| joined(base, name));
        let near: Vec<String> = near.into_iter().filter(|path| tree.has(path)).collect();
        if near.is_empty() { vec![String::new()] } else { near }
    } else {
        let repository = InRepository::around_here();
        asked.iter().filter_map(|path| repository.as_ref()?.find(path)).collect()
    };
    roots.iter().flat_map(|root| tree.fixtures(root)).collect()
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
        let missing = |error| Failure::new(Exit::DataUnreadable, format!("no fixtures: {error}"));
        for folder in files::find_fixtures(root).map_err(missing)? {
            if !found.contains(&folder) {
                found.push(folder);
            }
        }
    }
    Ok(found)
}

/// The directory of the policy that a fixture names.
fn named_by(folder: &Path, fixture: &FixtureText) -> PathBuf {
    let whole = files::absolute(folder);
    let root = whole.ancestors().skip(1).find(|above| above.join("policies").is_dir());
    root.or_else(|| whole.parent()).unwrap_or(&whole).join(&fixture.head.policy)
}

/// Whether a fixture is of this policy: it names its directory, or one that governs the same rollout.
fn is_of(folder: &Path, fixture: &FixtureText, policy: Option<&Path>, found: &Found) -> bool {
    let named = named_by(folder, fixture);
    if policy.is_some_and(|policy| files::absolute(policy) == files::absolute(&named)) {
        return true;
    }
    let rollout = |source: &PolicySource| pairs::rollout(source);
    match (rollout(&found.source), named.is_dir()) {
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
