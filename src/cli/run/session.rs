//! Runs recorded data through the machine and gathers what the reports show.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::Write as _;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::explain::Moment;
use crate::cli::failure::Failure;
use crate::engine::{Machine, Output, turning_points};
use crate::model::decision::{Answer, Decision, Verdict, Wait};
use crate::model::frame::{Catalogue, Frame, Group, MetricIx};
use crate::model::severity::Severity;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Policy;
use crate::report::bands::{self, Bands};
use crate::report::explain::RunUp;
use crate::report::replay::{Deciding, Replayed, Row, Summary};
use crate::shell::clock::Stopwatch;

use super::progress::Progress;
use super::{Rows, Run, Started};

/// More rows than this are nobody's reading; the first and the last ones are kept.
const MOST_ROWS: usize = 400;

/// Runs everything and gathers a report; `stream` writes each row's full record as a line of JSON instead.
///
/// # Errors
/// The data cannot be read, or the console is gone.
pub fn replay(run: Run, rows: Rows, stream: bool, console: &mut Console) -> anyhow::Result<Replayed> {
    let stopwatch = Stopwatch::start();
    let mut progress = Progress::new(console.watched && !stream);
    let mut head = run.head();
    let started = run.start()?;
    let mut gathered = Gathered::new(&started.machine, rows);
    let mut broken_pipe = None;
    let played = started.play(&mut |machine, at, output| {
        progress.step();
        if let Some(decision) = gathered.take(machine, at, output)
            && stream
            && broken_pipe.is_none()
        {
            let line = serde_json::to_string(&decision).unwrap_or_default();
            broken_pipe = writeln!(console.out(), "{line}").err();
        }
    })?;
    progress.end();
    if let Some(error) = broken_pipe {
        return Err(error.into());
    }
    head.conclude(&played.report);
    let mut replayed = gathered.finish(head.into_head(), &played.machine);
    replayed.score = played.score;
    replayed.summary.snapshots = played.report.frames;
    replayed.summary.took = stopwatch.elapsed();
    Ok(replayed)
}
