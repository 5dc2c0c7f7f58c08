//! `completions`: the completion script of a shell.

use clap::Args;
use clap_complete::Shell;

use super::console::Console;
use super::exit::Exit;

/// Print the completion script of a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate completions bash >> ~/.bash_completion
  rollgate completions zsh > \"${fpath[1]}/_rollgate\"
  rollgate completions fish > ~/.config/fish/completions/rollgate.fish")]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        clap_complete::generate(self.shell, &mut super::grammar(), "rollgate", &mut console.out());
        Ok(Exit::Done)
    }
}
