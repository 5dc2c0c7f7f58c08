//! `start`: a revision begins at the first stage of its policy.

use std::path::PathBuf;

use clap::Args;

use crate::control::{Ask, Command, PolicyRecord};
use crate::ledger::hash::Key;
use crate::model::ids::{Environment, Revision};
use crate::shell::operator;

use super::console::Console;
use super::exit::Exit;
use super::operate::How;
use super::policies;
use super::reach::Unreachable;

/// Begin a revision at the first stage of its policy.
///
/// The policy's text is kept in the store, which is made if it is not there. A latch of an earlier revision is lifted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate start policies/isolation --revision r812 --reason \"weekly release\"
  rollgate start policies/checkout -e staging --revision 4f2c1aa \\
    --reason \"fix for #812\" --dry-run")]
pub struct Start {
    /// The policy's directory
    policy: PathBuf,
    /// What is being rolled out: a build, a commit
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    revision: String,
    #[command(flatten)]
    how: How,
}

impl Start {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (actor, reason) = self.how.who.get()?;
        let environment = Environment::new(self.how.environment.as_deref().unwrap_or(crate::policy::PRODUCTION));
        let source = policies::load_one(&self.policy)?;
        let policy = policies::compile(&source, &environment, console)?;
        let key = Key::new(policy.rollout.clone(), environment);
        let record = Box::new(PolicyRecord::new(&policy, &source));
        let ask = Ask::Start { policy: record, revision: Revision::new(&self.revision) };
        let command = Command { actor, reason, ask, token: operator::token() };
        let reach = self.how.at.reach(true, console).map_err(Unreachable::explained)?;
        self.how.carry_out(&reach, &key, &command, console)
    }
}
