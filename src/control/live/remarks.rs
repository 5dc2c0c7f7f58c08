//! What the ledger was told of how things look, and what it should have been told.
//!
//! A remark (a check fires, the answer is to hold, a metric has been unknown for too long) moves nothing, and the machine
//! makes it once. When the store did not take it, or somebody else wrote first, or another led at that moment, it would
//! be lost, and the ledger would say for ever what was so before. So it is made up for as soon as this controller may
//! write: not what was so in between, but how things look by then, and whatever somebody was to be woken for.

use std::collections::BTreeMap;

use crate::control::propose::is_remark;
use crate::engine::Machine;
use crate::ledger::Entry;
use crate::model::event::{Event, What};
use crate::model::finding::{CheckKind, Finding, FindingState};
use crate::model::ids::{CheckId, Region};
use crate::model::time::Time;

/// More that somebody was to be woken for is not remembered: it would be the same trouble, told again.
const MOST: usize = 64;

/// How things look, by the ledger's word.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    /// The state each check is in, where the ledger has said it since the stage was entered.
    findings: BTreeMap<(CheckId, Region), String>,
    /// The last answer, and its deciding reason.
    decision: Option<(String, String)>,
    /// Said here, and to be heard by somebody, and not recorded.
    unheard: Vec<Event>,
    /// Something was said that the ledger does not have.
    behind: bool,
}

impl Remarks {
    /// An entry is in the ledger, whoever wrote it.
    pub(super) fn recorded(&mut self, entry: &Entry) {
        let what = &entry.record().what;
        // The checks of another stage begin anew.
        if enters(entry) {
            self.findings.clear();
        }
        match what {
            What::FindingChanged { check, region, to, .. } => {
                self.findings.insert((check.clone(), region.clone()), to.clone());
            }
            What::DecisionChanged { decision, because } => {
                self.decision = Some((decision.clone(), because.clone()));
            }
            // Checks that changed begin anew, and say nothing of how the ones before them ended.
            What::PolicyChanged { .. } => self.behind = true,
            _ => {}
        }
        self.unheard.retain(|event| !is_same(&event.what, what));
    }

    /// What was said was not recorded. With `its_own`, nobody else can be expected to have said it.
    pub(super) fn lost(&mut self, events: &[Event], its_own: bool) {
        self.behind |= !events.is_empty();
        if !its_own {
            return;
        }
        let wakes = |event: &&Event| {
            is_remark(&event.what)
                && !matches!(event.what, What::FindingChanged { .. } | What::DecisionChanged { .. })
                && !self.unheard.iter().any(|other| is_same(&other.what, &event.what))
        };
        let mut more: Vec<Event> = events.iter().filter(wakes).cloned().collect();
        more.truncate(MOST.saturating_sub(self.unheard.len()));
        self.unheard.append(&mut more);
    }

    /// The ledger may not say how things look.
    pub(super) const fn fall_behind(&mut self) {
        self.behind = true;
    }

    /// Another leads: what there is to be heard, it says.
    pub(super) fn leave_it_to_another(&mut self) {
        self.unheard.clear();
    }

    /// What the ledger has to be told besides `said`, which is about to be written.
    pub(super) fn make_up(&mut self, machine: &Machine, now: Time, said: &[Event]) -> Vec<Event> {
        if !std::mem::take(&mut self.behind) {
            return Vec::new();
        }
        let mut made_up = std::mem::take(&mut self.unheard);
        made_up.retain(|event| !said.iter().any(|other| is_same(&event.what, &other.what)));
        let decision = machine.decision();
        let findings = decision.findings.iter().filter_map(|finding| self.missing(finding, said));
        made_up.extend(findings.map(|what| Event { time: now, what }));
        let (answer, because) = (decision.verdict.answer().name(), decision.verdict.headline());
        let told = said.iter().rev().find_map(|event| match &event.what {
            What::DecisionChanged { decision, because } => Some((decision, because)),
            _ => None,
        });
        let told = told.or_else(|| self.decision.as_ref().map(|(decision, because)| (decision, because)));
        if told.is_none_or(|(was, why)| was != answer || !is_same_but_for_numbers(why, &because)) {
            made_up.push(Event { time: now, what: What::DecisionChanged { decision: answer.to_owned(), because } });
        }
        made_up
    }

    /// What there is to say of a finding that the ledger knows in another state.
    fn missing(&self, finding: &Finding, said: &[Event]) -> Option<What> {
        let here = (finding.check.clone(), finding.region.clone());
        let said = said.iter().rev().find_map(|event| match &event.what {
            What::FindingChanged { check, region, to, .. } if *check == here.0 && *region == here.1 => Some(to),
            _ => None,
        });
        let before = said.or_else(|| self.findings.get(&here)).map_or_else(|| at_first(finding.kind), String::as_str);
        let (from, to) = (before.to_owned(), finding.state.name());
        (from != to).then(|| What::FindingChanged {
            check: here.0,
            region: here.1,
            from,
            to: to.to_owned(),
            note: finding.to_string(),
        })
    }
}

/// The state in which a check begins, of which nothing is said.
const fn at_first(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Gate => FindingState::Unknown.name(),
        CheckKind::Threshold | CheckKind::Trigger => FindingState::Ok.name(),
    }
}

/// Whether a stage was entered with this entry.
pub(super) fn enters(entry: &Entry) -> bool {
    let record = entry.record();
    match &record.what {
        What::StageEntered { .. } | What::RolledBack { .. } | What::Started { .. } => true,
        // A resume lifts a latch, or only a pause. What it shows anew, it enters anew; the time may be the same, after a
        // clock that was ahead.
        What::Ordered { .. } => record.changed.contains_key("generation"),
        _ => false,
    }
}

/// Whether two remarks wake somebody for the same thing.
fn is_same(one: &What, other: &What) -> bool {
    match (one, other) {
        (What::UnknownTooLong { metric, region, .. }, What::UnknownTooLong { metric: m, region: r, .. }) => {
            (metric, region) == (m, r)
        }
        (What::PastMax { stage, .. }, What::PastMax { stage: s, .. }) => stage == s,
        (What::WouldRollBack { check, .. }, What::WouldRollBack { check: c, .. }) => check == c,
        _ => false,
    }
}

/// "3m of 10m" and "4m of 10m" are the same reason, a while later.
fn is_same_but_for_numbers(one: &str, other: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split_whitespace().filter(|word| !word.contains(|letter: char| letter.is_ascii_digit()));
        words.map(str::to_owned).collect()
    };
    words(one) == words(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_a_while_later_is_the_same_reason() {
        assert!(is_same_but_for_numbers("bake: 3m20s of 10m served", "bake: 4m of 10m served"));
        assert!(!is_same_but_for_numbers("bake: 3m20s of 10m served", "paused by ana"));
    }
}
