//! rollgate: the checks of the stage, with everything that the others do not do: ages, sample counts, unknowns, and
//! the state of every check listed.

use std::sync::Arc;

use rollgate::engine::{Called, Checks};
use rollgate::model::decision::Answer;
use rollgate::model::frame::Frame;
use rollgate::model::reading::Truth;
use rollgate::model::severity::Severity;
use rollgate::policy::compiled::{Policy, StageIx};

use crate::Contender;
use crate::world::{self, Read, Rules, Shape, Snapshot};

pub const TABLE: &str = "rollgate, TOML only";
pub const LOWERED: &str = "rollgate, one script rule, lowered";
pub const SCRIPT: &str = "rollgate, one script rule, interpreted";

/// Between two snapshots, in the time of the data.
const STEP: i64 = 10_000;

/// The policy with its stage rules written as `rules` says.
pub fn contender(name: &'static str, rules: Rules) -> Contender {
    let mut rollout = Rollout::new(rules);
    Contender::new(name, move |snapshot| {
        let called = rollout.decide(snapshot);
        (called.answer, called.severity)
    })
}

/// The same with the rule of the stage interpreted, which happens only when it is asked for.
pub fn interpreted() -> Contender {
    let mut rollout = Rollout::new(Rules::Absent);
    let policy = world::policy(Shape { rules: Rules::Script, ..Shape::PLAIN });
    let functions = ["canary", "staged", "full"].map(|stage| world::rule(&policy, stage));
    Contender::new(SCRIPT, move |snapshot| {
        let called = rollout.decide(snapshot);
        let rule = functions[usize::from(snapshot.stage) - 1];
        match policy.scripts.call_interpreted(rule, &Read(snapshot)).truth {
            Truth::Breach => (Answer::RollBack, Some(Severity::P0)),
            Truth::Unknown(_) => (called.answer.max(Answer::Hold), called.severity),
            Truth::Ok => (called.answer, called.severity),
        }
    })
}

/// The checks of each stage.
struct Rollout {
    policy: Arc<Policy>,
    stages: [Checks; 3],
    frame: Frame,
    now: i64,
}

impl Rollout {
    fn new(rules: Rules) -> Rollout {
        let policy = world::policy(Shape { rules, ..Shape::PLAIN });
        let stages = [1, 2, 3].map(|ix| Checks::new(Arc::clone(&policy), StageIx(ix), world::baselines()));
        Rollout { policy, stages, frame: Frame::default(), now: 0 }
    }

    fn decide(&mut self, snapshot: &Snapshot) -> Called {
        self.now += STEP;
        snapshot.fill_at(self.now, &self.policy, &mut self.frame);
        let checks = &mut self.stages[usize::from(snapshot.stage) - 1];
        checks.load(&self.frame);
        checks.evaluate(self.frame.time)
    }
}
