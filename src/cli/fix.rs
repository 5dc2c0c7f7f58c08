//! `fix`: mends that need no decision, and the way from older schemas.

use std::path::PathBuf;

use clap::Args;

use crate::report::layout::count;
use crate::report::screen::{PLACE, paint};
use crate::shell::files;

use super::console::Console;
use super::exit::Exit;
use super::policies;

/// Mend what can be mended without a decision, and migrate older policies.
///
/// A threshold is never changed: misspelt keys, missing units that can only be one thing, an older schema.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate fix --dry-run
  rollgate fix policies/isolation && git diff")]
pub struct Fix {
    /// Policies, or trees of them [default: policies, else .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing; say what would be changed
    #[arg(short = 'n', long)]
    dry_run: bool,
}

impl Fix {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (mut mends, mut left) = (0, 0);
        for folder in policies::find(&policies::or_usual(&self.paths))? {
            let mut source = files::load_policy(&folder);
            for file in crate::policy::fix(&source) {
                let path = folder.join(file.path.as_ref());
                for mend in &file.mends {
                    mends += 1;
                    console.line(format!("{}: {mend}", paint(PLACE, files::shown(&path))))?;
                }
                source.insert(&file.path, &file.text);
                if !self.dry_run {
                    super::fmt::write_back(&path, &file.text)?;
                }
            }
            left += crate::policy::check(&source).diagnostics.len();
        }
        let word = if self.dry_run { "would be mended" } else { "mended" };
        console.line(format!("{} {word}, {} left; see them with: rollgate check", count(mends, "problem"), left))?;
        Ok(Exit::Done)
    }
}
