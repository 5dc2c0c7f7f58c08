//! `--evidence`: what the fixtures say about the checks.

use std::path::{Path, PathBuf};

use crate::cli::console::Console;
use crate::cli::test::fired::Fired;
use crate::cli::test::{Wanted, fixtures};
use crate::report::outcomes::Outcomes;
use crate::shell::files;

use super::Checked;

/// Replays the fixtures below the paths, or beside the policies; one sentence per thing they leave untouched.
pub(super) fn gather(paths: &[PathBuf], all: &[Checked], console: &mut Console) -> anyhow::Result<Vec<String>> {
    let mut fired = Fired::default();
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
        fixtures::run(&folder, &wanted, &mut Outcomes::default(), &mut fired, console)?;
    }
    Ok(fired.evidence())
}
