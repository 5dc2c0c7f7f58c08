//! Taking back without a policy that compiles. It needs no engine: where to go is in the policy's record, or, when even
//! that is gone, in what is exposed.

use crate::model::event::What;
use crate::model::ids::{Actor, StageName};
use crate::model::operator::Verb;
use crate::ports::store::{Exposed, Exposure};

use super::exposure;
use super::load::Rollout;
use super::record::{PolicyRecord, Rung};

/// The name of the lowest stage when nothing else is known; a policy that has no such stage stands on its lowest.
const OFF: &str = "off";

/// What a roll back or an emergency comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct TakeBack {
    /// The event.
    pub what: What,
    /// What is exposed afterwards.
    pub exposed: Exposed,
}

/// Takes `rollout` back.
///
/// # Errors
/// The stage that was asked for is not below the current one.
pub fn take_back(
    rollout: &Rollout,
    record: Option<&PolicyRecord>,
    verb: &Verb,
    by: &Actor,
    reason: &str,
) -> Result<TakeBack, String> {
    let emergency = matches!(verb, Verb::Emergency);
    let wanted = match verb {
        Verb::RollBack { to } => to.as_ref(),
        _ => None,
    };
    let rung = target(rollout, record, wanted, emergency)?;
    let to = rung.map_or_else(|| wanted.cloned().unwrap_or_else(|| StageName::new(OFF)), |rung| rung.name.clone());
    let generation = rollout.state.generation.next();
    let mut exposed = exposure::nothing(&rollout.exposed, &to, generation);
    // Where regions are back already, a rung that shows something would raise them.
    if let (Some(record), Some(rung), true) = (record, rung, rollout.state.latched_regions.is_empty()) {
        exposed.exposures = record
            .features
            .iter()
            .map(|feature| Exposure {
                feature: feature.clone(),
                region: None,
                stage: rung.name.clone(),
                traffic: rung.traffic.min(exposure::most(&rollout.exposed)),
                audience: rung.audience.clone(),
            })
            .collect();
    }
    let because = if emergency { format!("emergency by {by}: {reason}") } else { format!("ordered by {by}: {reason}") };
    let from = rollout.state.stage.clone();
    Ok(TakeBack { what: What::RolledBack { from, to, generation, check: None, emergency, because }, exposed })
}

/// The rung to go to; none when nothing is known of the ladder.
fn target<'a>(
    rollout: &Rollout,
    record: Option<&'a PolicyRecord>,
    wanted: Option<&StageName>,
    emergency: bool,
) -> Result<Option<&'a Rung>, String> {
    let Some(record) = record else { return Ok(None) };
    let place = |name: &StageName| record.ladder.iter().position(|rung| rung.name == *name);
    let Some(current) = place(&rollout.state.stage).filter(|_| !emergency) else { return Ok(record.ladder.first()) };
    let default = record.ladder.get(current).map(|rung| &rung.rollback_to);
    match wanted.or(default).and_then(place) {
        Some(to) if to < current || current == 0 && to == 0 => Ok(record.ladder.get(to)),
        Some(_) => Err("a roll back goes to a lower stage".to_owned()),
        None => Err(format!("there is no stage {}", wanted.map_or("", StageName::as_str))),
    }
}
