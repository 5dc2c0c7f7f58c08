//! `--evidence`: what the fixtures say about the checks.

use std::path::{Path, PathBuf};

use crate::cli::console::Console;
use crate::cli::failure;
use crate::cli::test::fired::Fired;
use crate::cli::test::{Wanted, fixtures};
use crate::policy::diagnostic::Level;
use crate::report::outcomes::Outcomes;
use crate::shell::files;

use super::Checked;

/// Replays the fixtures below the paths, or beside the policies; one sentence per thing they leave untouched.
pub(super) fn gather(paths: &[PathBuf], all: &[Checked], console: &mut Console) -> anyhow::Result<Vec<String>> {
    if all.iter().any(|one| one.count(Level::Error) > 0) {
        return Ok(vec!["none: fixtures are played once every policy is free of errors".to_owned()]);
    }
    let (mut fired, mut unplayed) = (Fired::default(), Vec::new());
    for policy in all.iter().filter_map(Checked::usual) {
        fired.know(policy);
    }
    let mut found: Vec<PathBuf> = Vec::new();
    for path in
        paths.iter().map(PathBuf::as_path).chain([Path::new("fixtures")].into_iter().filter(|path| path.is_dir()))
    {
        found.extend(files::find_fixtures(path)?);
    }
    found.sort();
    found.dedup();
    let wanted = Wanted { filter: None, bless: false };
    for folder in found {
        match fixtures::run(&folder, &wanted, &mut Outcomes::default(), &mut fired, console) {
            Ok(()) => {}
            Err(error) if failure::is_closed_pipe(&error) => return Err(error),
            Err(error) => unplayed.push(format!("`{}` cannot be played: {error:#}", files::shown(&folder))),
        }
    }
    Ok(unplayed.into_iter().chain(fired.evidence()).collect())
}
