//! "`wake_at`, the next instant its answer could change with no new data": nothing happens before it, and it comes.

use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use rollgate::engine::Input;
use rollgate::model::decision::Answer;
use rollgate::model::finding::FindingState;
use rollgate::model::ids::CheckId;
use rollgate::model::time::Duration;
use rollgate::policy::compiled::Policy;

use super::world::{World, minute};

const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
score = { unit = "percent", better = "higher", max_age = "150s", on_unknown = "rollback", unknown_after = "4m", stuck_after = "3m" }
latency = { unit = "ms", better = "lower", max_age = "70s", on_unknown = "rollback", unknown_after = "3m", min_samples = 10 }
[thresholds.error_rate]
p0 = { above = "5%", unless_control = true }
p1 = { above = "1%", for = "2m" }
p2 = { above = "+50%", than = "control", group = "all", in = ["canary"] }
[thresholds.latency]
p1 = { above = "+10%", than = "baseline" }
[triggers]
both = { script = "both", in = ["canary"] }
[gates]
steady = { metric = "score", at_least = "98%", for = "2m" }
sound = { script = "sound" }
[params]
low = "97%"
slow = "300ms"
[freeze]
windows = [{ from = "1970-01-01T00:12:30Z", to = "1970-01-01T00:14:10Z", note = "epoch" }]
[[stages]]
name = "off"
bake = "2m"
[[stages]]
name = "canary"
traffic = "10%"
bake = "4m"
max = "15m"
gates = ["steady", "sound"]
early_exit = { after = "100s", gates = ["sound"] }
[[stages]]
name = "full"
traffic = "100%"
bake = "4m"
max = "9m"
on_max = "rollback"
"#;
const RULES: &str = r#"
fn both() { pending("error_rate.p1") && metric("score").treatment < param("low") }
fn sound() { metric("score").treatment > param("low") || metric("latency").treatment < param("slow") }
"#;

#[derive(Debug, Clone)]
struct Step {
    gap: i64,
    words: String,
}

fn step() -> impl Strategy<Value = Step> {
    let word = |name: &'static str, values: &'static [&'static str]| {
        (prop::sample::select(values), 0..40_i64, 0..5_u8).prop_map(move |(value, age, said)| {
            if said == 0 { String::new() } else { format!("{name}={value}~{age} ") }
        })
    };
    let errors: &[&str] = &["0.1", "0.1", "1.5", "7", "null"];
    let words = (
        word("error_rate", errors),
        word("error_rate.control", errors),
        word("error_rate.all", errors),
        word("score", &["99", "99", "99.5", "98.5", "96", "nan"]),
        word("latency", &["100@20", "100@20", "105@20", "100@3", "400@20", "error"]),
    );
    (5..80_i64, words).prop_map(|(gap, (a, b, c, d, e))| Step { gap, words: [a, b, c, d, e].concat() })
}

/// What everybody can see: the answer, where it stands, every finding's state.
fn seen(world: &World) -> (Answer, String, bool, Vec<(CheckId, FindingState)>) {
    let states = world.decision().findings.iter().map(|f| (f.check.clone(), f.state)).collect();
    (world.answer(), world.stage().to_owned(), world.is_latched(), states)
}

fn played(stage: &str, steps: &[Step], with_baseline: bool) -> (World, i64) {
    static COMPILED: LazyLock<Arc<Policy>> = LazyLock::new(|| super::world::compile(POLICY, RULES));
    let mut world = World::of(stage, Arc::clone(&COMPILED), |state| {
        if with_baseline {
            state.baselines = vec![super::world::baseline("latency", 100.0)];
        }
    });
    let mut now = 0;
    for step in steps {
        now += step.gap;
        world.at_second(0, now, &step.words);
    }
    (world, now)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Ticking every second in a silence shows nothing that was not announced, and no wake-up is in the past.
    #[test]
    fn nothing_changes_before_the_instant_that_wake_at_says(
        steps in prop::collection::vec(step(), 0..14),
        stage in prop::sample::select(&["off", "canary", "full"][..]),
        with_baseline in any::<bool>(),
    ) {
        let (mut world, start) = played(stage, &steps, with_baseline);
        world.feed(minute(0) + Duration::from_secs(start), Input::Tick);
        let mut before = seen(&world);
        for second in 1..20 * 60 {
            let now = minute(0) + Duration::from_secs(start + second);
            // What the machine asked for comes first, at its time.
            let mut turns = 0;
            while let Some(wake) = world.output.wake_at.filter(|wake| *wake < now) {
                let asked_at = world.machine.now();
                prop_assert!(wake > asked_at, "a wake-up at {wake}, asked for at {asked_at}");
                world.wake_until(wake + Duration::from_millis(1));
                before = seen(&world);
                turns += 1;
                prop_assert!(turns < 1000);
            }
            let due = world.output.wake_at == Some(now);
            world.feed(now, Input::Tick);
            world.confirm(now);
            let after = seen(&world);
            prop_assert!(due || after == before, "at {now} unannounced: {before:?} -> {after:?}");
            before = after;
        }
    }

    /// A restart loses evidence, never a latch, and is never ahead of a controller that ran through.
    #[test]
    fn a_restart_is_never_ahead_and_loses_no_latch(
        steps in prop::collection::vec(step(), 1..20),
        more in prop::collection::vec(step(), 1..20),
        stage in prop::sample::select(&["off", "canary"][..]),
    ) {
        let (mut through, start) = played(stage, &steps, true);
        let (mut restarted, _) = played(stage, &steps, true);
        restarted.restart();
        let same = |a: &World, b: &World| (a.stage().to_owned(), a.is_latched()) == (b.stage().to_owned(), b.is_latched());
        prop_assert!(same(&through, &restarted));
        let rung = |world: &World| world.policy.stages.iter().position(|s| s.name.as_str() == world.stage()).unwrap();
        let mut now = start;
        for step in &more {
            now += step.gap;
            through.at_second(0, now, &step.words);
            restarted.at_second(0, now, &step.words);
            // After a roll back of the one that saw more, the other may still stand where it was.
            if through.is_latched() {
                break;
            }
            prop_assert!(rung(&restarted) <= rung(&through));
        }
        restarted.assert_state_is_the_fold();
    }
}

/// Three stages, five ways a reading can be, every sequence of five: what is not known never lets anything pass.
#[test]
fn in_a_small_world_unknown_never_advances() {
    const WAYS: [&str; 5] = ["error_rate=0.1", "error_rate=9", "", "error_rate=nan", "error_rate=0.1~300"];
    let policy = super::world::compile(SMALL, "");
    let mut advances = 0;
    for sequence in 0..WAYS.len().pow(5) {
        let ways = (0..5).map(|at| WAYS[sequence / WAYS.len().pow(at) % WAYS.len()]);
        let mut world = World::of("low", Arc::clone(&policy), |_| {});
        let (mut latched, mut before_it) = (false, "");
        for (at, way) in ways.enumerate() {
            let now = minute(0) + Duration::from_secs(at as i64 * 100);
            let rises = |world: &mut World, why: &str, how: &mut dyn FnMut(&mut World)| {
                let before = world.stage().to_owned();
                how(world);
                let rose = world.stage() != before && !world.is_latched();
                assert!(!rose || why == WAYS[0], "sequence {sequence}, step {at}: {why:?} advanced");
                rose
            };
            let mut rose = rises(&mut world, before_it, &mut |world| world.wake_until(now));
            rose |= rises(&mut world, way, &mut |world| world.snapshot(now, way));
            before_it = way;
            assert!(!latched || world.is_latched(), "a latch yields only to a person");
            latched |= world.is_latched();
            assert!(!latched || world.stage() == "off", "sequence {sequence}");
            if way == WAYS[1] {
                assert!(world.is_latched(), "sequence {sequence}, step {at}: a breach was silenced");
            }
            advances += usize::from(rose);
        }
    }
    assert!(advances > 100, "the world is not so small that nothing moves");
}

const SMALL: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
[thresholds.error_rate]
p0 = { above = "5%" }
[[stages]]
name = "off"
bake = "1m"
[[stages]]
name = "low"
traffic = "10%"
bake = "80s"
[[stages]]
name = "high"
traffic = "50%"
bake = "80s"
[[stages]]
name = "full"
traffic = "100%"
bake = "80s"
"#;
