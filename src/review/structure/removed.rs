//! A whole policy that is gone: every check of it acts on nothing any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::ids::Environment;
use crate::policy::compiled::Policy;
use crate::review::change::{Bearing, Change, Direction};

use super::{Edit, rank, words};

/// Every check of a policy that was removed, once where several environments have it alike.
#[must_use]
pub fn removed(before: &BTreeMap<Environment, Arc<Policy>>) -> Vec<Change> {
    let mut all: Vec<Change> = Vec::new();
    for (environment, policy) in before {
        for check in &policy.checks {
            let edit = Edit::of("", Some(words::check(policy, check)), None);
            // What is in shadow never acted on anything.
            let edit = if check.shadow { edit.bears(Bearing::Untouched) } else { edit.goes(Direction::Looser) };
            let mut change = edit.about_check(Some(check), None);
            let known = all.iter_mut().find(|known| {
                change.environments.clone_from(&known.environments);
                **known == change
            });
            match known {
                Some(known) => known.environments.push(environment.clone()),
                None => {
                    change.environments = vec![environment.clone()];
                    all.push(change);
                }
            }
        }
    }
    all.sort_by_key(rank);
    all
}
