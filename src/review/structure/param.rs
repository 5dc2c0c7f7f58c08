//! Params: numbers that scripts use, compared by what those scripts make of them.

use crate::policy::compiled::{Check, Condition, ParamValue, Policy};
use crate::review::change::{Change, Proof, Subject};

use super::{Edit, Pair, script, words};

/// Every param that changed, came or went.
pub(crate) fn changes(pair: &Pair<'_>) -> Vec<Change> {
    let mut all = Vec::new();
    for was in &pair.old.params {
        let is = pair.new.params.iter().find(|is| is.name == was.name);
        match is {
            Some(is) if was.value.total_cmp(&is.value).is_eq() && was.unit == is.unit => {}
            Some(is) => all.push(changed(pair, was, is)),
            None => all.push(about(Edit::of("", Some(shown(was)), None).because("no script reads it any more"), was)),
        }
    }
    for is in &pair.new.params {
        if pair.old.params.iter().any(|was| was.name == is.name) {
            continue;
        }
        let words = format!("read by {}", readers(is));
        all.push(about(Edit::of("", None, Some(shown(is))).because(words), is));
    }
    all
}

fn about(edit: Edit, param: &ParamValue) -> Change {
    edit.about(Subject::Policy(format!("params.{}", param.name)))
}

fn shown(param: &ParamValue) -> String {
    param.unit.show(param.value).to_string()
}

fn readers(param: &ParamValue) -> String {
    let names: Vec<&str> = param.read_by.iter().map(crate::model::ids::CheckId::as_str).collect();
    words::listed(&names)
}

fn changed(pair: &Pair<'_>, was: &ParamValue, is: &ParamValue) -> Change {
    let both: Vec<(&Check, &Check)> =
        is.read_by.iter().filter_map(|id| Some((find(pair.old, id.as_str())?, find(pair.new, id.as_str())?))).collect();
    let samples: Vec<script::Sampled> = both.iter().map(|(old, new)| script::sampled(pair, old, new)).collect();
    let found = (!samples.is_empty()).then(|| script::told(&samples));
    let mut words = format!("read by {}", readers(is));
    let mut edit = Edit::new("", shown(was), shown(is));
    if let Some(found) = found {
        words.push_str(&format!("; {}", found.words));
        edit = edit.goes(found.direction).bears(script::bearing(&found, both.iter().map(|(was, _)| *was)));
    }
    if both.iter().any(|(old, new)| text(old) != text(new)) {
        words.push_str("; together with the edit of its script");
    }
    let mut change = about(edit.because(words), is);
    change.proof = Proof::Sampled;
    change.response = both.iter().map(|(_, check)| check.response).max();
    change.was_at = Some(was.origin.clone());
    change.is_at = Some(is.origin.clone());
    change
}

fn find<'a>(policy: &'a Policy, id: &str) -> Option<&'a Check> {
    policy.check(policy.find_check(id)?)
}

fn text(check: &Check) -> Option<u64> {
    match &check.condition {
        Condition::Script { text, .. } => Some(*text),
        Condition::Bound(_) => None,
    }
}
