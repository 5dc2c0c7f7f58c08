//! `fix`: mends that need no decision, and the way from older schemas.

use std::path::PathBuf;

use clap::Args;

use crate::policy::diagnostic::Level;
use crate::report::layout::count;
use crate::report::screen::{PLACE, paint};
use crate::shell::files;

use super::console::Console;
use super::exit::Exit;
use super::policies;

/// Mend what can be mended without a decision, and migrate older policies.
///
/// A threshold is never changed: misspelt keys, missing units that can only be one thing, an older schema. Overlays
/// are mended too. Ends with 3 when an error is left.
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
        let (mut mends, mut left, mut broken) = (0, 0, false);
        for folder in policies::find(&policies::or_usual(&self.paths))? {
            let mut source = files::load_policy(&folder);
            for (file, fixed) in crate::policy::fix::fix_all(&source) {
                let path = folder.join(file.as_ref());
                for change in &fixed.changes {
                    console.line(format!("{}: {change}", paint(PLACE, files::shown(&path))))?;
                }
                mends += fixed.changes.len();
                if !self.dry_run {
                    super::fmt::write_back(&path, &fixed.text)?;
                }
                source.insert(file, fixed.text);
            }
            for diagnostic in crate::policy::check(&source).diagnostics {
                left += 1;
                broken |= diagnostic.level == Level::Error;
            }
        }
        let word = if self.dry_run { "would be mended" } else { "mended" };
        let rest = if left == 0 { "none left".to_owned() } else { format!("{left} left; see with: rollgate check") };
        console.line(format!("{} {word}, {rest}", count(mends, "problem")))?;
        Ok(if broken { Exit::PolicyInvalid } else { Exit::Done })
    }
}
