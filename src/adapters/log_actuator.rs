//! The actuator that only says what would be so: what a rollout without flags and traffic ends in. It keeps to the
//! contract all the same, so that what it says is what flags would show.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::ledger::hash::Key;
use crate::model::ids::{Feature, Generation, Region};
use crate::model::plan::{Action, Plan};
use crate::ports::actuator::{Actuator, ActuatorError};

/// Says what each action states, and counts it as done. It remembers, as long as its process lives, what it said last.
#[derive(Debug, Default)]
pub struct LogActuator {
    said: Mutex<BTreeMap<Key, Said>>,
}

/// What was said last of one rollout.
#[derive(Debug, Clone)]
struct Said {
    generation: Generation,
    seen: Seen,
}

/// Who sees a feature in a region; in every other one where none is named.
type Seen = BTreeMap<(Feature, Option<Region>), Shown>;

#[derive(Debug, Clone, PartialEq)]
struct Shown {
    traffic: f64,
    audience: Vec<String>,
}

impl Shown {
    const NOTHING: &Shown = &Shown { traffic: 0.0, audience: Vec::new() };

    /// Whether somebody sees it here who does not see it in `other`.
    fn is_more_than(&self, other: &Shown) -> bool {
        let all_see = other.traffic >= 100.0;
        self.traffic > other.traffic || !all_see && self.audience.iter().any(|who| !other.audience.contains(who))
    }

    /// Whether it is higher up a ladder than `other`, where an audience alone counts as 0 %: from nobody to somebody, or
    /// to more traffic.
    fn grows_from(&self, other: &Shown) -> bool {
        let nobody_sees_it = other.traffic <= 0.0 && other.audience.is_empty();
        self.traffic > other.traffic || nobody_sees_it && !self.audience.is_empty()
    }

    fn lower_of(&self, other: &Shown) -> Shown {
        let audience = match (self.traffic >= 100.0, other.traffic >= 100.0) {
            (true, _) => other.audience.clone(),
            (false, true) => self.audience.clone(),
            (false, false) => self.audience.iter().filter(|who| other.audience.contains(who)).cloned().collect(),
        };
        Shown { traffic: self.traffic.min(other.traffic), audience }
    }
}

impl Actuator for LogActuator {
    fn apply(&self, key: &Key, plan: &Plan) -> Result<Vec<String>, ActuatorError> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = seen(plan);
        let (seen, more) = match said.get(key) {
            Some(before) if before.generation > plan.generation => {
                return Err(ActuatorError::older(plan, before.generation));
            }
            Some(before) if before.generation == plan.generation => lower(&before.seen, &wanted, Shown::is_more_than),
            Some(before) if plan.takes_back => lower(&before.seen, &wanted, Shown::grows_from),
            _ => (wanted, false),
        };
        let lines = lines(plan, &seen);
        said.insert(key.clone(), Said { generation: plan.generation, seen });
        if more { Err(ActuatorError::LowerStands(plan.generation)) } else { Ok(lines) }
    }
}

fn seen(plan: &Plan) -> Seen {
    let mut seen = Seen::new();
    for Action::Expose { features, traffic, audience, region, .. } in &plan.actions {
        for feature in features {
            let shown = Shown { traffic: *traffic, audience: audience.clone() };
            seen.insert((feature.clone(), region.clone()), shown);
        }
    }
    seen
}

/// What is wanted, place by place, but nowhere more than before, and whether more was asked for anywhere.
fn lower(before: &Seen, wanted: &Seen, is_more: impl Fn(&Shown, &Shown) -> bool) -> (Seen, bool) {
    let mut both = Seen::new();
    let mut more = false;
    for place in before.keys().chain(wanted.keys()) {
        let (was, asked) = (at(before, place), at(wanted, place));
        let more_here = is_more(asked, was);
        more |= more_here;
        both.insert(place.clone(), if more_here { was.lower_of(asked) } else { asked.clone() });
    }
    (both, more)
}

fn at<'a>(seen: &'a Seen, (feature, region): &(Feature, Option<Region>)) -> &'a Shown {
    let everywhere = || seen.get(&(feature.clone(), None));
    seen.get(&(feature.clone(), region.clone())).or_else(everywhere).unwrap_or(Shown::NOTHING)
}

/// In the plan's own order.
fn lines(plan: &Plan, seen: &Seen) -> Vec<String> {
    let lines = plan.actions.iter().flat_map(|Action::Expose { features, region, .. }| {
        features.iter().map(move |feature| {
            let Shown { traffic, audience } = at(seen, &(feature.clone(), region.clone()));
            let place = region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
            let audience = if audience.is_empty() { String::new() } else { format!(" and {}", audience.join(", ")) };
            format!("{feature}{place} at {traffic} %{audience}, generation {}", plan.generation)
        })
    });
    lines.collect()
}
