//! `demo`: a seven-day rollout that is rolled back, from files that are compiled in.

use clap::Args;

use crate::policy::source::PolicySource;
use crate::report::replay;
use crate::report::screen::{PLACE, STRONG, paint};

use super::console::Console;
use super::exit::Exit;
use super::init::SEVEN_DAY;
use super::run::{Recorded, Rows, Run, session};

/// Watch a rollout being rolled back: needs no files, no network.
#[derive(Debug, Args)]
pub struct Demo {}

impl Demo {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let mut source = PolicySource::new("request-isolation");
        for (file, text) in SEVEN_DAY.policy() {
            source.insert(file, text);
        }
        if !console.plain {
            console.line(format!(
                "{}\nFive stages over a week; on the fourth night the isolation score falls.\n",
                paint(STRONG, "rollgate demo")
            ))?;
        }
        let recorded = Recorded { assume_samples: Some(1000), stage: Some("off".to_owned()), ..Recorded::default() };
        let run = Run::of_text(&source, "night-leak.csv", SEVEN_DAY.text("data.csv"), &recorded, console)?;
        let replayed = session::replay(run, Rows::Changes, false, console)?;
        let times = recorded.times(&replayed);
        if console.plain {
            console.print(replay::plain(&replayed))?;
        } else {
            console.print(replay::pretty(&replayed, console.screen, &times))?;
        }
        console
            .line(format!("\nYours to change: {}", paint(PLACE, "rollgate init --template seven-day my-rollouts")))?;
        Ok(Exit::Done)
    }
}
