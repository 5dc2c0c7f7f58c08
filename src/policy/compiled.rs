//! A policy ready to run: dense, immutable, `Send + Sync`. This is the whole contract between the language and the
//! engine; nothing in it is still text that could be wrong.

use std::sync::Arc;

use crate::model::finding::{CheckKind, Origin, Side};
use crate::model::frame::{Catalogue, Group, MetricIx};
use crate::model::ids::{CheckId, Digest, Environment, Feature, Role, RolloutId, StageName};
use crate::model::severity::{Response, Severity};
use crate::model::time::{Duration, Time};
use crate::model::units::Unit;

use super::script::{FunctionIx, ScriptSet};

/// Position of a check in [`Policy::checks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckIx(pub u16);

/// Position of a stage in [`Policy::stages`]; stage 0 is the first rung, usually `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageIx(pub u8);

/// A policy has at most this many stages, so that a set of them is one machine word.
pub const MAX_STAGES: usize = 64;
/// `k of n` looks at no more observations than this, so that a ring of them is one machine word.
pub const MAX_RING: u32 = 64;

/// One policy for one environment.
#[derive(Debug)]
pub struct Policy {
    /// Which rollout it governs.
    pub rollout: RolloutId,
    /// Which environment it was compiled for.
    pub environment: Environment,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The flags that move together.
    pub features: Vec<Feature>,
    /// SHA-256 of all that can alter a decision.
    pub digest: Digest,
    /// Metrics and regions, numbered.
    pub catalogue: Catalogue,
    /// How each metric is judged, by [`MetricIx`]; stages may override parts of it.
    pub metrics: Vec<MetricRules>,
    /// The ladder, lowest first; never empty.
    pub stages: Vec<Stage>,
    /// Thresholds, triggers and gates, in the order in which they are listed: roll back before hold before warn,
    /// worst severity first, then as written; gates last.
    pub checks: Vec<Check>,
    /// How comparison values are frozen.
    pub baseline: BaselineRules,
    /// What each severity obliges and whom it tells, by `Severity::index`.
    pub severities: [SeverityRules; 3],
    /// Times in which nothing advances.
    pub freezes: Vec<Freeze>,
    /// Whether a breach in one region takes back that region or all.
    pub on_breach: BreachScope,
    /// Everything is evaluated and reported, nothing is acted on.
    pub shadow: bool,
    /// A running rollout keeps its policy until the next stage.
    pub pin: bool,
    /// How far the observed share of traffic may be from the stage's, in percentage points.
    pub exposure_tolerance: f64,
    /// The compiled script functions.
    pub scripts: ScriptSet,
    /// The numbers that scripts use, by name.
    pub params: Vec<ParamValue>,
}

/// A number of `[params]`, and who uses it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamValue {
    /// Its name.
    pub name: String,
    /// The number, in `unit`.
    pub value: f64,
    /// What it measures: `"1%"` is percent, a bare number is [`Unit::Number`].
    pub unit: Unit,
    /// The checks whose scripts read it.
    pub read_by: Vec<CheckId>,
    /// Where it was written.
    pub origin: Origin,
}

/// How a metric's readings are judged.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRules {
    /// A reading older than this is stale.
    pub max_age: Duration,
    /// A reading that rests on fewer samples is unknown; zero when the metric sets none.
    pub min_samples: u64,
    /// What a lasting unknown does.
    pub on_unknown: OnUnknown,
    /// How long a metric may be unknown before somebody is told (P1) and, with `OnUnknown::Rollback`, before the
    /// exposure is taken back. Default: three times `max_age`.
    pub unknown_after: Duration,
    /// An identical value for longer than this is unknown (stale): the source is stuck.
    pub stuck_after: Option<Duration>,
    /// The group that checks on this metric read unless they say otherwise.
    pub group: Group,
}

/// What a lasting unknown does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnUnknown {
    /// Hold.
    Hold,
    /// Hold, and after `unknown_after` roll back.
    Rollback,
}

/// What a severity obliges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeverityRules {
    /// What a threshold of this severity does when firing.
    pub then: Response,
    /// Channels to tell.
    pub notify: Vec<String>,
}

/// A rung of the ladder.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    /// Its name.
    pub name: StageName,
    /// Share of traffic, in percent; 0 for audience-only stages.
    pub traffic: f64,
    /// Who sees it regardless of traffic (`@example.com`, `group:staff`).
    pub audience: Vec<String>,
    /// Good time to serve before leaving; none means this stage is never left by itself (final or manual).
    pub bake: Option<Duration>,
    /// The most wall time in this stage.
    pub max: Option<Duration>,
    /// What passing `max` does.
    pub on_max: OnMax,
    /// Gates that must be open to leave; checks of kind `Gate`.
    pub gates: Vec<CheckIx>,
    /// Who must approve leaving.
    pub approvals: Option<Approvals>,
    /// A way to leave before the bake is served.
    pub early_exit: Option<EarlyExit>,
    /// Where a roll back from here goes; always lower than this stage (or this stage itself when it is the lowest).
    pub rollback_to: StageIx,
    /// `max_age` and `min_samples` per metric in this stage, by [`MetricIx`], overrides applied.
    pub limits: Vec<MetricLimits>,
    /// Where it was written.
    pub origin: Origin,
}

impl Stage {
    /// Whether nobody at all sees the change here.
    #[must_use]
    pub fn is_unexposed(&self) -> bool {
        self.traffic <= 0.0 && self.audience.is_empty()
    }

    /// Whether this stage leaves `group` empty by design: no treatment before exposure, no control at 100 %.
    #[must_use]
    pub fn leaves_empty(&self, group: Group) -> bool {
        match group {
            Group::Treatment => self.is_unexposed(),
            Group::Control => self.traffic >= 100.0,
            Group::All => false,
        }
    }
}

/// Freshness and sample limits of one metric in one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricLimits {
    /// A reading older than this is stale.
    pub max_age: Duration,
    /// A reading that rests on fewer samples is unknown.
    pub min_samples: u64,
}

/// What passing a stage's `max` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnMax {
    /// Hold, and tell P1.
    Hold,
    /// Take the exposure back.
    Rollback,
}

/// Who must approve leaving a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// Each of these roles.
    pub roles: Vec<Role>,
    /// By at least this many different people.
    pub people: u32,
}

/// A way to leave before the bake is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlyExit {
    /// Good time to serve at least.
    pub after: Duration,
    /// Gates that must be open, besides the stage's own.
    pub gates: Vec<CheckIx>,
    /// Samples that every metric of the stage must have gathered in it.
    pub samples: u64,
}

/// A set of stages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StageSet(pub u64);

impl StageSet {
    /// Every stage.
    pub const ALL: StageSet = StageSet(u64::MAX);

    /// With `stage` in it.
    #[must_use]
    pub const fn with(self, stage: StageIx) -> StageSet {
        StageSet(self.0 | 1 << (stage.0 & 63))
    }

    /// Whether `stage` is in it.
    #[must_use]
    pub const fn contains(self, stage: StageIx) -> bool {
        self.0 >> (stage.0 & 63) & 1 == 1
    }
}

/// One compiled condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Permanent id: `isolation_score.p0`, or the trigger's or gate's key.
    pub id: CheckId,
    /// Threshold, trigger or gate.
    pub kind: CheckKind,
    /// P0, P1 or P2; who is told. Gates carry P2 and never tell anybody.
    pub severity: Severity,
    /// What it does when firing. A gate holds.
    pub response: Response,
    /// Where a roll back by this check goes; the stage's own target when none.
    pub target: Option<StageIx>,
    /// The stages it is active in.
    pub stages: StageSet,
    /// What is tested.
    pub condition: Condition,
    /// How long or how often it must be broken to fire.
    pub window: Window,
    /// How long or how often it must hold again to clear; for a gate, to open. A `Run::For` or `Run::Of`.
    pub clear: Window,
    /// Evaluated and reported, never acted on.
    pub shadow: bool,
    /// An absolute bound holds instead of rolling back while control breaks it too.
    pub unless_control: bool,
    /// The condition as the policy words it: `below 95%`, `above +10% than baseline and above +20ms for 30m`.
    pub words: Arc<str>,
    /// Where it was written.
    pub origin: Origin,
    /// Hash of the check's meaning: equal before and after a reload when its runs may be kept.
    pub fingerprint: u64,
}

/// What a check tests.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// A value against a bound.
    Bound(Bound),
    /// A script function's answer.
    Script {
        /// Which function.
        function: FunctionIx,
        /// The metrics it (or a function it calls) reads, with the group read; for applicability and freshness.
        reads: Vec<(MetricIx, Group)>,
        /// The metrics whose frozen baseline it asks for.
        baselines: Vec<MetricIx>,
        /// The checks it asks about; never a script itself.
        asks: Vec<CheckIx>,
        /// Hash of what is written in it and in what it calls; layout, comments and the values of params do not count.
        text: u64,
    },
}

/// A value against a bound. Bounds are strict: exactly at the bound is not a breach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// Which metric.
    pub metric: MetricIx,
    /// Which group's reading.
    pub group: Group,
    /// Which side is a breach.
    pub side: Side,
    /// The bound itself.
    pub limit: Limit,
    /// Must be broken as well.
    pub floor: Option<Floor>,
}

/// Where a bound lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// A level in the metric's unit.
    Absolute(f64),
    /// `comparison x (1 + fraction)`: `"+10%"` is 0.10, `"-10%"` is -0.10.
    Relative {
        /// Compared with what.
        than: Than,
        /// The signed fraction.
        fraction: f64,
    },
    /// `comparison + delta`: `"+0.5pp"`, `"+20ms"`, in the metric's unit.
    Difference {
        /// Compared with what.
        than: Than,
        /// The signed difference.
        delta: f64,
    },
}

impl Limit {
    /// What it is compared with, if anything.
    #[must_use]
    pub const fn than(&self) -> Option<Than> {
        match self {
            Limit::Absolute(_) => None,
            Limit::Relative { than, .. } | Limit::Difference { than, .. } => Some(*than),
        }
    }
}

/// A second bound on the same side that must be broken as well.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Floor {
    /// A level (`"300ms"`).
    Level(f64),
    /// A difference to the comparison (`"+20ms"`).
    Difference(f64),
}

/// What a relative bound compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Than {
    /// The median frozen before the rollout.
    Baseline,
    /// The median of the last readings of the control group.
    Control,
}

/// How long, or how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// The first observation.
    First,
    /// An unbroken run of at least this length and two distinct observations.
    For(Duration),
    /// The newest and at least `k` of the last `n` known observations.
    Of {
        /// How many.
        k: u32,
        /// Of how many; at most [`MAX_RING`].
        n: u32,
    },
}

/// How comparison values are frozen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BaselineRules {
    /// Readings of this long before the first exposure count.
    pub window: Duration,
    /// Fewer readings are no baseline.
    pub min_points: u32,
    /// A baseline older than this is no baseline; none means it stays good until the next revision.
    pub max_age: Option<Duration>,
    /// If the last readings before the first exposure have left the median by more than this fraction, it cannot be
    /// trusted.
    pub drift: f64,
}

/// Whether a breach in one region takes back that region or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreachScope {
    /// Everything.
    All,
    /// The region where it happened; the rest hold.
    Region,
}

/// A time in which nothing advances.
#[derive(Debug, Clone, PartialEq)]
pub enum Freeze {
    /// From one instant (inclusive) to another (exclusive).
    Range {
        /// First instant.
        from: Time,
        /// First instant after.
        to: Time,
        /// Why, for people.
        note: String,
    },
    /// Every week; when `to` is not after `from` it runs past midnight.
    Weekly {
        /// Monday is 0.
        days: [bool; 7],
        /// Local time of day it starts.
        from: jiff::civil::Time,
        /// Local time of day it ends.
        to: jiff::civil::Time,
        /// The zone the times are in; its data is compiled in.
        zone: jiff::tz::TimeZone,
        /// Why, for people.
        note: String,
    },
}

impl Policy {
    /// The stage at `ix`.
    #[must_use]
    pub fn stage(&self, ix: StageIx) -> Option<&Stage> {
        self.stages.get(ix.0 as usize)
    }

    /// The position of the stage called `name`.
    #[must_use]
    pub fn find_stage(&self, name: &str) -> Option<StageIx> {
        let at = self.stages.iter().position(|stage| stage.name.as_str() == name)?;
        u8::try_from(at).ok().map(StageIx)
    }

    /// The check at `ix`.
    #[must_use]
    pub fn check(&self, ix: CheckIx) -> Option<&Check> {
        self.checks.get(ix.0 as usize)
    }

    /// The position of the check called `id`.
    #[must_use]
    pub fn find_check(&self, id: &str) -> Option<CheckIx> {
        let at = self.checks.iter().position(|check| check.id.as_str() == id)?;
        u16::try_from(at).ok().map(CheckIx)
    }
}
