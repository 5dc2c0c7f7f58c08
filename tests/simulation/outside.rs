//! What the actuator acts on: who sees which feature, and the newest generation that was carried out. It refuses an
//! older one; of two different plans of one generation it keeps to the lower, and what takes back raises nothing.

use std::collections::BTreeMap;

use rollgate::ledger::hash::Key;
use rollgate::model::ids::Generation;
use rollgate::model::plan::{Action, Plan};
use rollgate::ports::actuator::ActuatorError;

use super::mutants::Mutant;
use super::policies::Shape;
use super::world::key;

/// How much of it each region sees: the share of traffic, and whether an audience sees it regardless.
pub type Seen = BTreeMap<String, (f64, bool)>;

#[derive(Debug, Clone)]
pub struct Shown {
    pub generation: Generation,
    pub seen: Seen,
}

impl Shown {
    /// Where less is asked for, it is so now.
    fn keep_the_lower(&mut self, wanted: &Seen) {
        for (region, seen) in &mut self.seen {
            let asked = wanted.get(region).copied().unwrap_or_default();
            *seen = (seen.0.min(asked.0), (seen.1 || seen.0 >= 100.0) && (asked.1 || asked.0 >= 100.0));
        }
    }
}

#[derive(Debug)]
pub struct Outside {
    pub shown: BTreeMap<Key, Shown>,
}

/// What came of a plan.
#[derive(Debug)]
pub enum Done {
    /// It was so already.
    Before,
    /// It is so now; this was so before.
    Now(Shown),
}

impl Outside {
    pub fn new(shapes: &[Shape]) -> Outside {
        let nothing = |shape: &Shape| Shown {
            generation: Generation(0),
            seen: shape.regions().iter().map(|region| ((*region).to_owned(), (0.0, false))).collect(),
        };
        Outside { shown: shapes.iter().map(|shape| (key(shape.rollout), nothing(shape))).collect() }
    }

    pub fn apply(&mut self, key: &Key, plan: &Plan, mutant: Option<Mutant>) -> Result<Done, ActuatorError> {
        let shown = self.shown.get_mut(key).expect("it is of this world");
        let wanted = wanted(&shown.seen, plan);
        let careless = mutant == Some(Mutant::ActuatorTakesOlder);
        let higher = mutant == Some(Mutant::ActuatorTakesHigher);
        if plan.generation < shown.generation && !careless {
            return Err(ActuatorError::Failed(format!(
                "generation {} is older than {}",
                plan.generation, shown.generation
            )));
        }
        if plan.generation == shown.generation && !careless {
            if wanted == shown.seen {
                return Ok(Done::Before);
            }
            if rises(&shown.seen, &wanted) && !higher {
                shown.keep_the_lower(&wanted);
                return Err(ActuatorError::LowerStands(plan.generation));
            }
        } else if plan.takes_back && rises(&shown.seen, &wanted) && mutant != Some(Mutant::ActuatorTakesBackUp) {
            shown.keep_the_lower(&wanted);
            shown.generation = plan.generation;
            return Err(ActuatorError::LowerStands(plan.generation));
        }
        let before = shown.clone();
        *shown = Shown { generation: plan.generation, seen: wanted };
        Ok(Done::Now(before))
    }
}

/// What a plan says, region by region.
pub fn wanted(regions: &Seen, plan: &Plan) -> Seen {
    let mut seen: Seen = regions.keys().map(|region| (region.clone(), (0.0, false))).collect();
    for action in &plan.actions {
        let Action::Expose { traffic, audience, region, .. } = action;
        for (name, value) in &mut seen {
            if region.as_ref().is_none_or(|region| region.as_str() == name) {
                *value = (*traffic, !audience.is_empty());
            }
        }
    }
    seen
}

/// Whether anybody sees more than before.
pub fn rises(before: &Seen, after: &Seen) -> bool {
    after.iter().any(|(region, (traffic, audience))| {
        let (was, had) = before.get(region).copied().unwrap_or_default();
        *traffic > was || *audience && !had && was < 100.0
    })
}
