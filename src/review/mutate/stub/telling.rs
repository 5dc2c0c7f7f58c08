//! Where two runs differ, and how a test says so: in what is decided, before in where a check stands.

use crate::model::decision::{Answer, Decision, Verdict};
use crate::model::finding::FindingState;
use crate::model::ids::{CheckId, StageName};
use crate::model::reason::{Cause, Wait};
use crate::model::time::Time;

/// A decision, as far as a test can ask about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    time: Time,
    answer: Answer,
    to: Option<StageName>,
    wait: &'static str,
    /// The firing checks that the decision names as its reasons.
    because: Vec<CheckId>,
    states: Vec<(CheckId, FindingState)>,
}

impl Seen {
    pub(super) fn of(time: Time, decision: &Decision) -> Seen {
        let (to, wait, named) = match &decision.verdict {
            Verdict::Advance { to, .. } => (to.clone(), "none", Vec::new()),
            Verdict::Hold { because } => {
                let checks = because.iter().filter_map(|wait| match wait {
                    Wait::Check { check, .. } => Some(check.clone()),
                    _ => None,
                });
                (None, crate::fixture::observer::wait_kind(because.first()), checks.collect::<Vec<_>>())
            }
            Verdict::RollBack { to, because, .. } => {
                let checks = because.iter().filter_map(|cause| match cause {
                    Cause::Check { check, .. } => Some(check.clone()),
                    _ => None,
                });
                (Some(to.clone()), "none", checks.collect())
            }
        };
        let states: Vec<(CheckId, FindingState)> =
            decision.findings.iter().map(|finding| (finding.check.clone(), finding.state)).collect();
        let mut because = named;
        because.retain(|check| states.iter().any(|(id, state)| id == check && *state == FindingState::Firing));
        because.dedup();
        Seen { time, answer: decision.verdict.answer(), to, wait, because, states }
    }

    /// `, because = ["error_rate.p0"]`
    fn reasons(&self) -> String {
        let named: Vec<String> = self.because.iter().map(|check| format!("\"{check}\"")).collect();
        if named.is_empty() { String::new() } else { format!(", because = [{}]", named.join(", ")) }
    }

    /// `decision = "roll_back", to = "off", because = ["error_rate.p0"]`
    fn decided(&self) -> String {
        let to = self.to.as_ref().map_or_else(String::new, |to| format!(", to = \"{to}\""));
        format!("decision = \"{}\"{to}{}", self.answer.name(), self.reasons())
    }
}

/// In what two runs differ, what a reader cares for most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Depth {
    /// One advances or rolls back where the other does not, or goes elsewhere.
    Answer,
    /// Other checks are why.
    Reason,
    /// Only a check's state, or what is waited for.
    State,
}

impl Depth {
    pub(super) const ALL: [Depth; 3] = [Depth::Answer, Depth::Reason, Depth::State];

    fn is_alike(self, one: &Seen, other: &Seen) -> bool {
        let answers = (one.answer, &one.to) == (other.answer, &other.to);
        match self {
            Depth::Answer => answers,
            Depth::Reason => answers && one.because == other.because,
            Depth::State => one == other,
        }
    }

    /// The first instant at which a test can tell them apart.
    pub(super) fn first_difference(self, was: &[Seen], is: &[Seen]) -> Option<Time> {
        // What goes on as before is not seen again; a check's state is, whenever it is told.
        let steps = |all: &[Seen]| -> Vec<Seen> {
            let mut steps: Vec<Seen> = Vec::new();
            for seen in all {
                if self == Depth::State || steps.last().is_none_or(|last| !self.is_alike(last, seen)) {
                    steps.push(seen.clone());
                }
            }
            steps
        };
        let (was, is) = (steps(was), steps(is));
        let differ = |(a, b): &(&Seen, &Seen)| a.time != b.time || !self.is_alike(a, b);
        let pair = was.iter().zip(&is).find(differ).map(|(a, b)| a.time.min(b.time));
        let rest = || was.get(is.len()).or_else(|| is.get(was.len())).map(|seen| seen.time);
        pair.or_else(rest)
    }

    /// Ways to say what the policy as written decides then, the plainest first.
    pub(super) fn wordings(self, was: &[Seen], is: &[Seen], at: Time, begins: Time) -> Vec<String> {
        let in_force = |seen: &[Seen]| seen.iter().rev().find(|seen| seen.time <= at).cloned();
        let moves = |seen: &[Seen]| seen.iter().find(|seen| seen.time == at && seen.answer != Answer::Hold).cloned();
        let (old, new, after) = (in_force(was), in_force(is), at.since(begins));
        let mut wordings = Vec::new();
        if let Some(moved) = moves(was) {
            wordings.push(format!("expect = [{{ at = \"{after}\", {} }}]", moved.decided()));
        }
        if let Some(moved) = moves(is) {
            wordings.push(format!("never = [{{ until = \"{after}\", decision = \"{}\" }}]", moved.answer.name()));
        }
        if let Some(held) = old.as_ref().filter(|old| old.answer == Answer::Hold && !old.because.is_empty()) {
            wordings.push(format!("expect = [{{ at = \"{after}\", {} }}]", held.decided()));
        }
        if let Some(held) = new.as_ref().filter(|new| new.answer == Answer::Hold && !new.because.is_empty()) {
            wordings.push(format!("never = [{{ until = \"{after}\", {} }}]", held.decided()));
        }
        if let (Some(old), Depth::State) = (old, self) {
            wordings.extend(states(&old, new.as_ref(), &after.to_string()));
        }
        wordings
    }
}

/// In terms of what a check's state is, and of what is waited for.
fn states(old: &Seen, new: Option<&Seen>, after: &str) -> Vec<String> {
    let none = Vec::new();
    let others = new.map_or(&none, |new| &new.states);
    let mut wordings = Vec::new();
    for (check, state) in old.states.iter().filter(|known| !others.contains(known)) {
        wordings.push(format!("expect = [{{ at = \"{after}\", state = {{ \"{check}\" = \"{state}\" }} }}]"));
    }
    for (check, state) in others.iter().filter(|known| !old.states.contains(known)) {
        wordings.push(format!("never = [{{ until = \"{after}\", state = {{ \"{check}\" = \"{state}\" }} }}]"));
    }
    wordings.push(format!(
        "expect = [{{ at = \"{after}\", decision = \"{}\", wait = \"{}\" }}]",
        old.answer.name(),
        old.wait
    ));
    wordings
}
