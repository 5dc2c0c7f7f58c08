//! `--history`: recordings that are no fixtures.

use std::sync::Arc;

use clap::Args;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::run::{Recorded, history_reading};
use crate::fixture::data::prometheus::SeriesName;
use crate::fixture::run::RunOptions;
use crate::model::ids::Environment;
use crate::model::time::Duration;
use crate::policy::compiled::Policy;
use crate::review::compare::{Case, CompareOptions};
use crate::review::verdict::Compared;
use crate::shell::data::open_recording;

use super::drawing::Drawings;
use super::pairs::Compiled;

/// Recordings that are no fixtures, and how they are read.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct History {
    /// Recordings that are no fixtures; each is played by itself
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Recordings")]
    history: Vec<String>,
    /// Stage that history starts in [default: the first that exposes anybody]
    #[arg(long, value_name = "NAME", requires = "history", help_heading = "History")]
    stage: Option<String>,
    /// After a roll back, start again once all checks were clear that long
    #[arg(long, value_name = "DURATION", value_parser = crate::cli::run::duration, requires = "history", help_heading = "History")]
    rearm: Option<Duration>,
    /// Comparison value frozen before the rollout; may be given again
    #[arg(long, value_name = "METRIC=VALUE", requires = "history", help_heading = "History")]
    baseline: Vec<String>,
    /// Rename and convert what the data calls otherwise; may be given again
    #[arg(long, value_name = "NAME[/GROUP]=METRIC[/GROUP][:UNIT]", requires = "history", help_heading = "History")]
    map: Vec<String>,
    /// Metric of a recording whose only series has no name
    #[arg(long, value_name = "METRIC[/GROUP]", requires = "history", help_heading = "History")]
    series: Option<String>,
    /// Sample count of readings that carry none
    #[arg(long, value_name = "COUNT", value_parser = crate::cli::run::whole, requires = "history", help_heading = "History")]
    assume_samples: Option<u64>,
    /// Refuse data with any problem: duplicates, gaps, unknown names
    #[arg(long, requires = "history", help_heading = "History")]
    strict: bool,
}

impl History {
    /// Every recording under both policies.
    ///
    /// # Errors
    /// The data cannot be read, or an argument names what is not there.
    pub(super) fn compare(
        &self,
        asked: Option<Environment>,
        (old, new): (&Compiled, &Compiled),
        per_step: bool,
        drawings: &mut Drawings,
    ) -> anyhow::Result<Vec<Compared>> {
        if self.history.is_empty() {
            return Ok(Vec::new());
        }
        let environment = asked.unwrap_or_else(|| crate::policy::PRODUCTION.into());
        let policy = |compiled: &Compiled| -> Result<Arc<Policy>, Failure> {
            let found = compiled.get(&environment).map(Arc::clone);
            found.ok_or_else(|| Failure::new(Exit::Usage, format!("one side has no environment `{environment}`")))
        };
        let (was, is) = (policy(old)?, policy(new)?);
        let recorded = self.recorded();
        let (before, after) = (history_reading(&recorded, &was)?, history_reading(&recorded, &is)?);
        let run = RunOptions { rearm: self.rearm, ..RunOptions::default() };
        let options = CompareOptions { run, per_step };
        let series = self.series.as_deref().map(SeriesName::parse);
        let mut all = Vec::new();
        for file in &self.history {
            if file == "-" {
                let failure = Failure::new(Exit::Usage, "history is read once for each policy, so not from `-`");
                return Err(failure.help("write it to a file first").into());
            }
            let source = || Ok(vec![open_recording(file, series.clone())?]);
            let mut case = Case::of_history(file.as_str(), &was, &is, Box::new(source));
            (case.before, case.after) = (before.clone(), after.clone());
            all.push(drawings.compare(&case, &was, &is, &options)?);
        }
        Ok(all)
    }

    fn recorded(&self) -> Recorded {
        Recorded {
            stage: self.stage.clone(),
            baseline: self.baseline.clone(),
            map: self.map.clone(),
            assume_samples: self.assume_samples,
            strict: self.strict,
            ..Recorded::default()
        }
    }
}
