//! `policy`: which one is in force, which were, and putting another in force.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::control::{Ask, Command, PolicyRecord};
use crate::ledger::Entry;
use crate::ledger::hash::Key;
use crate::model::event::What as Happened;
use crate::policy::source::PolicySource;
use crate::report::audit;
use crate::report::json::Envelope;
use crate::report::screen::{PLACE, QUIET, STRONG, paint};
use crate::shell::{clock, operator};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, Output};
use super::operate::{How, choose, explained};
use super::orders::Which;
use super::policies;
use super::reach::{Reach, Unreachable, Where, for_each};

/// Show which policy is in force and which were, and put another in force.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate policy show
  rollgate policy adopt policies/checkout --reason \"PR #812\" --dry-run
  rollgate policy back 7c1e9f2 --reason \"the new bound pages at night\"")]
pub struct PolicyCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show the policy in force
    Show(Show),
    /// List every policy that came into force, or was rejected
    History(History),
    /// Put the policy of a directory in force; it advances nothing by itself
    Adopt(Adopt),
    /// Put an earlier policy in force again
    Back(Back),
}

#[derive(Debug, Args)]
struct Of {
    #[command(flatten)]
    which: Which,
    /// Environment [default: the one there is]
    #[arg(short, long, value_name = "NAME", env = "ROLLGATE_ENVIRONMENT")]
    environment: Option<String>,
    #[command(flatten)]
    at: Where,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

impl Of {
    fn open(&self) -> anyhow::Result<(Reach, Key)> {
        let reach = self.at.look()?;
        let keys = reach.ask(|operate| operate.rollouts()).map_err(explained)?;
        let key = choose(keys, self.which.rollout.as_deref(), self.environment.as_deref())?;
        Ok((reach, key))
    }
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    of: Of,
    /// Print the text of its files too
    #[arg(long)]
    text: bool,
}

#[derive(Debug, Args)]
struct History {
    #[command(flatten)]
    of: Of,
}

#[derive(Debug, Args)]
struct Adopt {
    /// The policy's directory
    policy: PathBuf,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct Back {
    /// Its digest, or the beginning of it
    digest: String,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    how: How,
}

impl PolicyCommand {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        match &self.what {
            What::Show(show) => show.run(console),
            What::History(history) => history.run(console),
            What::Adopt(adopt) => adopt.run(console),
            What::Back(back) => back.run(console),
        }
    }
}

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    key: &'a Key,
    usable: Option<String>,
    policy: &'a PolicyRecord,
}

impl Show {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (reach, key) = self.of.open()?;
        let standings = reach.ask(|operate| operate.standings(clock::now())).map_err(explained)?;
        let standing = standings.into_iter().find(|standing| standing.key == key);
        let Some(digest) = &standing.and_then(|standing| standing.policy) else {
            return Err(Failure::new(Exit::Nothing, format!("{key} has no policy in force")).into());
        };
        let Some(record) = reach.ask(|operate| operate.policy(digest)).map_err(explained)? else {
            let failure = Failure::new(Exit::Failed, format!("the store has the policy {} no more", digest.short()));
            return Err(failure.help("put one in force with: rollgate policy adopt").into());
        };
        let problem = record.compile().err();
        match global::output(self.of.output, console.plain) {
            Output::Json | Output::Jsonl => {
                let shown = Envelope::new("policy", Shown { key: &key, usable: problem, policy: &record });
                console.line(if self.of.output == Some(Output::Jsonl) { shown.line()? } else { shown.pretty()? })?;
            }
            Output::Pretty | Output::Plain => self.print(&key, &record, problem.as_deref(), console)?,
        }
        Ok(Exit::Done)
    }

    fn print(
        &self,
        key: &Key,
        record: &PolicyRecord,
        problem: Option<&str>,
        console: &mut Console,
    ) -> anyhow::Result<()> {
        console.line(format!("{}  policy {}", paint(STRONG, key), record.digest))?;
        if let Some(problem) = problem {
            console.line(format!("  it cannot be used: {problem}"))?;
        }
        let ladder: Vec<String> = record.ladder.iter().map(|rung| format!("{} {}%", rung.name, rung.traffic)).collect();
        console.line(format!("  {}    {}", paint(QUIET, "stages"), ladder.join(", ")))?;
        let features: Vec<&str> = record.features.iter().map(AsRef::as_ref).collect();
        let features = crate::report::layout::hang(&features.join(", "), console.screen.width, 12);
        console.line(format!("  {}  {features}", paint(QUIET, "features")))?;
        for (path, text) in &record.files {
            console.line(format!("  {}", paint(PLACE, path)))?;
            if self.text {
                console.line(text.trim_end())?;
            }
        }
        Ok(())
    }
}

impl History {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (reach, key) = self.of.open()?;
        let mut entries: Vec<Entry> = Vec::new();
        for_each(&reach, &key, |entry| {
            if matches!(entry.record().what, Happened::PolicyChanged { .. } | Happened::PolicyRejected { .. }) {
                entries.push(entry);
            }
        })?;
        match global::output(self.of.output, console.plain) {
            Output::Pretty => {
                console.line(paint(STRONG, &key))?;
                console.print(audit::list(&entries, console.screen))?;
            }
            Output::Plain => entries.iter().try_for_each(|entry| console.line(audit::plain(entry)))?,
            Output::Jsonl => entries.iter().try_for_each(|entry| console.line(entry.line()))?,
            Output::Json => {
                let values: Vec<serde_json::Value> =
                    entries.iter().filter_map(|entry| serde_json::from_str(entry.line()).ok()).collect();
                console.line(serde_json::to_string_pretty(&values)?)?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Adopt {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (actor, reason) = self.how.who.get()?;
        let source: PolicySource = policies::load_one(&self.policy)?;
        let environment = self.how.environment.as_deref().unwrap_or(crate::policy::PRODUCTION);
        let policy = policies::compile(&source, &environment.into(), console)?;
        let ask = Ask::Adopt { policy: Box::new(PolicyRecord::new(&policy, &source)) };
        let command = Command { actor, reason, ask, token: operator::token() };
        let reach = self.how.at.reach(false, console).map_err(Unreachable::explained)?;
        let key = Key::new(policy.rollout.clone(), policy.environment.clone());
        self.how.carry_out(&reach, &key, &command, console)
    }
}

impl Back {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (actor, reason) = self.how.who.get()?;
        let reach = self.how.at.reach(false, console).map_err(Unreachable::explained)?;
        let keys = reach.ask(|operate| operate.rollouts()).map_err(explained)?;
        let key = choose(keys, self.which.rollout.as_deref(), self.how.environment.as_deref())?;
        let record = self.find(&reach, &key)?;
        let command = Command { actor, reason, ask: Ask::Adopt { policy: Box::new(record) }, token: operator::token() };
        self.how.carry_out(&reach, &key, &command, console)
    }

    /// The one policy of this rollout that begins so.
    fn find(&self, reach: &Reach, key: &Key) -> anyhow::Result<PolicyRecord> {
        let mut found: Vec<PolicyRecord> = Vec::new();
        for digest in reach.ask(|operate| operate.policies()).map_err(explained)? {
            if digest.as_str().starts_with(&self.digest.to_ascii_lowercase()) {
                let record = reach.ask(|operate| operate.policy(&digest)).map_err(explained)?;
                found.extend(
                    record.filter(|record| (&record.rollout, &record.environment) == (&key.rollout, &key.environment)),
                );
            }
        }
        match (found.len(), found.pop()) {
            (1, Some(record)) => Ok(record),
            (0, _) => {
                let failure = Failure::new(Exit::Usage, format!("{key} never had a policy `{}`", self.digest));
                Err(failure.help("see: rollgate policy history").into())
            }
            _ => {
                let failure = Failure::new(Exit::Usage, format!("several policies begin with `{}`", self.digest));
                Err(failure.help("give more of its digest: rollgate policy history --output jsonl").into())
            }
        }
    }
}
