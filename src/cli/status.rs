//! `status`: where rollouts stand, worst first; once, again and again, or until one of them stands where it should.

use clap::Args;
use serde::Serialize;

use crate::model::time::Duration;
use crate::report::json::Envelope;
use crate::report::status::{self, Row, Shown};

use super::console::Console;
use super::exit::Exit;
use super::global::{self, Output};
use super::operate::explained;
use super::orders::duration;
use super::reach::{Reach, Unreachable, Where};

mod condition;
mod ears;
mod eyes;
mod wait;
mod watch;

use condition::Condition;

const EXAMPLES: &str = "\
Examples:
  rollgate status
  rollgate status --watch
  rollgate status checkout --wait stage:canary --timeout 10m
  rollgate status checkout --wait done --timeout 2h && ./announce";

const MORE: &str = "\
Examples:
  rollgate status
  rollgate status --watch
  rollgate status checkout --wait stage:canary --timeout 10m
  rollgate status checkout --wait done --timeout 2h && ./announce

Conditions of --wait:
  stage:NAME   it is in that stage, or above it, and the exposure is confirmed
  done         its last stage is served
  held         a person holds or pauses it
  settled      nothing moves on without a person: done, held, or waiting for one
  rolled-back  it is taken back, and that is confirmed

Exit codes of --wait:
  0   it came to that
  10  time is up: it holds
  11  it was rolled back instead
  12  time is up: data is unknown, no policy is usable, or nobody answers";

/// Show where rollouts stand, worst first.
///
/// Where a controller answers: what is broken, how old the data is, and what else is the matter, below each row.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = MORE)]
pub struct Status {
    /// Only this rollout
    rollout: Option<String>,
    /// Only this environment
    #[arg(short, long, value_name = "NAME", env = "ROLLGATE_ENVIRONMENT")]
    environment: Option<String>,
    /// Everything about each: features, bake, mutes, policy, data, sources
    #[arg(long, conflicts_with = "wait")]
    detailed: bool,
    /// Go on, drawing anew after every change; into a file or pipe, one line per change. Ctrl-C ends
    #[arg(long)]
    watch: bool,
    /// Wait until the rollout has come to this: done, stage:NAME, held, settled, rolled-back
    #[arg(long, value_name = "CONDITION", conflicts_with = "watch")]
    wait: Option<Condition>,
    /// How long to wait at most
    #[arg(long, value_name = "DURATION", default_value = "30m", requires = "wait", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    at: Where,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

#[derive(Serialize)]
struct Standings<'a> {
    rollouts: Vec<Shown<'a>>,
}

impl Status {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        // What waits in a spool is carried out first, whoever looks.
        let reach = self.at.reach(false, console).map_err(Unreachable::explained)?;
        match &self.wait {
            Some(condition) => self.wait(condition, reach, console),
            None if self.watch => self.watch(reach, console),
            None => self.once(&reach, console),
        }
    }

    fn once(&self, reach: &Reach, console: &mut Console) -> anyhow::Result<Exit> {
        let rows = self.wanted(reach.rows().map_err(explained)?);
        let store = self.store();
        match global::output(self.output, console.plain) {
            Output::Pretty => console.print(self.drawn(&rows, &store, reach.controller(), console))?,
            Output::Plain => plain(&rows, console)?,
            Output::Json => {
                let rollouts = rows.iter().map(Shown::new).collect();
                console.line(Envelope::new("status", Standings { rollouts }).pretty()?)?;
            }
            Output::Jsonl => {
                for row in &rows {
                    console.line(Envelope::new("standing", Shown::new(row)).line()?)?;
                }
            }
        }
        Ok(if rows.is_empty() { Exit::Nothing } else { Exit::Done })
    }

    fn wanted(&self, mut rows: Vec<Row>) -> Vec<Row> {
        rows.retain(|row| {
            let key = &row.standing.key;
            self.rollout.as_ref().is_none_or(|name| key.rollout.as_str() == name)
                && self.environment.as_ref().is_none_or(|name| key.environment.as_str() == name)
        });
        rows
    }

    fn store(&self) -> String {
        self.at.store.home().shown()
    }

    fn drawn(&self, rows: &[Row], store: &str, controller: Option<&str>, console: &Console) -> String {
        let store = if self.at.is_named() { controller.unwrap_or(store) } else { store };
        if rows.is_empty() {
            return format!("no rollout in {store}; begin with: rollgate start\n");
        }
        if self.detailed {
            return status::detailed(rows, console.screen);
        }
        let foot = status::foot(rows, store, controller, console.screen);
        format!("{}{foot}", status::table(rows, console.screen))
    }
}

fn plain(rows: &[Row], console: &mut Console) -> std::io::Result<()> {
    for row in rows {
        console.line(status::plain(row))?;
        status::facts(row).into_iter().try_for_each(|fact| console.line(fact))?;
    }
    Ok(())
}
