//! What a rollout can be waited for to come to, and how near it is.

use std::fmt;
use std::str::FromStr;

use crate::control::Phase;
use crate::model::decision::{Verdict, Wait};
use crate::model::ids::StageName;
use crate::report::status::Row;

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// Its last stage is served.
    Done,
    /// It is in that stage, or above it, and the exposure is confirmed.
    Stage(StageName),
    /// A person holds or pauses it.
    Held,
    /// Nothing moves on without a person.
    Settled,
    /// It is taken back, and that is confirmed.
    RolledBack,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        match text {
            "done" => Ok(Condition::Done),
            "held" => Ok(Condition::Held),
            "settled" => Ok(Condition::Settled),
            "rolled-back" => Ok(Condition::RolledBack),
            _ => match text.strip_prefix("stage:").map(str::trim) {
                Some(name) if !name.is_empty() => Ok(Condition::Stage(StageName::new(name))),
                _ => Err("it is done, stage:NAME, held, settled or rolled-back".to_owned()),
            },
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Done => f.write_str("done"),
            Condition::Stage(name) => write!(f, "stage:{name}"),
            Condition::Held => f.write_str("held"),
            Condition::Settled => f.write_str("settled"),
            Condition::RolledBack => f.write_str("rolled-back"),
        }
    }
}

/// How near it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Near {
    /// It has come to that.
    There,
    /// It was taken back, in whole or in one region: it does not come to that any more without a person.
    TakenBack,
    /// Not yet.
    NotYet,
}

impl Condition {
    /// How near `row` is to it. `ladder` are the stages of its policy, lowest first, as far as that is known.
    pub(super) fn near(&self, row: &Row, ladder: &[StageName]) -> Near {
        let phase = row.standing.phase;
        let is_there = match self {
            Condition::RolledBack => phase == Phase::RolledBack,
            _ if matches!(phase, Phase::RollingBack | Phase::RolledBack | Phase::PartlyRolledBack) => {
                return Near::TakenBack;
            }
            Condition::Done => phase == Phase::Done,
            Condition::Stage(name) => is_in(row, name, ladder),
            Condition::Held => matches!(phase, Phase::Held | Phase::Paused),
            Condition::Settled => is_settled(row),
        };
        if is_there { Near::There } else { Near::NotYet }
    }
}

fn is_in(row: &Row, name: &StageName, ladder: &[StageName]) -> bool {
    let standing = &row.standing;
    // What is recorded and not confirmed is not so yet; what no policy governs is not where it should be.
    if matches!(standing.phase, Phase::Applying | Phase::NotStarted | Phase::NoPolicy) {
        return false;
    }
    let place = |stage: &StageName| ladder.iter().position(|known| known == stage);
    match (place(&standing.stage), place(name)) {
        (Some(stands), Some(wanted)) => stands >= wanted,
        _ => standing.stage == *name,
    }
}

fn is_settled(row: &Row) -> bool {
    match row.standing.phase {
        Phase::Done | Phase::Held | Phase::Paused => true,
        Phase::Hold => match row.seen.as_ref().and_then(|seen| seen.decision.as_ref()) {
            Some(decision) => waits_for_a_person(&decision.verdict),
            // A stage without a bake is left by a person only.
            None => row.standing.bake.is_none(),
        },
        _ => false,
    }
}

/// Whether everything that it waits for is a person's to give.
fn waits_for_a_person(verdict: &Verdict) -> bool {
    let Verdict::Hold { because } = verdict else { return false };
    because.iter().all(|wait| {
        matches!(
            wait,
            Wait::Manual
                | Wait::Final
                | Wait::Complete
                | Wait::Approval { .. }
                | Wait::Paused { .. }
                | Wait::Held { .. }
                | Wait::PastMax { .. }
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Rollout, Standing};
    use crate::ledger::hash::Key;
    use crate::model::time::{Duration, Time};
    use Near::{NotYet, TakenBack, There};

    /// A rollout that stands in `stage`, with a bake or without.
    fn row(phase: Phase, stage: &str, bake: Option<Duration>) -> Row {
        let key = Key::new("checkout".into(), "production".into());
        let standing = Standing::of(&Rollout::unknown(&key), Time::from_millis(0));
        Row::of_ledger(Standing { phase, stage: StageName::new(stage), bake, ..standing })
    }

    #[rstest::rstest]
    #[case::the_stage("stage:canary", Phase::Hold, "canary", There)]
    #[case::the_stage_above("stage:canary", Phase::Hold, "full", There)]
    #[case::the_stage_below("stage:canary", Phase::Hold, "off", NotYet)]
    #[case::not_confirmed("stage:canary", Phase::Applying, "canary", NotYet)]
    #[case::held_there("stage:canary", Phase::Held, "canary", There)]
    #[case::never_started("stage:off", Phase::NotStarted, "", NotYet)]
    #[case::no_policy("stage:canary", Phase::NoPolicy, "canary", NotYet)]
    #[case::taken_back_to_it("stage:off", Phase::RolledBack, "off", TakenBack)]
    #[case::a_stage_the_policy_lost("stage:gone", Phase::Hold, "gone", There)]
    #[case::done("done", Phase::Done, "full", There)]
    #[case::not_done("done", Phase::Hold, "full", NotYet)]
    #[case::taken_back("done", Phase::RollingBack, "full", TakenBack)]
    #[case::one_region_taken_back("done", Phase::PartlyRolledBack, "canary", TakenBack)]
    #[case::held("held", Phase::Held, "canary", There)]
    #[case::paused("held", Phase::Paused, "canary", There)]
    #[case::holds_by_itself("held", Phase::Hold, "canary", NotYet)]
    #[case::rolled_back("rolled-back", Phase::RolledBack, "off", There)]
    #[case::rolling_back("rolled-back", Phase::RollingBack, "off", NotYet)]
    #[case::part_back("rolled-back", Phase::PartlyRolledBack, "canary", NotYet)]
    #[case::settled_by_being_done("settled", Phase::Done, "full", There)]
    #[case::unusable("settled", Phase::NoPolicy, "canary", NotYet)]
    fn a_condition_is_met_or_not(#[case] text: &str, #[case] phase: Phase, #[case] stage: &str, #[case] near: Near) {
        let ladder = ["off", "canary", "full"].map(StageName::new);
        let condition: Condition = text.parse().unwrap();
        assert_eq!(condition.to_string(), text);
        assert_eq!(condition.near(&row(phase, stage, Some(Duration::from_mins(1))), &ladder), near);
    }

    #[test]
    fn without_a_controller_a_stage_that_only_a_person_leaves_is_settled() {
        assert_eq!(Condition::Settled.near(&row(Phase::Hold, "off", None), &[]), There);
        assert_eq!(Condition::Settled.near(&row(Phase::Hold, "off", Some(Duration::from_mins(1))), &[]), NotYet);
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for wrong in ["", "canary", "stage:", "stage: ", "finished", "Done"] {
            assert!(wrong.parse::<Condition>().is_err(), "{wrong}");
        }
    }
}
