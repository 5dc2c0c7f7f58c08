//! The actuator that only says what would be so: what a rollout without flags and traffic ends in.

use crate::ledger::hash::Key;
use crate::model::plan::{Action, Plan};
use crate::ports::actuator::{Actuator, ActuatorError};

/// Says what each action states, and counts it as done.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogActuator;

impl Actuator for LogActuator {
    fn apply(&self, _: &Key, plan: &Plan) -> Result<Vec<String>, ActuatorError> {
        let lines = plan.actions.iter().flat_map(|action| {
            let Action::Expose { features, traffic, audience, region, .. } = action;
            features.iter().map(move |feature| {
                let place = region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
                let audience =
                    if audience.is_empty() { String::new() } else { format!(" and {}", audience.join(", ")) };
                format!("{feature}{place} at {traffic} %{audience}, generation {}", plan.generation)
            })
        });
        Ok(lines.collect())
    }
}
