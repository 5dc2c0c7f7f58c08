//! One rollout policy, decided by rollgate and by the engines one might pick instead.
//!
//! Every contender gets the same snapshot (twelve metrics, two groups, the stage, the frozen baseline), converts it
//! into its own input for each decision, and answers advance, hold or roll back with the worst severity. Policies are
//! compiled once, keys and names are made once, engines are reused: each is used as its documentation advises.

pub mod cedar;
pub mod cel;
pub mod ours;
pub mod rego;
pub mod vrl;
#[path = "../../support/world.rs"]
pub mod world;

use rollgate::model::decision::Answer;
use rollgate::model::severity::Severity;
use world::Snapshot;

/// What a contender answers.
pub type Decided = (Answer, Option<Severity>);

/// One engine with the policy loaded.
pub struct Contender {
    /// As in the table.
    pub name: &'static str,
    /// Decides over one snapshot.
    pub decide: Box<dyn FnMut(&Snapshot) -> Decided>,
}

impl Contender {
    fn new(name: &'static str, decide: impl FnMut(&Snapshot) -> Decided + 'static) -> Contender {
        Contender { name, decide: Box::new(decide) }
    }
}

/// Everybody, the program written by hand first.
#[must_use]
pub fn contenders() -> Vec<Contender> {
    vec![
        Contender::new(NATIVE, world::native_decision),
        ours::contender(ours::TABLE, world::Rules::Toml),
        ours::contender(ours::LOWERED, world::Rules::Script),
        ours::interpreted(),
        vrl::contender(),
        rego::machine(),
        rego::interpreter(),
        cedar::contender(),
        cel::contender(),
    ]
}

/// Straight-line Rust.
pub const NATIVE: &str = "straight-line Rust";

/// What a severity calls for, by its number; 3 is none.
fn decided(worst: i64) -> Decided {
    match worst {
        0 => (Answer::RollBack, Some(Severity::P0)),
        1 => (Answer::Hold, Some(Severity::P1)),
        2 => (Answer::Advance, Some(Severity::P2)),
        _ => (Answer::Advance, None),
    }
}

/// One condition: in which stage, and any of these.
struct Condition {
    stage: Option<&'static str>,
    any: &'static [&'static str],
}

/// The conditions of each severity, worst first; `t` and `c` are the groups, `base` the frozen `p95`.
const CONDITIONS: [&[Condition]; 3] = [
    &[
        everywhere(&["t.score < 95.0"]),
        everywhere(&["t.errors > 5.0"]),
        everywhere(&["t.cascades > 3.0"]),
        everywhere(&["t.uptime < 99.0"]),
        Condition { stage: Some("canary"), any: &["t.errors > 1.0", "t.timeouts > 2.0", "c.errors > 20.0"] },
        Condition { stage: Some("staged"), any: &["t.errors > 1.0", "t.p99 > 700.0"] },
        Condition { stage: Some("full"), any: &["t.uptime < 99.9", "t.retries > 10.0"] },
    ],
    &[
        everywhere(&["t.score < 99.0"]),
        everywhere(&["t.errors > 2.0"]),
        everywhere(&["t.p95 > base * 1.1"]),
        everywhere(&["t.p99 > 900.0"]),
        everywhere(&["t.memory > 90.0"]),
        everywhere(&["t.queue > 1000.0"]),
    ],
    &[everywhere(&["t.score < 99.5"]), everywhere(&["t.cpu > 85.0"])],
];

const fn everywhere(any: &'static [&'static str]) -> Condition {
    Condition { stage: None, any }
}

impl Condition {
    /// With `&&` and `||`; `stage` is what the language calls the stage, `fields` puts its names in.
    fn written(&self, stage: &str, fields: impl Fn(&str) -> String) -> String {
        let any = self.any.iter().map(|one| fields(one)).collect::<Vec<String>>().join(" || ");
        self.stage.map_or_else(|| any.clone(), |name| format!("({stage} == \"{name}\" && ({any}))"))
    }
}

/// All conditions of each severity in one expression, worst first.
fn expressions(stage: &str, fields: impl Fn(&str) -> String) -> [String; 3] {
    CONDITIONS.map(|of| of.iter().map(|one| one.written(stage, &fields)).collect::<Vec<String>>().join(" || "))
}

/// Days of every kind.
#[must_use]
pub fn snapshots() -> Vec<Snapshot> {
    world::mixed(SNAPSHOTS)
}

/// Enough that the processor's branch predictor does not learn them by heart.
const SNAPSHOTS: usize = 1024;

/// Every contender must say what the program written by hand says.
///
/// # Panics
/// One does not.
pub fn assert_parity(contenders: &mut [Contender]) {
    let mut seen = std::collections::BTreeMap::new();
    for snapshot in snapshots() {
        let expected = world::native_decision(&snapshot);
        *seen.entry(expected).or_insert(0) += 1;
        for contender in contenders.iter_mut() {
            assert_eq!((contender.decide)(&snapshot), expected, "{}: {snapshot:#?}", contender.name);
        }
    }
    assert_eq!(seen.len(), 4, "some answer never came: {seen:?}");
}
