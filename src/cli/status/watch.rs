//! `status --watch`: on a terminal drawn over in place, elsewhere one line per change.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::console::Console;
use super::super::exit::Exit;
use super::super::global::{self, Output};
use super::super::reach::Reach;
use super::Status;
use super::ears::Ears;
use super::eyes::{Eyes, Sight};
use crate::ledger::hash::Key;
use crate::model::time::Time;
use crate::report::json::Envelope;
use crate::report::screen::{BAD, QUIET, paint};
use crate::report::status::{self, Shown};
use crate::shell::clock;
use crate::shell::terminal::Terminal;

/// How often it is looked without news: ages grow, a source fails, a store has no events.
pub(super) const OFTEN: Duration = Duration::from_secs(1);

impl Status {
    pub(super) fn watch(&self, reach: Reach, console: &mut Console) -> anyhow::Result<Exit> {
        let ears = Ears::open()?;
        let mut eyes = Eyes::new(&self.at, reach);
        let shape = global::output(self.output, console.plain);
        if shape == Output::Pretty && console.height.is_some() {
            self.draw_again(&ears, &mut eyes, console)
        } else {
            self.tell_changes(shape, &ears, &mut eyes, console)
        }
    }

    /// Over the same screen.
    fn draw_again(&self, ears: &Ears, eyes: &mut Eyes<'_>, console: &mut Console) -> anyhow::Result<Exit> {
        let store = self.store();
        let mut last: Option<(Sight, Time)> = None;
        console.clear()?;
        loop {
            let (sight, now) = (eyes.look(ears, &mut |_, _| {}), clock::now());
            let lost = match sight {
                Ok(mut sight) => {
                    sight.rows = self.wanted(sight.rows);
                    last = Some((sight, now));
                    None
                }
                // What was seen last is still worth more than nothing, as long as it says how old it is.
                Err(error) => Some(error),
            };
            console.measure(Terminal::detect());
            let mut text = String::new();
            if let Some((sight, _)) = &last {
                text.push_str(&self.drawn(&sight.rows, &store, sight.controller.as_deref(), console));
            }
            if let Some(error) = lost {
                let since = last.as_ref().map_or_else(String::new, |(_, at)| format!("STALE since {at}: "));
                text.push_str(&format!("{}\n", paint(BAD, format!("{since}{error}"))));
            }
            let second = Time::from_millis(now.as_millis() / 1000 * 1000);
            text.push_str(&format!("{}\n", paint(QUIET, format!("{second}; Ctrl-C ends"))));
            console.redraw(&text)?;
            if !ears.wait(OFTEN) {
                return Ok(Exit::Done);
            }
        }
    }

    /// A line per change: for logs, pipes and screen readers.
    fn tell_changes(
        &self,
        shape: Output,
        ears: &Ears,
        eyes: &mut Eyes<'_>,
        console: &mut Console,
    ) -> anyhow::Result<Exit> {
        let mut told: BTreeMap<Key, String> = BTreeMap::new();
        loop {
            let sight = eyes.look(ears, &mut |_, _| {});
            eyes.tell(&sight, console)?;
            for row in sight.into_iter().flat_map(|sight| self.wanted(sight.rows)) {
                let signature = status::signature(&row);
                if told.get(&row.standing.key) == Some(&signature) {
                    continue;
                }
                match shape {
                    Output::Json | Output::Jsonl => {
                        console.line(Envelope::new("standing", Shown::new(&row)).line()?)?;
                    }
                    Output::Pretty | Output::Plain => console.line(status::line(&row, clock::now()))?,
                }
                told.insert(row.standing.key.clone(), signature);
            }
            console.flush()?;
            if !ears.wait(OFTEN) {
                return Ok(Exit::Done);
            }
        }
    }
}
