//! `fix`: mends that need no decision, and the way from older schemas.

use std::path::PathBuf;

use clap::Args;

use crate::policy::source::POLICY_FILE;
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
            if let Some(text) = source.get(POLICY_FILE) {
                let path = folder.join(POLICY_FILE);
                let fixed = crate::policy::fix::fix(text);
                for change in &fixed.changes {
                    console.line(format!("{}: {change}", paint(PLACE, files::shown(&path))))?;
                }
                mends += fixed.changes.len();
                if fixed.text != text.as_ref() && !self.dry_run {
                    super::fmt::write_back(&path, &fixed.text)?;
                }
                source.insert(POLICY_FILE, &fixed.text);
            }
            left += crate::policy::check(&source).diagnostics.len();
        }
        let word = if self.dry_run { "would be mended" } else { "mended" };
        console.line(format!("{} {word}, {} left; see them with: rollgate check", count(mends, "problem"), left))?;
        Ok(Exit::Done)
    }
}
