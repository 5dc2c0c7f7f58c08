//! `token`: who may call the API.

use clap::{Args, Subcommand, ValueEnum};

use crate::daemon::tokens::{NewToken, Role};
use crate::model::time::{Duration, Time};
use crate::report::screen::{ATTENTION, STRONG, paint};
use crate::shell::clock;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::orders::{duration, time};

/// Make a token for the API.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate token new --name ci --role sender >> rollgate.toml
  rollgate token new --name ana --role operator --for 90d")]
pub struct Token {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print a new token once, and the lines for the settings that take it
    New(New),
}

#[derive(Debug, Args)]
struct New {
    /// Whose it is: what the ledger will name
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    name: String,
    /// What its owner may do
    #[arg(long, value_enum, value_name = "ROLE")]
    role: RoleName,
    /// It is refused from then on
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "for_")]
    until: Option<Time>,
    /// It is refused after that long
    #[arg(long = "for", id = "for_", value_name = "DURATION", value_parser = duration)]
    for_: Option<Duration>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleName {
    /// Pushes snapshots, and nothing else
    Sender,
    /// Looks
    Viewer,
    /// Starts, holds, resumes, approves, takes back too
    Operator,
    /// Everything: pushes, advances and changes policies too
    Admin,
}

impl Token {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let What::New(new) = &self.what;
        new.run(console)
    }
}

impl New {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let name = self.name.trim();
        if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            let failure = Failure::new(Exit::Usage, "a name is 1 to 100 bytes without control characters");
            return Err(failure.help("--name ci").into());
        }
        let role = match self.role {
            RoleName::Sender => Role::Sender,
            RoleName::Viewer => Role::Viewer,
            RoleName::Operator => Role::Operator,
            RoleName::Admin => Role::Admin,
        };
        let mut new = NewToken::generate(name, role).map_err(|why| Failure::new(Exit::Failed, why))?;
        new.token.expires = self.until.or_else(|| self.for_.map(|length| clock::now() + length));
        // The secret goes to the terminal and the lines to stdout, so that `>> rollgate.toml` takes only what belongs there.
        console.say(format!("{} {}", paint(STRONG, "token:"), new.text))?;
        let note = "it is shown this once; whoever has it may do what its role may";
        console.say(format!("{} {note}", paint(ATTENTION, "note:")))?;
        console.print(format!("\n{}", new.settings()))?;
        Ok(Exit::Done)
    }
}
