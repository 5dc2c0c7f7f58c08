//! Plans to exposures and back.

use crate::model::ids::Generation;
use crate::model::plan::{Action, Plan};
use crate::ports::store::{Exposed, Exposure};

/// What a plan states, feature by feature.
#[must_use]
pub fn exposed(plan: &Plan) -> Exposed {
    let exposures = plan.actions.iter().flat_map(|action| {
        let Action::Expose { features, stage, traffic, audience, region } = action;
        features.iter().map(move |feature| Exposure {
            feature: feature.clone(),
            region: region.clone(),
            stage: stage.clone(),
            traffic: *traffic,
            audience: audience.clone(),
        })
    });
    Exposed { generation: plan.generation, exposures: exposures.collect() }
}

/// The plan that a stored exposure came from: what a controller that crashed before acting has to do. `takes_back`: the
/// rollout is latched there.
#[must_use]
pub fn plan(exposed: &Exposed, takes_back: bool) -> Plan {
    let mut actions: Vec<Action> = Vec::new();
    for exposure in &exposed.exposures {
        let same = actions.iter_mut().find_map(|action| {
            let Action::Expose { features, stage, traffic, audience, region } = action;
            let same = *stage == exposure.stage
                && traffic.total_cmp(&exposure.traffic).is_eq()
                && *audience == exposure.audience
                && *region == exposure.region;
            same.then_some(features)
        });
        match same {
            Some(features) => features.push(exposure.feature.clone()),
            None => actions.push(Action::Expose {
                features: vec![exposure.feature.clone()],
                stage: exposure.stage.clone(),
                traffic: exposure.traffic,
                audience: exposure.audience.clone(),
                region: exposure.region.clone(),
            }),
        }
    }
    Plan { generation: exposed.generation, urgent: false, takes_back, actions }
}

/// The most of any feature that anybody sees, in percent.
#[must_use]
pub fn most(exposed: &Exposed) -> f64 {
    exposed.exposures.iter().map(|exposure| exposure.traffic).fold(0.0, f64::max)
}

/// Whether nobody sees anything.
#[must_use]
pub fn is_nothing(exposed: &Exposed) -> bool {
    exposed.exposures.iter().all(|exposure| exposure.traffic <= 0.0 && exposure.audience.is_empty())
}

/// Every feature at nothing: what can be said without knowing any stage.
#[must_use]
pub fn nothing(of: &Exposed, stage: &crate::model::ids::StageName, generation: Generation) -> Exposed {
    let mut exposures: Vec<Exposure> = Vec::new();
    for exposure in &of.exposures {
        if !exposures.iter().any(|known| known.feature == exposure.feature) {
            let (feature, stage) = (exposure.feature.clone(), stage.clone());
            exposures.push(Exposure { feature, region: None, stage, traffic: 0.0, audience: Vec::new() });
        }
    }
    Exposed { generation, exposures }
}
