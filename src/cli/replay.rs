//! `replay`: what a policy would have done on recorded metrics.

use std::path::PathBuf;

use clap::Args;

use crate::report;
use crate::report::html::ReplayPage;
use crate::report::json::Envelope;
use crate::report::replay::{self, Replayed};

use super::console::Console;
use super::exit::Exit;
use super::global::{self, Output, WhichEnvironment};
use super::html::{self, Html};
use super::run::{Recorded, Rows, Run, session};

/// Show what a policy would have done on recorded metrics.
///
/// Reads NDJSON snapshots, long CSV (timestamp,metric,group,value) and Prometheus query_range answers, plain, .gz or
/// .zst, from files or standard input (`-`). A fixture's directory stands for its data, its start and its label.
/// A bare file starts in the first stage that exposes anybody, entered at the first sample, approvals assumed; the
/// head of the report says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate replay policies/isolation night.csv
  rollgate replay policies/isolation night.csv --set error_rate.p0.above=4%
  rollgate replay policies/isolation fixtures/night-leak --html night.html
  rollgate replay policies/isolation night.csv --output jsonl | jq .headline
  rollgate replay policies/isolation metrics.csv \\
    --map 'latency_seconds/canary=latency_p95/treatment:s'
  rollgate replay policies/isolation night.csv --exit-decision || echo stopped")]
pub struct Replay {
    /// The policy's directory
    policy: PathBuf,
    /// Recordings, `-` for standard input, or one fixture's directory
    #[arg(required = true)]
    data: Vec<String>,
    #[command(flatten)]
    environment: WhichEnvironment,
    #[command(flatten)]
    recorded: Recorded,
    #[command(flatten)]
    html: Html,
    /// Every evaluation, not only the changes
    #[arg(long)]
    all: bool,
    /// End with 10 when it ends in hold, 11 when rolled back, 12 when something is unknown
    #[arg(long)]
    exit_decision: bool,
    /// Shape of the report [default: pretty, or plain with --plain]
    ///
    /// `jsonl` writes the full record of each row as it happens: `kind` is `decision`, and `acted` is false where the
    /// table says WOULD.
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

impl Replay {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let shape = global::output(self.output, console.plain);
        let page = self.html.wanted(shape == Output::Jsonl)?;
        let run = Run::prepare(&self.policy, &self.data, &self.environment, &self.recorded, console)?;
        let rows = if self.all { Rows::Every } else { Rows::Changes };
        let (replayed, drawn) = match page {
            Some(_) => {
                let session::Drawn { replayed, tracks, incidents, policy } = session::drawn(run, rows, console)?;
                (replayed, Some((tracks, incidents, policy)))
            }
            None => (session::replay(run, rows, shape == Output::Jsonl, console)?, None),
        };
        let times = self.recorded.times(&replayed);
        match shape {
            Output::Pretty => console.print(replay::pretty(&replayed, console.screen, &times))?,
            Output::Plain => console.print(replay::plain(&replayed))?,
            Output::Json => console.line(Envelope::new("replay", &replayed).pretty()?)?,
            Output::Jsonl => {}
        }
        if let (Some(path), Some((tracks, incidents, policy))) = (page, drawn) {
            let (tracks, command) = (tracks.as_ref(), html::command());
            let page = ReplayPage {
                replayed: &replayed,
                tracks,
                policy: &policy,
                times: &times,
                command: &command,
                incidents: &incidents,
            };
            Html::write(path, &report::html::replay(&page), console)?;
        }
        Ok(self.exit(&replayed))
    }

    fn exit(&self, replayed: &Replayed) -> Exit {
        if replayed.summary.snapshots == 0 {
            return Exit::Nothing;
        }
        if self.exit_decision { session::exit_of(replayed) } else { Exit::Done }
    }
}
