//! `status --wait`: until a rollout has come to something, for pipelines. What cannot be told is no success.

use std::time::Duration as Pause;

use serde::Serialize;

use super::super::console::Console;
use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::global::{self, Output};
use super::super::operate::{choose, explained};
use super::super::reach::Reach;
use super::Status;
use super::condition::{Condition, Near};
use super::ears::Ears;
use super::eyes::{Eyes, Sight, whose};
use super::watch::OFTEN;
use crate::control::Phase;
use crate::ledger::hash::Key;
use crate::model::ids::{Digest, StageName};
use crate::model::time::Duration;
use crate::report::json::Envelope;
use crate::report::layout::hang;
use crate::report::screen::{ATTENTION, BAD, GOOD, Mark, STRONG, paint};
use crate::report::status::{self, Row, Shown, brief};
use crate::shell::clock::{self, Deadline};

/// How a wait ended, for programs.
#[derive(Debug, Serialize)]
struct Waited<'a> {
    condition: String,
    reached: bool,
    ended: &'static str,
    waited: Duration,
    rollout: Option<Shown<'a>>,
}

/// The stages of the policy in force, read anew when another one is.
#[derive(Default)]
struct Ladder {
    of: Option<Digest>,
    stages: Vec<StageName>,
}

impl Status {
    pub(super) fn wait(&self, condition: &Condition, reach: Reach, console: &mut Console) -> anyhow::Result<Exit> {
        let keys = reach.ask(|operate| operate.rollouts()).map_err(explained)?;
        let key = choose(keys, self.rollout.as_deref(), self.environment.as_deref())?;
        let mut ladder = Ladder::default();
        if let Condition::Stage(name) = condition {
            let rows = reach.rows().map_err(explained)?;
            if let Some(row) = rows.iter().find(|row| row.standing.key == key) {
                ladder.read(row, &reach);
            }
            ladder.must_have(name, &key)?;
        }
        let deadline = Deadline::after(self.timeout);
        let ears = Ears::open()?;
        let at = self.at.by(deadline);
        let mut eyes = Eyes::new(&at, reach.by(deadline));
        console.say(hang(
            &format!("waiting for {key} to be {}, {} at most", paint(STRONG, condition), self.timeout),
            console.screen.width,
            2,
        ))?;
        let (mut last, mut told): (Option<Row>, String) = (None, String::new());
        loop {
            let sight = eyes.look(&ears, &mut |reach, rows| {
                rows.iter().filter(|row| row.standing.key == key).for_each(|row| ladder.read(row, reach));
            });
            eyes.tell(&sight, console)?;
            let row = sight.as_ref().ok().and_then(|sight| find(sight, &key));
            if let Some(row) = row {
                let signature = status::signature(row);
                if told != signature {
                    console.say(status::line(row, clock::now()))?;
                    told = signature;
                }
            }
            let near = row.map_or(Near::NotYet, |row| condition.near(row, &ladder.stages));
            let (waited, left) = (deadline.elapsed(), deadline.left());
            let exit = match near {
                Near::There => Some(Exit::Done),
                Near::TakenBack => Some(Exit::EndedRolledBack),
                Near::NotYet if left <= Duration::ZERO => Some(row.map_or(Exit::EndedUnknown, in_vain)),
                Near::NotYet => None,
            };
            last = row.cloned().or(last);
            if let Some(exit) = exit {
                let nobody = row.is_none().then(|| nobody(&sight, &key));
                return self.ended(exit, condition, waited, (last.as_ref(), nobody), console);
            }
            if !ears.wait(Pause::from_millis(left.as_millis().unsigned_abs()).min(OFTEN)) {
                let failure = Failure::new(Exit::Failed, format!("interrupted: {key} was not seen to be {condition}"));
                return Err(failure.into());
            }
        }
    }

    fn ended(
        &self,
        exit: Exit,
        condition: &Condition,
        waited: Duration,
        (row, nobody): (Option<&Row>, Option<String>),
        console: &mut Console,
    ) -> anyhow::Result<Exit> {
        let ended = match exit {
            Exit::Done => "reached",
            Exit::EndedRolledBack => "rolled_back",
            _ => "timed_out",
        };
        let (shape, reached) = (global::output(self.output, console.plain), exit == Exit::Done);
        if matches!(shape, Output::Json | Output::Jsonl) {
            let rollout = row.filter(|_| nobody.is_none()).map(Shown::new);
            let body = Waited { condition: condition.to_string(), reached, ended, waited, rollout };
            let envelope = Envelope::new("wait", body);
            console.line(if shape == Output::Json { envelope.pretty()? } else { envelope.line()? })?;
            return Ok(exit);
        }
        let (mark, style) = match exit {
            Exit::Done => (Mark::Good, GOOD),
            Exit::EndedRolledBack => (Mark::Bad, BAD),
            _ => (Mark::Unknown, ATTENTION),
        };
        let words = match exit {
            Exit::Done => format!("{condition} after {}", brief(waited)),
            Exit::EndedRolledBack => format!("ROLLED BACK instead of {condition}, after {}", brief(waited)),
            _ => format!("not {condition} within {}", self.timeout),
        };
        let stands = nobody.or_else(|| row.map(status::plain)).unwrap_or_default();
        let icon = if console.plain { String::new() } else { format!("{} ", console.screen.icon(mark)) };
        let text = format!("{}: {stands}", paint(style, format!("{icon}{words}")));
        console.line(hang(&text, console.screen.width, if console.plain { 0 } else { 2 }))?;
        Ok(exit)
    }
}

fn find<'a>(sight: &'a Sight, key: &Key) -> Option<&'a Row> {
    sight.rows.iter().find(|row| row.standing.key == *key)
}

/// Why nothing can be said about the rollout.
fn nobody(sight: &anyhow::Result<Sight>, key: &Key) -> String {
    match sight {
        Ok(_) => format!("{key} is not known any more; {}", whose(sight)),
        Err(_) => format!("nothing is known of {key}: {}", whose(sight)),
    }
}

/// Time is up: whether it holds for a reason that is known, or nobody can tell.
fn in_vain(row: &Row) -> Exit {
    if row.is_blind() || row.standing.phase == Phase::NoPolicy { Exit::EndedUnknown } else { Exit::EndedInHold }
}

impl Ladder {
    fn read(&mut self, row: &Row, reach: &Reach) {
        let digest = row.standing.policy.as_ref();
        if self.of.as_ref() == digest {
            return;
        }
        let Some(digest) = digest else { return };
        let record = reach.ask(|operate| operate.policy(digest)).ok().flatten();
        if let Some(policy) = record.and_then(|record| record.compile().ok()) {
            self.stages = policy.stages.iter().map(|stage| stage.name.clone()).collect();
            self.of = Some(digest.clone());
        }
    }

    /// A stage that does not exist would be waited for in vain.
    fn must_have(&self, name: &StageName, key: &Key) -> anyhow::Result<()> {
        if self.stages.is_empty() || self.stages.contains(name) {
            return Ok(());
        }
        let stages: Vec<&str> = self.stages.iter().map(StageName::as_str).collect();
        let failure = Failure::new(Exit::Usage, format!("the policy of {key} has no stage `{name}`"));
        Err(failure.help(format!("its stages are {}", stages.join(", "))).into())
    }
}
