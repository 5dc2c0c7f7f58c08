//! `man`: the manual pages.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::shell::write;

use super::console::Console;
use super::exit::Exit;

/// Print the manual page, or write one per command.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate man | man -l -
  rollgate man ~/.local/share/man/man1")]
pub struct Man {
    /// Write `rollgate.1`, `rollgate-check.1` and so on into this directory
    directory: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let mut grammar = super::grammar();
        let Some(directory) = &self.directory else {
            clap_mangen::Man::new(grammar).render(&mut console.out())?;
            return Ok(Exit::Done);
        };
        grammar.build();
        let mut pages = Vec::new();
        collect("rollgate".to_owned(), &grammar, &mut pages);
        for (name, command) in pages {
            let path = directory.join(format!("{name}.1"));
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            write::put(&path, &page).with_context(|| format!("cannot write `{}`", path.display()))?;
            console.line(path.display().to_string())?;
        }
        Ok(Exit::Done)
    }
}

/// A command's page and those of the commands below it: `rollgate-docs`, `rollgate-docs-plan`.
fn collect(name: String, command: &clap::Command, pages: &mut Vec<(String, clap::Command)>) {
    pages.push((name.clone(), command.clone()));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        collect(format!("{name}-{}", below.get_name()), below, pages);
    }
}
