//! `fmt`: the one canonical spelling, so that a diff shows a change of meaning and nothing else.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::report::layout::count;
use crate::report::screen::{PLACE, paint};
use crate::shell::{files, write};

use super::console::Console;
use super::exit::Exit;
use super::policies;

/// Rewrite policies in the one canonical spelling.
///
/// Comments and the order of tables are kept. A file that is not valid TOML is left alone and reported.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate fmt
  rollgate fmt --check policies      for CI: ends with 3 if a file would change")]
pub struct Fmt {
    /// Policies, or trees of them [default: policies, else .]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change nothing; name the files that would change
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (mut changed, mut broken, mut seen) = (0, 0, 0);
        for folder in policies::find(&policies::or_usual(&self.paths))? {
            let source = files::load_policy(&folder);
            for problem in &source.problems {
                broken += 1;
                console.say(policies::show(problem, &source, console).trim_end())?;
            }
            for (path, text) in source.iter().filter(|(path, _)| path.ends_with(".toml")) {
                seen += 1;
                match crate::policy::format::format(text) {
                    Ok(new) if new == text.as_ref() => {}
                    Ok(new) => {
                        changed += 1;
                        let path = folder.join(path.as_ref());
                        if !self.check {
                            write_back(&path, &new)?;
                        }
                        let word = if self.check { "would change" } else { "changed" };
                        console.line(format!("{word} {}", paint(PLACE, files::shown(&path))))?;
                    }
                    Err(_) => {
                        broken += 1;
                        for problem in crate::policy::syntax(path, text) {
                            console.say(policies::show(&problem, &source, console).trim_end())?;
                        }
                    }
                }
            }
        }
        let word = if self.check { "would change" } else { "changed" };
        console.line(format!("{changed} of {} {word}", count(seen, "file")))?;
        Ok(if broken > 0 || (self.check && changed > 0) { Exit::PolicyInvalid } else { Exit::Done })
    }
}

/// Replaces a policy's file in one step.
pub(super) fn write_back(path: &Path, text: &str) -> anyhow::Result<()> {
    write::replace(path, text.as_bytes()).with_context(|| format!("cannot write `{}`", files::shown(path)))
}
