//! One script rule: as the tree that it is lowered to, and in the interpreter.

use super::harness::{Variant, measure, show};
use super::world::{self, Read, Rules, Shape};
use super::{Bench, Line, allocations};

pub(crate) fn run(bench: &mut Bench) {
    let policy = world::policy(Shape { rules: Rules::Script, ..Shape::PLAIN });
    let (scripts, rule) = (&policy.scripts, world::rule(&policy, "canary"));
    assert!(scripts.is_lowered(rule));
    let snapshots = world::patchy(64);
    for snapshot in &snapshots {
        let facts = Read(snapshot);
        assert_eq!(scripts.call(rule, &facts), scripts.call_interpreted(rule, &facts), "{snapshot:?}");
    }
    let (mut one, mut two) = (snapshots.iter().cycle(), snapshots.iter().cycle());
    let first = Read(&snapshots[0]);
    let lowered = allocations(|| drop(scripts.call(rule, &first)));
    let interpreted = allocations(|| drop(scripts.call_interpreted(rule, &first)));
    let figures = measure(
        bench.plan,
        vec![
            Variant::new("lowered", || one.next().map(|snapshot| scripts.call(rule, &Read(snapshot)))),
            Variant::new("interpreted", || two.next().map(|snapshot| scripts.call_interpreted(rule, &Read(snapshot)))),
        ],
    );
    let times = figures.ratio("interpreted", "lowered");
    bench.lines.push(Line::fact(
        "a script rule, lowered as every one is",
        format!("{}, {lowered} allocations", show(figures.ns("lowered"))),
        format!("{times:.0}x faster than interpreted"),
    ));
    let measured = format!("{}, {interpreted} allocations", show(figures.ns("interpreted")));
    bench.lines.push(Line::fact("  the same, interpreted", measured, String::new()));
}
