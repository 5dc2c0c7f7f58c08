//! A finding: what one check said about one region, with everything needed to argue about it at 3 a.m.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::frame::Group;
use super::ids::{CheckId, MetricName, Region};
use super::reading::Unknown;
use super::severity::{Response, Severity};
use super::time::Duration;
use super::units::Unit;

/// What a check is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// A P0/P1/P2 bound; applies in every stage unless it says otherwise.
    Threshold,
    /// A reason to roll back in particular stages.
    Trigger,
    /// A condition for leaving a stage.
    Gate,
}

/// Where a check stands. A gate is open when `Ok` and closed otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum FindingState {
    /// The bound holds.
    Ok,
    /// The bound is broken, but not yet for as long as the check asks.
    Pending,
    /// The bound is broken for as long as the check asks.
    Firing,
    /// Was firing; the bound holds again, but not yet for as long as clearing asks.
    Clearing,
    /// Cannot be told.
    Unknown,
    /// The stage leaves the group it watches empty by design.
    NotApplicable,
}

impl FindingState {
    /// The word on screens.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            FindingState::Ok => "ok",
            FindingState::Pending => "pending",
            FindingState::Firing => "firing",
            FindingState::Clearing => "clearing",
            FindingState::Unknown => "unknown",
            FindingState::NotApplicable => "not applicable",
        }
    }
}

impl fmt::Display for FindingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Which side of the bound is a breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Values above the bound are a breach.
    Above,
    /// Values below the bound are a breach.
    Below,
}

impl Side {
    /// `above` or `below`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Side::Above => "above",
            Side::Below => "below",
        }
    }
}

/// Where in the policy a check was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// Path inside the policy's directory.
    pub file: Arc<str>,
    /// One-based.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How far a run of breaches (or of clearing samples) has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// "1m40s of 2m"
    Time {
        /// How long so far.
        done: Duration,
        /// How long is asked.
        of: Duration,
    },
    /// "2 of 3"
    Count {
        /// How many so far.
        done: u32,
        /// How many are asked.
        of: u32,
    },
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Time { done, of } => write!(f, "{done} of {of}"),
            Progress::Count { done, of } => write!(f, "{done} of {of}"),
        }
    }
}

impl Serialize for Progress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Progress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Progress, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (done, of) = text.split_once(" of ").ok_or_else(|| de::Error::custom("`done of asked` is due"))?;
        if let (Ok(done), Ok(of)) = (done.parse(), of.parse()) {
            return Ok(Progress::Count { done, of });
        }
        let length = |text| if text == "0s" { Ok(Duration::ZERO) } else { Duration::parse(text) };
        match (length(done), length(of)) {
            (Ok(done), Ok(of)) => Ok(Progress::Time { done, of }),
            _ => Err(de::Error::custom(format!("`{text}` is no progress"))),
        }
    }
}

/// What a check looked at and found. Values are in the metric's unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's permanent id.
    pub check: CheckId,
    /// Threshold, trigger or gate.
    pub kind: CheckKind,
    /// P0, P1 or P2; a gate has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// What it obliges when firing.
    pub response: Response,
    /// Where it stands.
    pub state: FindingState,
    /// The region it is about; empty when there is one.
    #[serde(default = "no_region", skip_serializing_if = "region_is_only_one")]
    pub region: Region,
    /// The metric, unless a script decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<MetricName>,
    /// The group it watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// The metric's unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The value observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Why the check could not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Unknown>,
    /// Which side of the bound is a breach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// The bound in force, after baseline, control and floor were worked in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bound: Option<f64>,
    /// How far the value is on the good side of the bound; negative when broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// The baseline or control value that the bound was worked out from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<f64>,
    /// How far a run has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    /// How many samples the value rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// How old the value is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Duration>,
    /// A worse finding on the same metric that says it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden_by: Option<CheckId>,
    /// Evaluated and reported, never acted on.
    #[serde(default, skip_serializing_if = "is_false")]
    pub shadow: bool,
    /// A person muted it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub muted: bool,
    /// Control breaks the same absolute bound: probably a shared cause.
    #[serde(default, skip_serializing_if = "is_false")]
    pub control_too: bool,
    /// What a script saw when it fired: `error_rate 6.1%, error_rate.p1 pending`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub facts: String,
    /// The condition as the policy words it: `below 95%`, `script runaway`.
    pub condition: Arc<str>,
    /// File and line in the policy.
    pub origin: Origin,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

fn no_region() -> Region {
    Region::new("")
}

fn region_is_only_one(region: &Region) -> bool {
    region.as_str().is_empty()
}

impl Finding {
    /// Whether this finding can change anything: not muted, not in shadow, applicable.
    #[must_use]
    pub const fn counts(&self) -> bool {
        !self.shadow && !self.muted && !matches!(self.state, FindingState::NotApplicable)
    }

    /// The state in one word: a gate is open or closed.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match (self.kind, self.state) {
            (CheckKind::Gate, FindingState::Ok) => "open",
            (CheckKind::Gate, FindingState::Pending | FindingState::Firing | FindingState::Clearing) => "closed",
            (_, state) => state.name(),
        }
    }

    /// The value as a person would write it, or why there is none.
    #[must_use]
    pub fn shown_value(&self) -> String {
        match (self.value, self.unit, self.unknown) {
            (_, _, Some(why)) => why.to_string(),
            (Some(value), Some(unit), None) => unit.show(value).to_string(),
            _ => "-".to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    /// `isolation_score 94.2% is below 95%`, `error_rate is unknown: stale`, `runaway fired`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.metric.as_ref().map_or(self.check.as_str(), MetricName::as_str);
        match (self.unknown, self.value, self.unit, self.side, self.bound) {
            (Some(why), ..) => write!(f, "{subject} is unknown: {why}")?,
            // `failed is above ok` is how it is compared, and nothing anybody would say.
            (None, Some(value), Some(Unit::State), ..) => write!(f, "{subject} is {}", Unit::State.show(value))?,
            // A gate that is closed although its bound holds has not held for long enough yet.
            (None, Some(value), Some(unit), ..)
                if self.kind == CheckKind::Gate && self.progress.is_some() && self.margin >= Some(0.0) =>
            {
                write!(f, "{subject} {} has held", unit.show(value))?;
            }
            (None, Some(value), Some(unit), Some(side), Some(bound)) => {
                let broken = self.margin.is_some_and(|margin| margin < 0.0);
                let relation = if broken { side.name().to_owned() } else { format!("not {}", side.name()) };
                write!(f, "{subject} {} is {relation} {}", unit.show(value), unit.show(bound))?;
            }
            _ => {
                write!(f, "{subject} is {}", self.word())?;
                if !self.facts.is_empty() {
                    write!(f, ": {}", self.facts)?;
                }
            }
        }
        if let Some(progress) = self.progress {
            write!(f, " ({progress})")?;
        }
        if !self.region.as_str().is_empty() {
            write!(f, " in {}", self.region)?;
        }
        if self.control_too {
            f.write_str("; control too: probably a shared cause")?;
        }
        Ok(())
    }
}
