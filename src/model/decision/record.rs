//! A decision record, read back: a controller's API and its store give records as they were put.

use serde::{Deserialize, Deserializer, de};

use super::{Cause, Decision, Permit, Reasons, Verdict, Wait};
use crate::model::finding::Finding;
use crate::model::ids::{Digest, Environment, Generation, Region, Revision, RolloutId, StageName};
use crate::model::severity::Severity;
use crate::model::time::{Duration, Time};

/// The record, field by field; what a newer rollgate adds is passed over.
#[derive(Deserialize)]
struct Record {
    time: Time,
    rollout: RolloutId,
    environment: Environment,
    policy: Digest,
    revision: Option<Revision>,
    stage: StageName,
    traffic: f64,
    decision: String,
    to: Option<StageName>,
    region: Option<Region>,
    severity: Option<Severity>,
    because: serde_json::Value,
    #[serde(default)]
    shadow: bool,
    time_in_stage: Duration,
    bake_served: Duration,
    bake: Option<Duration>,
    findings: Vec<Finding>,
    wake_at: Option<Time>,
    generation: Generation,
}

impl<'de> Deserialize<'de> for Decision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Decision, D::Error> {
        let record = Record::deserialize(deserializer)?;
        let verdict = match record.decision.as_str() {
            "advance" => Verdict::Advance { to: record.to, because: reasons::<Permit, _>(record.because)? },
            "hold" => Verdict::Hold { because: reasons::<Wait, _>(record.because)? },
            "roll_back" => Verdict::RollBack {
                to: record.to.ok_or_else(|| de::Error::missing_field("to"))?,
                region: record.region,
                because: reasons::<Cause, _>(record.because)?,
            },
            other => return Err(de::Error::custom(format!("`{other}` is no decision"))),
        };
        Ok(Decision {
            time: record.time,
            rollout: record.rollout,
            environment: record.environment,
            policy: record.policy,
            revision: record.revision,
            stage: record.stage,
            traffic: record.traffic,
            time_in_stage: record.time_in_stage,
            bake: (record.bake_served, record.bake),
            verdict,
            severity: record.severity,
            shadow: record.shadow,
            findings: record.findings,
            wake_at: record.wake_at,
            generation: record.generation,
        })
    }
}

fn reasons<T: de::DeserializeOwned, E: de::Error>(because: serde_json::Value) -> Result<Reasons<T>, E> {
    let all: Vec<T> = serde_json::from_value(because).map_err(E::custom)?;
    Reasons::from_vec(all).ok_or_else(|| E::custom("a decision without a reason"))
}
