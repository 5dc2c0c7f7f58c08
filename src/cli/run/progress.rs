//! A line that says how far a long replay has come: only for a person watching, and only after a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::time::Duration;
use crate::shell::clock::Stopwatch;

/// A replay shorter than this needs no progress.
const WORTH_IT: Duration = Duration::from_secs(1);
/// Looking at the clock costs more than an evaluation.
const EVERY: u64 = 4096;

/// Counts evaluations.
pub(super) struct Progress {
    watched: bool,
    stopwatch: Stopwatch,
    count: u64,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Silent unless somebody watches.
    #[must_use]
    pub(super) fn new(watched: bool) -> Progress {
        Progress { watched, stopwatch: Stopwatch::start(), count: 0, bar: None }
    }

    /// One more evaluation.
    pub(super) fn step(&mut self) {
        self.count += 1;
        if !self.watched || !self.count.is_multiple_of(EVERY) || self.stopwatch.elapsed() < WORTH_IT {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is a constant; without it the line is only plainer.
            if let Ok(style) = ProgressStyle::with_template("{human_pos} evaluations, {per_sec}, {elapsed}") {
                bar.set_style(style);
            }
            bar
        });
        bar.set_position(self.count);
    }

    /// Takes the line away again.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
