//! `eval`: one snapshot, one decision.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::fixture::DataError;
use crate::report::explain;
use crate::report::times::Times;
use crate::shell::files;

use super::console::Console;
use super::exit::Exit;
use super::global::{self, Output, WhichEnvironment};
use super::run::{self, Recorded, Run, session};

/// Decide on one snapshot.
///
/// A condition with `for` cannot fire on one snapshot; `replay` shows what a run of them does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate eval policies/isolation snapshot.json
  curl -s metrics.internal/snapshot | rollgate eval policies/isolation -
  rollgate eval policies/isolation snapshot.json --stage staged")]
pub struct Eval {
    /// The policy's directory
    policy: PathBuf,
    /// A snapshot as JSON; `-` for standard input
    snapshot: String,
    #[command(flatten)]
    environment: WhichEnvironment,
    /// Stage it is in [default: the first that exposes anybody]
    #[arg(long, value_name = "NAME")]
    stage: Option<String>,
    /// Comparison value frozen before the rollout; may be given again
    #[arg(long, value_name = "METRIC=VALUE")]
    baseline: Vec<String>,
    /// Rename and convert what the snapshot calls otherwise; may be given again
    #[arg(long, value_name = "NAME[/GROUP]=METRIC[/GROUP][:UNIT]")]
    map: Vec<String>,
    /// Sample count of readings that carry none
    #[arg(long, value_name = "COUNT", value_parser = run::whole, allow_negative_numbers = true)]
    assume_samples: Option<u64>,
    /// End with 10 for hold, 11 for roll back, 12 when something is unknown
    #[arg(long)]
    exit_decision: bool,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

impl Eval {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (name, text) = match self.snapshot.as_str() {
            "-" => ("standard input", files::read_stdin()),
            path => (path, files::read_text(Path::new(path))),
        };
        let text = text.map_err(|cause| DataError::Unreadable { file: name.to_owned(), cause })?;
        let recorded = Recorded {
            stage: self.stage.clone(),
            baseline: self.baseline.clone(),
            map: self.map.clone(),
            assume_samples: self.assume_samples,
            strict: true,
            ..Recorded::default()
        };
        // A snapshot printed over several lines is still one line of NDJSON.
        let line = run::one_line(&text, name)?;
        let environment = self.environment.get();
        let run = Run::of_snapshot(&self.policy, name, line, &environment, &recorded, console)?;
        let decision = session::last_decision(run)?;
        let times = Times::between(jiff::tz::TimeZone::UTC, decision.time, decision.time);
        match global::output(self.output, console.plain) {
            Output::Pretty => console.print(explain::pretty(&decision, &[], None, console.screen, &times))?,
            Output::Plain => console.print(explain::plain(&decision, &[]))?,
            Output::Json => console.line(serde_json::to_string_pretty(&decision)?)?,
            Output::Jsonl => console.line(serde_json::to_string(&decision)?)?,
        }
        Ok(if self.exit_decision { session::exit_of_decision(&decision) } else { Exit::Done })
    }
}
