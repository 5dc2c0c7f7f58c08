//! The laws, as properties over random recordings.

use proptest::prelude::*;
use rollgate::engine::{Input, Machine};
use rollgate::model::decision::Answer;
use rollgate::model::event::What;
use rollgate::model::frame::Frame;
use rollgate::model::operator::Verb;
use rollgate::model::time::{Duration, Time};

use super::world::{World, minute};

/// Bounds on the bad side only, gates, a script, two groups: everything the laws speak of.
const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
score = { unit = "percent", better = "higher", max_age = "150s", on_unknown = "rollback", unknown_after = "6m" }
[thresholds.error_rate]
p0 = { above = "5%" }
p1 = { above = "1%", for = "2m" }
p2 = { above = "+50%", than = "control", and_above = "+1pp", for = "2 of 3", in = ["off", "canary"] }
[thresholds.score]
p0 = { below = "95%", for = "2 of 3" }
p1 = { below = "99%", clear_after = "2 of 2" }
[triggers]
both = { script = "both", in = ["canary", "full"] }
[gates]
steady = { metric = "score", at_least = "98%", for = "2m" }
[[stages]]
name = "off"
bake = "2m"
[[stages]]
name = "canary"
traffic = "10%"
bake = "4m"
gates = ["steady"]
[[stages]]
name = "full"
traffic = "100%"
bake = "4m"
"#;
const RULES: &str = r#"fn both() { pending("error_rate.p1") && metric("score").treatment < param("low") }"#;

fn policy() -> String {
    format!("{POLICY}\n[params]\nlow = \"97%\"\n")
}

/// One reading: a value on either side of the bounds, or one of the ways to be unknown.
#[derive(Debug, Clone, Copy, PartialEq)]
enum R {
    Value(f64),
    Silent,
    Null,
    Nan,
    OutOfRange,
}

#[derive(Debug, Clone, Copy)]
struct Minute {
    error: R,
    score: R,
    control: R,
}

fn reading(bad_high: bool) -> impl Strategy<Value = R> {
    let value = if bad_high {
        prop_oneof![5 => Just(0.1), 2 => Just(1.0), 2 => Just(1.5), 1 => Just(5.0), 1 => Just(7.0)].boxed()
    } else {
        prop_oneof![6 => Just(99.9), 2 => Just(98.5), 1 => Just(96.0), 1 => Just(94.0)].boxed()
    };
    prop_oneof![
        8 => value.prop_map(R::Value),
        1 => Just(R::Silent),
        1 => Just(R::Null),
        1 => Just(R::Nan),
        1 => Just(R::OutOfRange),
    ]
}

fn recording() -> impl Strategy<Value = Vec<Minute>> {
    let minute = (reading(true), reading(false), reading(true));
    prop::collection::vec(minute.prop_map(|(error, score, control)| Minute { error, score, control }), 1..40)
}

fn text(minute: &Minute) -> String {
    let mut words = String::new();
    for (name, reading) in
        [("error_rate", minute.error), ("score", minute.score), ("error_rate.control", minute.control)]
    {
        match reading {
            R::Value(value) => words += &format!("{name}={value} "),
            R::Silent => {}
            R::Null => words += &format!("{name}=null "),
            R::Nan => words += &format!("{name}=nan "),
            R::OutOfRange => words += &format!("{name}=1000 "),
        }
    }
    words
}

fn world(stage: &str) -> World {
    World::with(stage, &policy(), RULES, |_| {})
}

fn play(world: &mut World, recording: &[Minute]) -> Vec<Answer> {
    recording.iter().map(|m| world.minutes(1, &text(m)).output.answer).collect()
}

/// The answer of one step from the state that `recording` leads to.
fn step_after(recording: &[Minute], last: &Minute) -> Answer {
    let mut world = world("canary");
    play(&mut world, recording);
    world.minutes(1, &text(last)).output.answer
}

const fn worse(reading: R, by: f64, high_is_bad: bool) -> R {
    match reading {
        R::Value(value) => R::Value(if high_is_bad { value + by } else { value - by }),
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Laws 1, 3, 4 and 6, and "state is a fold of the ledger", over whole recordings.
    #[test]
    fn unknown_never_advances_and_exposure_never_rises_in_a_roll_back(recording in recording()) {
        let mut world = world("off");
        for minute in &recording {
            let before = world.machine.state().clone();
            world.minutes(1, &text(minute));
            let after = world.machine.state();
            let traffic = |stage: &str| world.policy.stages.iter().position(|s| s.name.as_str() == stage).unwrap();
            let (from, to) = (traffic(before.stage.as_str()), traffic(after.stage.as_str()));
            prop_assert!(to <= from + 1, "one stage up at most");
            if before.latch.is_some() {
                prop_assert_eq!(from, to, "a latch yields only to a person");
            }
        }
        for event in &world.events {
            if let What::RolledBack { from, to, .. } = &event.what {
                let at = |name: &str| world.policy.stages.iter().find(|s| s.name.as_str() == name).unwrap().traffic;
                prop_assert!(at(to.as_str()) <= at(from.as_str()));
            }
        }
        world.assert_state_is_the_fold();
    }

    /// Law 1: a step whose applicable readings are not all known and fresh never answers advance.
    #[test]
    fn unknown_never_advances(recording in recording(), which in 0..2_usize, how in 1..4_usize) {
        let mut last = Minute { error: R::Value(0.1), score: R::Value(99.9), control: R::Value(0.1) };
        let unknown = [R::Silent, R::Null, R::Nan, R::OutOfRange][how];
        if which == 0 { last.error = unknown } else { last.score = unknown }
        prop_assert_ne!(step_after(&recording, &last), Answer::Advance);
    }

    /// Law 2: moving known treatment readings in their worse direction never gives a milder decision.
    #[test]
    fn worse_readings_never_give_a_milder_decision(recording in recording(), last in recording(), by in 0.0..3.0_f64) {
        let last = last[0];
        let worse = Minute { error: worse(last.error, by, true), score: worse(last.score, by, false), ..last };
        prop_assert!(step_after(&recording, &worse) >= step_after(&recording, &last));
    }

    /// Law 2, second half: replacing any reading by unknown never turns hold or roll back into advance.
    #[test]
    fn losing_a_reading_never_turns_a_hold_into_an_advance(recording in recording(), last in recording(), which in 0..3_usize) {
        let last = last[0];
        let before = step_after(&recording, &last);
        let mut lost = last;
        match which { 0 => lost.error = R::Null, 1 => lost.score = R::Null, _ => lost.control = R::Null }
        let after = step_after(&recording, &lost);
        prop_assert!(before == Answer::Advance || after != Answer::Advance);
    }

    /// Law 5: same inputs, same bytes.
    #[test]
    fn same_inputs_give_the_same_bytes(recording in recording()) {
        let record = || {
            let mut world = world("canary");
            recording.iter().map(|m| serde_json::to_string(&world.minutes(1, &text(m)).decision()).unwrap()).collect::<Vec<_>>()
        };
        prop_assert_eq!(record(), record());
    }

    /// Ticks that the machine did not ask for change no finding and no latch. (They may serve bake in smaller pieces:
    /// good time counts between two good evaluations, so the stage is held here.)
    #[test]
    fn idle_ticks_change_no_finding(recording in recording(), offsets in prop::collection::vec(1..59_i64, 1..5)) {
        let mut plain = world("canary");
        let mut ticked = world("canary");
        plain.order(Verb::Hold { until: None });
        ticked.order(Verb::Hold { until: None });
        for (at, m) in recording.iter().enumerate() {
            plain.minutes(1, &text(m));
            ticked.minutes(1, &text(m));
            let start = minute(at as i64);
            for seconds in offsets.iter().collect::<std::collections::BTreeSet<_>>() {
                let now = start + Duration::from_secs(*seconds);
                ticked.wake_until(now);
                ticked.feed(now, Input::Tick);
            }
            let end = start + Duration::from_secs(59);
            for world in [&mut plain, &mut ticked] {
                world.wake_until(end);
                world.feed(end, Input::Tick);
            }
            prop_assert_eq!(plain.is_latched(), ticked.is_latched());
            let states = |world: &World| world.decision().findings.iter().map(|f| (f.check.clone(), f.state)).collect::<Vec<_>>();
            prop_assert_eq!(states(&plain), states(&ticked));
        }
    }

    /// Any order of any frames, at any times: an answer, never a panic.
    #[test]
    fn the_machine_is_total(times in prop::collection::vec((any::<i64>(), -1e300..1e300_f64, 0..9_u32), 1..30)) {
        let mut world = world("canary");
        for (at, value, slot) in times {
            let cell = rollgate::model::frame::Cell {
                slot: rollgate::model::frame::Slot(slot * 7),
                observed: Time::from_millis(at.wrapping_add(i64::from(slot))),
                value,
                samples: None,
                unknown: None,
            };
            let frame = Frame { time: Time::from_millis(at), exposure: Some(value), cells: vec![cell] };
            let machine: &mut Machine = &mut world.machine;
            machine.handle(frame.time, Input::Frame(&frame));
            let record = serde_json::to_string(&machine.decision());
            prop_assert!(record.is_ok());
        }
    }
}
