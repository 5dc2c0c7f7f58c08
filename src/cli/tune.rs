//! `tune`: one bound or duration of one check at many values, over labelled recordings.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::fixture::run::RunOptions;
use crate::model::ids::{CheckId, Environment};
use crate::model::time::Duration;
use crate::report::json::Envelope;
use crate::report::tune::{self, Tuned, drawing};
use crate::review::sweep::grid::{self, Spacing};
use crate::shell::{files, write};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, Output, WhichEnvironment};
use super::run::whole;

mod candidates;
mod recordings;
mod subject;

/// Try one bound or duration of one check at many values, over labelled recordings.
///
/// Each value is worked into the policy as if it had been typed, and all of them are played over every fixture of the
/// policy: how many incidents each would have caught and how soon, how many good releases it would have stopped.
/// Values stay in the unit they are written in. Nothing is changed in any file.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate tune isolation_score.p0 --from 90% --to 99%
  rollgate tune error_rate.p1 --key for --from 1m --to 10m --step 1m
  rollgate tune canary-slower-than-control --from +5% --to +30% --svg tune.svg
  rollgate tune isolation_score.p0 --from 90% --to 99% --history last-year.csv")]
pub struct Tune {
    /// The check, as `check` and `test` name it: METRIC.p0, or the name of a trigger or gate
    #[arg(value_name = "CHECK")]
    check: String,
    /// The first value
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    from: String,
    /// The last value
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    to: String,
    /// About so many values, on round numbers [default: 20]
    #[arg(long, value_name = "COUNT", conflicts_with = "step")]
    steps: Option<usize>,
    /// Exactly so far apart
    #[arg(long, value_name = "VALUE")]
    step: Option<String>,
    /// Which value of the check: below, above, for, clear_after, ... [default: its bound]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The policy's directory [default: the one below `policies` that has the check]
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Fixtures, or trees of them [default: fixtures, else .]
    #[arg(long, value_name = "PATH", num_args = 1..)]
    fixtures: Vec<PathBuf>,
    /// Recordings without a label: roll backs on them are counted, right or wrong
    #[arg(long, value_name = "FILE", num_args = 1..)]
    history: Vec<String>,
    /// Sample count of readings in the history that carry none
    #[arg(long, value_name = "COUNT", value_parser = whole, allow_negative_numbers = true, requires = "history")]
    assume_samples: Option<u64>,
    /// After a roll back, start again once all checks were clear that long
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    rearm: Option<Duration>,
    #[command(flatten)]
    environment: WhichEnvironment,
    /// Draw it as well: one file, without scripts, for light and dark pages
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text).map_err(|error| error.to_string())
}

impl Tune {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let subject = subject::find(self.policy.as_deref(), &self.check, &self.environment.get(), console)?;
        let key = subject.key(self.key.as_deref())?;
        let found = recordings::find(&self.fixtures, &self.history, &subject.folder, self.environment.get(), console)?;
        let environments = found.environments(&self.environment);
        let values = self.values(&subject, &key)?;
        let options = candidates::Options {
            run: RunOptions { rearm: self.rearm, ..RunOptions::default() },
            assume_samples: self.assume_samples,
        };
        let check = CheckId::new(&self.check);
        let played = candidates::play(&subject, &key, &values, &found, &environments, &options, console)?;
        let tuned = Tuned {
            check,
            asked_by: subject.asked_by(),
            current: subject.value(&key).map(str::to_owned),
            key,
            policy: files::shown(&subject.folder),
            environments,
            recordings: played.recordings,
            rearm: self.rearm,
            values: played.points,
            says: Vec::new(),
            notes: played.notes,
        }
        .new();
        self.show(&tuned, console)
    }

    /// The values, on the grid they are written on.
    fn values(&self, subject: &subject::Subject, key: &str) -> Result<Vec<grid::Value>, Failure> {
        let usage = |message: String| Failure::new(Exit::Usage, message);
        for (name, end) in [("--from", &self.from), ("--to", &self.to)] {
            subject.fits(key, end).map_err(|why| {
                let failure = usage(format!("`{name} {end}` does not fit {} of {}: {why}", key, self.check));
                match subject.value(key) {
                    Some(value) => failure.help(format!("the value in force is {value}: write it like that")),
                    None => failure,
                }
            })?;
        }
        let spacing = match (self.steps, &self.step) {
            (Some(count), _) => Spacing::Steps(count),
            (None, Some(step)) => Spacing::Step(step),
            (None, None) => Spacing::Usual,
        };
        let values = grid::values(&self.from, &self.to, spacing, subject::lasts(key), subject.value(key));
        values.map_err(|error| usage(error.to_string()))
    }

    fn show(&self, tuned: &Tuned, console: &mut Console) -> anyhow::Result<Exit> {
        match global::output(self.output, console.plain) {
            Output::Pretty => console.print(tune::pretty(tuned, console.screen))?,
            Output::Plain => console.print(tune::plain(tuned))?,
            Output::Json => console.line(Envelope::new("tune", tuned).pretty()?)?,
            Output::Jsonl => {
                for point in &tuned.values {
                    console.line(Envelope::new("tune-value", point).line()?)?;
                }
            }
        }
        if let Some(path) = &self.svg {
            let shown = files::shown(path);
            write::put(path, drawing::svg(tuned).as_bytes()).with_context(|| format!("cannot write `{shown}`"))?;
            console.say(format!("wrote {shown}"))?;
        }
        // Every value was refused: the policy is what is wrong.
        let tried = tuned.values.iter().any(|point| point.outcome.is_some());
        Ok(if tried { Exit::Done } else { Exit::PolicyInvalid })
    }
}

/// The environments for which something is to be compiled, in order and each once.
pub(super) fn distinct(all: impl Iterator<Item = Environment>) -> Vec<Environment> {
    let mut environments: Vec<Environment> = all.collect();
    environments.sort();
    environments.dedup();
    environments
}
