//! What is lost with a policy, or a fixture, that is not there any more: nothing decides on its recordings, and nobody
//! looks at them.

use crate::fixture::run::Counts;
use crate::fixture::score::{Label, score};

use super::compare::alarms_apart;
use super::outcome::{Condition, Review, Tripped};
use super::verdict::{Compared, Side, Standing};

impl Review {
    /// Whether the whole policy is gone from the new side.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.new.digests.is_empty()
    }
}

impl Compared {
    /// Whether nothing decides on it any more.
    #[must_use]
    pub const fn is_abandoned(&self) -> bool {
        self.after.counts.decided == 0 && self.before.counts.decided > 0
    }

    /// Whether neither policy could tell anything at all.
    #[must_use]
    pub const fn is_blind(&self) -> bool {
        self.before.judged() == 0 && self.after.judged() == 0
    }

    /// Whether it is history, and no fixture.
    #[must_use]
    pub const fn is_history(&self) -> bool {
        self.title.is_empty()
    }
}

impl Side {
    /// Evaluations in which at least one check could tell.
    #[must_use]
    pub const fn judged(&self) -> u64 {
        self.counts.decided.saturating_sub(self.blind.evaluations)
    }
}

/// A recording that the old policy was compared with itself on, now that no policy decides on it: every roll back is
/// lost but the false alarms, every incident missed.
#[must_use]
pub fn abandoned(mut compared: Compared, label: Option<&Label>) -> Compared {
    compared.standing = Standing::Decisions;
    let backs = compared.before.rollbacks.clone();
    (compared.alarms_gone, compared.lost) = alarms_apart(backs, label, compared.begins);
    compared.moved.clear();
    compared.per_step = None;
    let after = &mut compared.after;
    after.rows.clear();
    after.rows_left_out = 0;
    after.rollbacks.clear();
    after.counts = Counts::default();
    after.lacking.clear();
    after.blind = Default::default();
    after.data.clear();
    after.score = label.map(|label| score(&[], label, compared.begins));
    compared
}

/// Makes `condition` hold because of `why`, unless it does already.
pub fn trip(tripped: &mut Vec<Tripped>, condition: Condition, why: String, asked: &[Condition]) {
    if !tripped.iter().any(|one| one.condition == condition) {
        tripped.push(Tripped { condition, why, fails: asked.contains(&condition) });
        tripped.sort_by_key(|one| one.condition);
    }
}
