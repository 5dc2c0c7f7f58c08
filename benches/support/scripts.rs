//! One script rule: as a tree, and in the interpreter.

use rollgate::model::frame::{Group, MetricIx};
use rollgate::model::reading::{Reading, Truth, Unknown};
use rollgate::policy::compiled::{CheckIx, Condition, Policy};
use rollgate::policy::script::{Facts, FunctionIx};

use super::harness::{Variant, measure, show};
use super::world::{self, Rules, Shape, Snapshot};
use super::{Bench, Line, allocations};

/// The readings of one snapshot.
struct Read<'a>(&'a Snapshot);

impl Facts for Read<'_> {
    fn reading(&self, metric: MetricIx, group: Group) -> Reading {
        let samples = if group == Group::Control { &self.0.control } else { &self.0.treatment };
        samples
            .get(usize::from(metric.0))
            .map_or(Reading::Unknown(Unknown::Absent), |sample| Reading::Value(sample.value))
    }
    fn baseline(&self, _: MetricIx) -> Reading {
        Reading::Value(world::BASELINE_P95)
    }
    fn breached(&self, _: CheckIx) -> Truth {
        Truth::Ok
    }
    fn pending(&self, _: CheckIx) -> Truth {
        Truth::Ok
    }
}

/// The rule of the canary stage.
fn canary(policy: &Policy) -> FunctionIx {
    let check = policy.checks.iter().find(|check| check.id.as_str() == "canary-rule").expect("there is such a trigger");
    match &check.condition {
        Condition::Script { function, .. } => *function,
        Condition::Bound(_) => panic!("it is a script"),
    }
}

pub(crate) fn run(bench: &mut Bench) {
    let shape = |rules| Shape { rules, ..Shape::PLAIN };
    let (tree, text) = (world::policy(shape(Rules::Lowered)), world::policy(shape(Rules::Interpreted)));
    let (tree_ix, text_ix) = (canary(&tree), canary(&text));
    assert!(tree.scripts.is_lowered(tree_ix) && !text.scripts.is_lowered(text_ix));
    let snapshots = world::mixed(64);
    for snapshot in &snapshots {
        let facts = Read(snapshot);
        let answers = [
            tree.scripts.call(tree_ix, &facts),
            tree.scripts.call_interpreted(tree_ix, &facts),
            text.scripts.call(text_ix, &facts),
        ];
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }
    let cycle = || {
        let mut all = snapshots.iter().cycle();
        move || Read(all.next().expect("it goes round"))
    };
    let (mut one, mut two, mut three) = (cycle(), cycle(), cycle());
    let count = allocations(|| drop(text.scripts.call(text_ix, &Read(&snapshots[0]))));
    let figures = measure(
        bench.plan,
        vec![
            Variant::new("lowered", || tree.scripts.call(tree_ix, &one())),
            Variant::new("same interpreted", || tree.scripts.call_interpreted(tree_ix, &two())),
            Variant::new("interpreted", || text.scripts.call(text_ix, &three())),
        ],
    );
    bench.lines.push(Line::fact(
        "a script rule, lowered",
        show(figures.ns("lowered")),
        format!("{:.0}x faster than interpreted", figures.ratio("same interpreted", "lowered")),
    ));
    let measured = format!("{}, {count} allocations", show(figures.ns("interpreted")));
    bench.lines.push(Line::fact("the same with `if`, interpreted", measured, String::new()));
}
