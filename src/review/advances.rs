//! Stages that are left sooner or later than before: a rollout that goes faster, or slower.

use crate::fixture::timeline::Row;
use crate::model::decision::Answer;
use crate::model::ids::StageName;
use crate::model::time::Time;

use super::verdict::Compared;

/// An advance, and when each policy decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advanced {
    /// The stage that is left.
    pub stage: StageName,
    /// When the old policy left it; none when it never did.
    pub before: Option<Time>,
    /// When the new one does; none when it never does.
    pub after: Option<Time>,
}

impl Advanced {
    /// Whether it is left sooner, or at all.
    #[must_use]
    pub fn is_earlier(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) => after < before,
            (before, _) => before.is_none(),
        }
    }
}

/// The stages that are left at another time than before, in the order in which they are left.
#[must_use]
pub fn advances(compared: &Compared) -> Vec<Advanced> {
    // After another roll back, the stages are left on other ways altogether.
    let moved = compared.moved.iter().any(|moved| moved.later_by() != 0);
    let gone = compared.lost.len() + compared.alarms_gone.len();
    if moved || gone > 0 || !compared.gained.is_empty() {
        return Vec::new();
    }
    let (was, is) = (left(&compared.before.rows), left(&compared.after.rows));
    let mut found = Vec::new();
    for at in 0..was.len().max(is.len()) {
        let (before, after) = (was.get(at), is.get(at));
        let Some((stage, _)) = before.or(after) else { break };
        // On another way from here on.
        if before.zip(after).is_some_and(|((one, _), (other, _))| one != other) {
            break;
        }
        let time = |left: Option<&(StageName, Time)>| left.map(|(_, time)| *time);
        let (before, after) = (time(before), time(after));
        if before != after {
            found.push(Advanced { stage: stage.clone(), before, after });
        }
    }
    found
}

fn left(rows: &[Row]) -> Vec<(StageName, Time)> {
    let advance = |row: &&Row| row.answer == Answer::Advance && row.to.is_some() && !row.would;
    rows.iter().filter(advance).map(|row| (row.stage.clone(), row.time)).collect()
}
