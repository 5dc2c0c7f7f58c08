//! `explain`: a problem code, one decision on recorded metrics, or one of a rollout that runs.

use std::path::Path;

use clap::Args;

use crate::fixture::codes as tests;
use crate::model::decision::Decision;
use crate::model::time::{Duration, Time};
use crate::policy::codes;
use crate::report::json::{CodePage, Envelope};
use crate::report::explain::RunUp;
use crate::report::{explain, page};
use crate::settings::codes as settings;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, Output, WhichEnvironment};
use super::run::session::{self, Moment};
use super::reach::Where;
use super::run::{Recorded, Run};

mod running;

/// Explain a problem code, or one decision: of a rollout, or on recorded metrics.
///
/// With a rollout's name, prints the decision in force, or the one of a time; with a policy and data, the one that the
/// data leads to. Every finding with its margin, the minutes before, and what would have changed the answer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate explain RG021
  rollgate explain checkout                                   why is it so now
  rollgate explain checkout --at 2026-03-05T03:10:00Z         why was it so then
  rollgate explain checkout --id 812                          what entry 812 rests on
  rollgate explain policies/isolation night.csv --at 2026-03-05T03:10:00Z
  rollgate explain policies/isolation night.csv --at 18h30m   after the start")]
pub struct Explain {
    /// A code such as RG021, a rollout, or the policy's directory
    #[arg(value_name = "CODE|ROLLOUT|POLICY")]
    subject: String,
    /// Recordings, or one fixture's directory
    data: Vec<String>,
    /// When: a time, or how long after the first sample [default: now; on data the first roll back, else the end]
    #[arg(long = "at", id = "moment", value_name = "TIME", allow_hyphen_values = true)]
    at: Option<String>,
    /// The decision with this id, or of this entry of the ledger
    #[arg(long, value_name = "DECISION", conflicts_with_all = ["moment", "data"])]
    id: Option<String>,
    /// How much of the time before to show
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    before: Duration,
    #[command(flatten)]
    environment: WhichEnvironment,
    #[command(flatten)]
    recorded: Recorded,
    #[command(flatten)]
    reach: Where,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text).map_err(|error| error.to_string())
}

impl Explain {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        if !self.data.is_empty() {
            return self.decision(console);
        }
        match codes::parse(&self.subject) {
            Some(_) => self.code(console),
            None => self.running(console),
        }
    }

    fn code(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let page = |code| codes::page(code).or_else(|| tests::page(code)).or_else(|| settings::page(code));
        if let Some(found) = codes::parse(&self.subject).and_then(page) {
            match global::output(self.output, console.plain) {
                Output::Pretty | Output::Plain => console.print(page::page(found, console.screen))?,
                Output::Json => console.line(Envelope::new("code", CodePage::new(found)).pretty()?)?,
                Output::Jsonl => console.line(Envelope::new("code", CodePage::new(found)).line()?)?,
            }
            return Ok(Exit::Done);
        }
        let last = settings::PAGES.last().map(|page| page.code.to_string()).unwrap_or_default();
        let failure = Failure::new(Exit::Usage, format!("`{}` is no problem code", self.subject));
        Err(failure.help(format!("codes go from RG001 to {last}; `rollgate check` prints them")).into())
    }

    /// Nothing that runs, and no code: what could have been meant.
    fn neither(&self) -> anyhow::Error {
        if Path::new(&self.subject).exists() {
            return Failure::new(Exit::Usage, "which data? explaining a decision needs a recording")
                .help(format!("rollgate explain {} DATA --at TIME", self.subject))
                .into();
        }
        let last = settings::PAGES.last().map(|page| page.code.to_string()).unwrap_or_default();
        Failure::new(Exit::Usage, format!("`{}` is no problem code, no rollout and no policy", self.subject))
            .help(format!("codes go from RG001 to {last}; `rollgate status` lists rollouts"))
            .into()
    }

    fn decision(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let moment = self.moment()?;
        let run = Run::prepare(Path::new(&self.subject), &self.data, &self.environment, &self.recorded, console)?;
        let found = session::decision_at(run, moment, self.before, console)?;
        self.show(&found.decision, &found.run_up, console)
    }

    fn show(&self, decision: &Decision, run_up: &[RunUp], console: &mut Console) -> anyhow::Result<Exit> {
        let times = self.recorded.times_between(decision.time - self.before, decision.time);
        let worse = session::next_worse(decision);
        match global::output(self.output, console.plain) {
            Output::Pretty => {
                let screen = console.screen;
                console.print(explain::pretty(decision, run_up, worse.as_deref(), screen, &times))?;
            }
            Output::Plain => console.print(explain::plain(decision, run_up))?,
            Output::Json => console.line(serde_json::to_string_pretty(decision)?)?,
            Output::Jsonl => console.line(serde_json::to_string(decision)?)?,
        }
        Ok(Exit::Done)
    }

    fn moment(&self) -> anyhow::Result<Moment> {
        let Some(text) = &self.at else { return Ok(Moment::FirstRollBack) };
        if let Ok(at) = Time::parse(text) {
            return Ok(Moment::At(at));
        }
        if let Ok(after) = Duration::parse(text) {
            return Ok(Moment::After(after));
        }
        let failure = Failure::new(Exit::Usage, format!("`--at {text}` is neither a time nor a duration"));
        Err(failure.help("write it as 2026-03-05T03:10:00Z, or as 18h30m after the first sample").into())
    }
}
