//! The checks alone: fifteen TOML bounds over twelve metrics and two groups, against the same written out in Rust.

use std::cell::RefCell;
use std::sync::Arc;

use rollgate::engine::{Called, Checks};
use rollgate::model::frame::Frame;
use rollgate::model::reading::{Truth, Unknown};
use rollgate::model::time::Time;
use rollgate::policy::compiled::StageIx;

use super::harness::{Variant, measure, show};
use super::world::{self, NativeRun, Shape, Snapshot};
use super::{Bench, Line, allocations};

/// Snapshots that are gone through again and again.
const SNAPSHOTS: usize = 16;
/// The canary stage.
const CANARY: StageIx = StageIx(1);
const NONE: [Truth; 15] = [Truth::Unknown(Unknown::Absent); 15];

fn checks(shape: Shape) -> Checks {
    Checks::new(world::policy(shape), CANARY, world::baselines())
}

pub(crate) fn run(bench: &mut Bench) {
    same_answers();
    tests(bench);
    windows(bench);
}

/// The hand-written program and the compiled policy say the same about every reading.
fn same_answers() {
    let policy = world::policy(Shape::PLAIN);
    let mut frame = Frame::default();
    let mut truths = Vec::new();
    for snapshot in world::patchy(512) {
        let mut checks = Checks::new(Arc::clone(&policy), CANARY, world::baselines());
        snapshot.fill(&policy, &mut frame);
        checks.load(&frame);
        checks.test(snapshot.time(), &mut truths);
        let mut native = NONE;
        world::native_tests(&snapshot, snapshot.at, &mut native);
        assert_eq!(truths, native, "{snapshot:?}\n{:?}", policy.checks.iter().map(|c| &c.id).collect::<Vec<_>>());
    }
    let mut checks = checks(Shape { windows: true, ..Shape::PLAIN });
    let mut runs = [NativeRun::default(); 15];
    let mut seen = std::collections::BTreeMap::new();
    for snapshot in world::mixed(4096) {
        snapshot.fill(&policy, &mut frame);
        checks.load(&frame);
        let Called { answer, .. } = checks.evaluate(snapshot.time());
        let mut native = NONE;
        let expected = world::native_windows(&snapshot, snapshot.at, &mut native, &mut runs);
        assert_eq!(answer, expected, "{snapshot:?}");
        *seen.entry(answer).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 3, "some answer never came: {seen:?}");
}

/// Compare, unknown, age; nothing remembered.
fn tests(bench: &mut Bench) {
    let snapshots: Vec<Snapshot> = world::patchy(SNAPSHOTS);
    let policy = world::policy(Shape::PLAIN);
    let mut frame = Frame::default();
    let loaded: Vec<Checks> = snapshots
        .iter()
        .map(|snapshot| {
            let mut checks = Checks::new(Arc::clone(&policy), CANARY, world::baselines());
            snapshot.fill(&policy, &mut frame);
            checks.load(&frame);
            checks
        })
        .collect();
    let mut truths = Vec::with_capacity(15);
    let count = allocations(|| loaded[0].test(snapshots[0].time(), &mut truths));
    let (mut next, mut native_next) = (0, 0);
    let mut native_truths = NONE;
    let figures = measure(
        bench.plan,
        vec![
            Variant::new("native", || {
                native_next = (native_next + 1) % SNAPSHOTS;
                let snapshot = &snapshots[native_next];
                world::native_tests(snapshot, snapshot.at, &mut native_truths);
                native_truths[14]
            }),
            Variant::new("rollgate", || {
                next = (next + 1) % SNAPSHOTS;
                loaded[next].test(Time::from_millis(snapshots[next].at), &mut truths);
                truths[14]
            }),
        ],
    );
    let ratio = figures.ratio("rollgate", "native");
    bench.lines.push(Line::promise(
        "15 checks, 12 metrics, 2 groups",
        "<= 5x native, no allocation",
        format!("{}, {count} allocations", show(figures.ns("rollgate"))),
        format!("{ratio:.1}x native ({})", show(figures.ns("native"))),
        ratio <= 5.0 && count == 0,
    ));
}

/// With `for` and `k of n` on every check. A run moves only on new readings, so both sides take in new ones each time.
fn windows(bench: &mut Bench) {
    let snapshots: Vec<Snapshot> = world::quiet(SNAPSHOTS);
    let frames: Vec<Frame> = {
        let policy = world::policy(Shape::PLAIN);
        let mut frame = Frame::default();
        let fill = |snapshot: &Snapshot| {
            snapshot.fill(&policy, &mut frame);
            frame.clone()
        };
        snapshots.iter().map(fill).collect()
    };
    // The next minute, with readings of one of the days.
    let native_now = RefCell::new(snapshots[0].at);
    let mut native_runs = [NativeRun::default(); 15];
    let mut native_truths = NONE;
    let mut own = snapshots.clone();
    let mut step = |windows: bool| {
        let mut now = native_now.borrow_mut();
        *now += 60_000;
        let snapshot = &mut own[(*now / 60_000) as usize % SNAPSHOTS];
        *snapshot = snapshot.at(*now);
        if windows {
            world::native_windows(snapshot, *now, &mut native_truths, &mut native_runs);
        } else {
            world::native_tests(snapshot, *now, &mut native_truths);
        }
        native_truths[14]
    };
    let mut plain = stepper(checks(Shape::PLAIN), frames.clone(), true);
    let mut windowed = stepper(checks(Shape { windows: true, ..Shape::PLAIN }), frames.clone(), true);
    let mut intake = stepper(checks(Shape::PLAIN), frames, false);
    for _ in 0..10 {
        windowed();
    }
    let count = allocations(|| {
        for _ in 0..100 {
            windowed();
        }
    });
    let step = RefCell::new(&mut step);
    let figures = measure(
        bench.plan,
        vec![
            Variant::new("native", || step.borrow_mut()(false)),
            Variant::new("native windows", || step.borrow_mut()(true)),
            Variant::new("intake", &mut intake),
            Variant::new("plain", &mut plain),
            Variant::new("windows", &mut windowed),
        ],
    );
    let ratio = figures.ratio("windows", "native windows");
    bench.lines.push(Line::promise(
        "the same with windows, 24 readings taken in",
        "<= 15x native, no allocation",
        format!("{}, {count} allocations", show(figures.ns("windows"))),
        format!("{ratio:.1}x native windows ({})", show(figures.ns("native windows"))),
        ratio <= 15.0 && count == 0,
    ));
    let without = figures.ns("windows") - figures.ns("intake");
    bench.lines.push(Line::fact(
        "  of which taking in 24 readings",
        show(figures.ns("intake")),
        format!("{} without", show(without)),
    ));
    bench.lines.push(Line::fact(
        "  without windows",
        show(figures.ns("plain")),
        format!("{:.1}x native ({})", figures.ratio("plain", "native"), show(figures.ns("native"))),
    ));
}

/// Takes in the readings of the next minute, and evaluates them if asked to.
fn stepper(mut checks: Checks, mut frames: Vec<Frame>, evaluate: bool) -> impl FnMut() -> Option<Called> {
    let mut minute = 0;
    move || {
        minute += 1;
        let count = frames.len();
        let frame = &mut frames[minute % count];
        let now = Time::from_millis(60_000 * minute as i64);
        frame.time = now;
        for cell in &mut frame.cells {
            cell.observed = now;
        }
        checks.load(frame);
        evaluate.then(|| checks.evaluate(now))
    }
}
