//! rollgate: the checks of the stage, with everything that the others do not do: ages, sample counts, unknowns, and
//! the state of every check listed.

use rollgate::engine::Checks;
use rollgate::model::frame::Frame;
use rollgate::policy::compiled::StageIx;

use crate::Contender;
use crate::world::{self, Rules, Shape};

pub const TABLE: &str = "rollgate, TOML only";
pub const LOWERED: &str = "rollgate, one script rule, lowered";
pub const SCRIPT: &str = "rollgate, one script rule, interpreted";

/// Between two snapshots, in the time of the data.
const STEP: i64 = 10_000;

/// The policy with its stage rules written as `rules` says.
pub fn contender(name: &'static str, rules: Rules) -> Contender {
    let policy = world::policy(Shape { rules, ..Shape::PLAIN });
    let stage = |stage| Checks::new(std::sync::Arc::clone(&policy), StageIx(stage), world::baselines());
    let mut stages = [stage(1), stage(2), stage(3)];
    let policy = std::sync::Arc::clone(&policy);
    let mut frame = Frame::default();
    let mut now = 0;
    Contender::new(name, move |snapshot| {
        now += STEP;
        snapshot.fill_at(now, &policy, &mut frame);
        let checks = &mut stages[usize::from(snapshot.stage) - 1];
        checks.load(&frame);
        let called = checks.evaluate(frame.time);
        (called.answer, called.severity)
    })
}
