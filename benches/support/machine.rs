//! The whole step: readings in, everything tested, decided, state folded, the next wake-up worked out.

use std::cell::RefCell;

use rollgate::engine::{Input, Machine};
use rollgate::model::decision::Answer;
use rollgate::model::frame::Frame;
use rollgate::model::ids::{Revision, StageName};
use rollgate::model::state::RolloutState;
use rollgate::model::time::Time;

use super::harness::{Variant, measure, show};
use super::world::{self, Rules, Shape};
use super::{Bench, Line, allocations};

/// Snapshots that are gone through again and again.
const SNAPSHOTS: usize = 16;
/// Between two snapshots: every sixth is a heartbeat, too.
const STEP: i64 = 10_000;

/// A rollout that waits for its bake in the canary stage, fed every ten seconds.
struct Rollout {
    machine: Machine,
    frames: Vec<Frame>,
    step: usize,
    now: i64,
}

impl Rollout {
    fn new(shape: Shape) -> Rollout {
        let policy = world::policy(shape);
        let mut state = RolloutState::at_stage(StageName::new("canary"), Time::from_millis(0));
        state.revision = Some(Revision::new("r1"));
        state.applied_at = Some(Time::from_millis(0));
        state.baselines = world::baselines();
        let fill = |snapshot: &world::Snapshot| {
            let mut frame = Frame::default();
            snapshot.fill(&policy, &mut frame);
            frame
        };
        let frames = world::quiet(SNAPSHOTS).iter().map(fill).collect();
        let machine = Machine::new(policy, state);
        let mut rollout = Rollout { machine, frames, step: 0, now: 0 };
        (0..100).for_each(|_| drop(rollout.snapshot()));
        assert_eq!(rollout.machine.answer(), Answer::Hold);
        assert!(rollout.machine.is_clear(), "{:#?}", rollout.machine.decision());
        rollout
    }

    fn snapshot(&mut self) -> rollgate::engine::Output {
        self.step += 1;
        self.now += STEP;
        let now = Time::from_millis(self.now);
        let count = self.frames.len();
        let frame = &mut self.frames[self.step % count];
        frame.time = now;
        frame.cells.iter_mut().for_each(|cell| cell.observed = now);
        self.machine.handle(now, Input::Frame(frame))
    }

    fn tick(&mut self) -> rollgate::engine::Output {
        self.now += 1;
        self.machine.handle(Time::from_millis(self.now), Input::Tick)
    }
}

pub(crate) fn run(bench: &mut Bench) {
    let windows = Shape { windows: true, ..Shape::PLAIN };
    let rollout = RefCell::new(Rollout::new(windows));
    let scripted = RefCell::new(Rollout::new(Shape { rules: Rules::Script, ..windows }));
    let quiet = {
        // Between two heartbeats.
        let mut rollout = rollout.borrow_mut();
        while rollout.snapshot().events.is_empty() {}
        allocations(|| (0..5).for_each(|_| drop(rollout.snapshot())))
    };
    let record = allocations(|| drop(rollout.borrow().machine.decision()));
    let figures = measure(
        bench.plan,
        vec![
            Variant::new("tick", || rollout.borrow_mut().tick()),
            Variant::new("hold", || rollout.borrow_mut().snapshot()),
            Variant::new("record", || rollout.borrow().machine.decision()),
            Variant::new("hold and record", || {
                let mut rollout = rollout.borrow_mut();
                (rollout.snapshot(), rollout.machine.decision())
            }),
            Variant::new("script", || scripted.borrow_mut().snapshot()),
        ],
    );
    let ns = |name| figures.ns(name);
    bench.lines.push(Line::promise(
        "the whole step, a quiet hold",
        "<= 1.5 us",
        format!("{}, {:.1} allocations", show(ns("hold")), quiet as f64 / 5.0),
        format!("{} wall", show(figures.wall_ns("hold"))),
        ns("hold") <= 1500.0,
    ));
    bench.lines.push(Line::promise(
        "the whole step with a full record",
        "<= 3 us",
        format!("{}, {record} allocations", show(ns("hold and record"))),
        format!("record alone {}", show(ns("record"))),
        ns("hold and record") <= 3000.0,
    ));
    bench.lines.push(Line::fact("  a tick without readings", show(ns("tick")), String::new()));
    let without = format!("{:.2}x without", figures.ratio("script", "hold"));
    bench.lines.push(Line::fact("  with a script rule in place of two bounds", show(ns("script")), without));
}
