//! From a state to the plan that makes the world agree with it. Absolute statements only: carrying a plan out twice,
//! late or on another machine does no harm, because each receiver refuses an older generation.

use crate::model::ids::Region;
use crate::model::plan::{Action, Plan};
use crate::model::state::RolloutState;
use crate::policy::compiled::{Policy, Stage};

/// What must be true of the world in `state`: every feature at the stage's exposure, latched regions at none.
pub(crate) fn plan(policy: &Policy, state: &RolloutState, urgent: bool) -> Option<Plan> {
    let stage = policy.find_stage(state.stage.as_str()).and_then(|ix| policy.stage(ix))?;
    let mut actions: Vec<Action> =
        state.latched_regions.keys().map(|region| take_back(policy, stage, region)).collect();
    if state.latched_regions.is_empty() {
        actions.push(expose(policy, stage, None));
    } else {
        let others = policy.catalogue.regions().iter().filter(|region| !state.latched_regions.contains_key(*region));
        actions.extend(others.map(|region| expose(policy, stage, Some(region.clone()))));
    }
    Some(Plan { generation: state.generation, urgent, takes_back: state.latch.is_some(), actions })
}

fn expose(policy: &Policy, stage: &Stage, region: Option<Region>) -> Action {
    Action::Expose {
        features: policy.features.clone(),
        stage: stage.name.clone(),
        traffic: stage.traffic,
        audience: stage.audience.clone(),
        region,
    }
}

fn take_back(policy: &Policy, stage: &Stage, region: &Region) -> Action {
    Action::Expose {
        features: policy.features.clone(),
        stage: stage.name.clone(),
        traffic: 0.0,
        audience: Vec::new(),
        region: Some(region.clone()),
    }
}
