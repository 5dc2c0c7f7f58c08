//! `--html FILE`: a page beside the usual output, and the command line that gives the same answers again.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::shell::{arguments, files, write};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;

/// Where a page is written to.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct Html {
    /// Also write a page with charts: one file to attach, which needs no script and no network
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(super) html: Option<PathBuf>,
}

impl Html {
    /// Whether a page is wanted; refuses what cannot come with one, before any work is done.
    ///
    /// # Errors
    /// The path is a directory, or the output is a stream that keeps nothing to draw.
    pub(super) fn wanted(&self, streams: bool) -> anyhow::Result<Option<&Path>> {
        let Some(path) = &self.html else { return Ok(None) };
        let refuse = |message: String, help: &str| Err(Failure::new(Exit::Usage, message).help(help).into());
        if streams {
            let help = "leave out one of the two; the page has the changes, the stream has every record";
            return refuse("`--html` and `--output jsonl` do not go together".to_owned(), help);
        }
        if path.is_dir() {
            let example = format!("name a file in it: --html {}", files::shown(&path.join("replay.html")));
            return refuse(format!("`--html {}` is a directory", files::shown(path)), &example);
        }
        Ok(Some(path))
    }

    /// Writes the page, whole or not at all, and says where it is.
    ///
    /// # Errors
    /// It cannot be written there.
    pub(super) fn write(path: &Path, page: &str, console: &mut Console) -> anyhow::Result<()> {
        write::put(path, page.as_bytes()).map_err(|error| {
            Failure::new(Exit::Failed, format!("`{}` cannot be written: {error}", files::shown(path)))
                .help("nothing was written; name another file with --html")
        })?;
        console.say(format!("page written to {}", files::shown(path)))?;
        Ok(())
    }
}

/// The command line without what only concerns how its answers are shown, as a person would type it.
pub(super) fn command() -> String {
    let mut words = vec!["rollgate".to_owned()];
    let mut typed = arguments::typed().into_iter();
    while let Some(word) = typed.next() {
        match word.as_str() {
            "--html" | "--output" | "--color" => drop(typed.next()),
            "--ascii" | "--plain" => {}
            other if ["--html=", "--output=", "--color="].iter().any(|flag| other.starts_with(flag)) => {}
            _ => words.push(quoted(&word)),
        }
    }
    words.join(" ")
}

/// In quotes where a shell would read it otherwise.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_as_a_shell_wants_them() {
        let said = ["a/b.csv", "x=1%", "two words", "it's", ""].map(quoted);
        assert_eq!(said, ["a/b.csv", "x=1%", "'two words'", r"'it'\''s'", "''"]);
    }
}
