//! The recordings of a sweep: the policy's own fixtures, and history.

use std::path::{Path, PathBuf};

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::global::WhichEnvironment;
use crate::cli::policies;
use crate::cli::run::fixture::Folder;
use crate::model::ids::Environment;
use crate::report::layout::count;
use crate::review::case::FixtureText;
use crate::shell::files;
use crate::shell::fixture::{FixtureError, load_fixture};

/// What there is to play.
pub(super) struct Found {
    pub(super) fixtures: Vec<FixtureText>,
    /// Paths of recordings without a label.
    pub(super) history: Vec<String>,
    /// The environment that history is judged in.
    pub(super) usual: Environment,
    pub(super) notes: Vec<String>,
}

impl Found {
    /// The environments whose policies are needed: the one asked for, else each fixture's own.
    pub(super) fn environments(&self, asked: &WhichEnvironment) -> Vec<Environment> {
        if let Some(environment) = asked.asked() {
            return vec![environment];
        }
        let own = self.fixtures.iter().map(|fixture| fixture.head.environment.clone());
        let usual = (!self.history.is_empty() || self.fixtures.is_empty()).then(|| self.usual.clone());
        super::distinct(own.chain(usual))
    }
}

/// Reads the fixtures of the policy in `folder`, and opens nothing of the history yet.
pub(super) fn find(
    paths: &[PathBuf],
    history: &[String],
    folder: &Path,
    usual: Environment,
    console: &mut Console,
) -> anyhow::Result<Found> {
    let here = [PathBuf::from(if Path::new("fixtures").is_dir() { "fixtures" } else { "." })];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    let mut found = Found { fixtures: Vec::new(), history: history.to_vec(), usual, notes: Vec::new() };
    let (policy, mut others) = (files::absolute(folder), 0);
    let mut seen: Vec<PathBuf> = Vec::new();
    for path in paths {
        for fixture in files::find_fixtures(path)? {
            if seen.contains(&fixture) {
                continue;
            }
            seen.push(fixture.clone());
            let read = Folder::read(&fixture, console)?;
            if files::absolute(&read.policy_folder()) != policy {
                others += 1;
                continue;
            }
            found.fixtures.push(load(&fixture, console)?);
        }
    }
    if others > 0 {
        found.notes.push(format!("{} of other policies left out", count(others, "fixture")));
    }
    Ok(found)
}

fn load(path: &Path, console: &mut Console) -> anyhow::Result<FixtureText> {
    match load_fixture(path) {
        Ok(fixture) => Ok(fixture),
        Err(FixtureError::Data(error)) => Err(error.into()),
        Err(FixtureError::Toml(source, problems)) => {
            for problem in &problems {
                let text = policies::show(problem, &source, console);
                console.say(text.trim_end())?;
            }
            let message = format!("fixture `{}` cannot be used", source.root);
            Err(Failure::new(Exit::DataUnreadable, message).into())
        }
    }
}
