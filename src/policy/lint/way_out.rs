//! Stages that can never be left: a gate that cannot open there, more approvers than there are roles for.

use std::collections::BTreeSet;

use crate::model::frame::Group;
use crate::policy::check::{Checked, CheckedStage};
use crate::policy::codes;
use crate::policy::compiled::{Check, CheckIx, Condition, Stage};
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::raw::At;
use crate::policy::sink::Sink;

pub(super) fn lint(policy: &Checked<'_>, sink: &mut Sink) {
    for stage in policy.stages.iter().filter(|stage| !stage.broken) {
        gates(policy, stage, &stage.raw.gates, &stage.stage.gates, "holds for ever", sink);
        if let (Some(raw), Some(exit)) = (&stage.raw.early_exit, &stage.stage.early_exit) {
            gates(policy, stage, &raw.gates, &exit.gates, "is never left early", sink);
        }
        approvals(stage, sink);
    }
}

/// A gate on a group that its stage leaves empty is closed, whatever is measured.
fn gates(
    policy: &Checked<'_>,
    stage: &CheckedStage<'_>,
    written: &[At<String>],
    gates: &[CheckIx],
    so: &str,
    sink: &mut Sink,
) {
    for draft in gates.iter().filter_map(|ix| policy.drafts.get(usize::from(ix.0))) {
        let Some(group) = empty_group(&draft.check, &stage.stage) else { continue };
        let name = written.iter().find(|name| name.value == draft.check.id.as_str());
        let place: &Place = name.map_or(&stage.raw.name.place, |name| &name.place);
        let why = match group {
            Group::Treatment => "nobody has the change there",
            _ => "everybody has the change there",
        };
        let message =
            format!("gate `{}` can never open in stage `{}`, which {so}", draft.check.id, stage.raw.name.value);
        sink.push(
            Diagnostic::error(codes::NEVER_OPENS, message, place.clone())
                .label(format!("it reads {group}, and {why}"))
                .also(draft.raw.id.place.clone(), "the gate")
                .help("name it in stages that have this group, or let it read group = \"all\""),
        );
    }
}

/// The group that keeps a gate closed: the one it reads, or for a script one of those, when it reads nothing else.
fn empty_group(gate: &Check, stage: &Stage) -> Option<Group> {
    match &gate.condition {
        Condition::Bound(bound) => stage.leaves_empty(bound.group).then_some(bound.group),
        Condition::Script { reads, .. } => {
            let all_empty = reads.iter().all(|(_, group)| stage.leaves_empty(*group));
            reads.first().filter(|_| all_empty).map(|(_, group)| *group)
        }
    }
}

/// Every role approves once, so there cannot be more people than roles.
fn approvals(stage: &CheckedStage<'_>, sink: &mut Sink) {
    let (Some(raw), Some(wanted)) = (&stage.raw.approvals, &stage.stage.approvals) else { return };
    let roles = wanted.roles.iter().collect::<BTreeSet<_>>().len();
    let Some(people) = raw.value.people.as_ref().filter(|_| roles > 0) else { return };
    if usize::try_from(wanted.people).unwrap_or(usize::MAX) <= roles {
        return;
    }
    let message = format!(
        "stage `{}` wants approval by {} people and names {roles} role{}",
        stage.raw.name.value,
        wanted.people,
        if roles == 1 { "" } else { "s" }
    );
    sink.push(
        Diagnostic::error(codes::TOO_FEW_ROLES, message, people.place.clone())
            .label("each role approves once, so this can never be met")
            .help("name a role for each of them: roles = [\"manager\", \"sre\"]; or ask for fewer people"),
    );
}
