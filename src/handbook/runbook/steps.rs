//! Section 2: the ladder, stage by stage, with the commands to type.

use crate::policy::compiled::{OnMax, Stage, StageIx};

use super::super::effects::{Effect, effect};
use super::super::markdown::{and, code, codes, sentence};
use super::super::stages::{approvals, bake_sentence, early_exit, exposure, gates};
use super::super::words::{condition, held};
use super::super::{Handbook, commands, grafana};
use super::shell;
use commands::{ENTERED_AT, EXPOSED_AT, RECORDING, STAGE};

/// The first thing on the page: how to get out, for whoever has no time to read.
pub(super) fn way_back(book: &Handbook<'_>) -> String {
    let names = codes(book.policy.features.iter());
    let lowest = match book.policy.stages.first() {
        Some(first) if first.is_unexposed() => format!("That is stage {}.", code(first.name.as_str())),
        _ => "(No stage of this policy is at 0%; that is the way out all the same.)".to_owned(),
    };
    format!(
        "\n> **In trouble right now?** Set {names} to 0%, for everybody, audiences too. {lowest} Do it first, and read \
         section 4 after.\n"
    )
}

pub(super) fn text(book: &Handbook<'_>) -> String {
    let mut text = format!(
        "rollgate decides here and does not act: flags and traffic are moved with your own tools, at the moments named \
         below. The commands read {}, the metrics recorded since the start: one snapshot as JSON per line, or CSV with the \
         columns `timestamp,metric,group,value` (then under a name ending in `.csv`). They run in the directory that \
         holds {}.\n\n",
        code(RECORDING),
        code(book.root),
    );
    text.push_str("Before the start:\n\n");
    text.push_str(&shell(&[commands::check(book), commands::test(book), commands::origin(book)]));
    text.push_str(&answers());
    text.push_str(&looked_after(book));
    for (ix, stage) in book.ladder() {
        text.push_str(&one(book, ix, stage));
    }
    text
}

/// How to read what `replay --exit-decision` says.
fn answers() -> String {
    "\nHow to read `rollgate replay`, which ends each stage's steps:\n\n\
     | It shows | It means | Do |\n| --- | --- | --- |\n\
     | a row `ADVANCE` | the stage may be left | go on; rows after it imagine the next stage and say nothing yet |\n\
     | no such row, exit 10 | hold | wait; the last line says for what |\n\
     | `ROLL BACK`, exit 11 | take it back | do it at once, then explain |\n\
     | no such row, exit 12 | something cannot be read | mend the source: unknown never advances |\n\n\
     It assumes that approvals are given and that nobody ordered a hold or a pause: those are yours to know.\n"
        .to_owned()
}

/// The same with a controller, which decides and moves by itself.
fn looked_after(book: &Handbook<'_>) -> String {
    let exposed = book.first_exposed().unwrap_or_else(|| book.last());
    format!(
        "\nWhere a controller (`rollgate run`) looks after the rollout, it asks and decides by itself, and the steps below are \
         what it does. Keep the first of these open; a pipeline waits with the second, which ends with 0 when the stage is \
         reached, 11 when it was taken back instead, 10 or 12 when time is up:\n\n{}",
        shell(&[commands::watch(book), commands::wait(book, book.stage_name(exposed))])
    )
}

fn one(book: &Handbook<'_>, ix: StageIx, stage: &Stage) -> String {
    let mut text = format!("\n### Stage {}: {}\n\n", code(stage.name.as_str()), exposure(stage));
    if let Some(note) = book.notes.at(&stage.origin) {
        text.push_str(&format!("> {}\n\n", super::super::markdown::prose(&note)));
    }
    let mut steps = vec![enter(book, ix, stage), watch(book, ix), take_back(book, ix), ask(book, ix, stage)];
    steps.extend(leave(book, ix, stage));
    for (number, step) in steps.iter().enumerate() {
        text.push_str(&format!("{}. {}\n", number + 1, indented(step)));
    }
    text
}

/// Lines after the first stand under their number.
fn indented(step: &str) -> String {
    step.trim_end().replace('\n', "\n   ").replace("\n   \n", "\n\n")
}

fn enter(book: &Handbook<'_>, ix: StageIx, stage: &Stage) -> String {
    let names = codes(book.policy.features.iter());
    let together = if book.policy.features.len() > 1 { ", all of them together," } else { "" };
    let moved = match (ix.0, stage.is_unexposed()) {
        (0, true) => format!("Deploy with {names} at 0%. Keep recording metrics into {} from now on.", code(RECORDING)),
        (_, true) => format!("Set {names} to 0%."),
        (_, false) => format!("Set {names}{together} to: {}. Read the share back.", exposure(stage)),
    };
    let mut noted = vec![format!("export {STAGE}={}", commands::quoted(stage.name.as_str()))];
    noted.push(format!("export {ENTERED_AT}=\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\""));
    if book.first_exposed() == Some(ix) && ix.0 > 0 && !book.baselines().is_empty() {
        noted.push(format!("export {EXPOSED_AT}=\"${ENTERED_AT}\""));
        noted.push("date +%s   # the same moment for the dashboard's variable `exposed_at`".to_owned());
    }
    format!("{moved} Note where you are, and since when:\n\n{}", shell(&noted))
}

fn watch(book: &Handbook<'_>, ix: StageIx) -> String {
    if book.series_of(ix).is_empty() {
        return "Nothing is read in this stage, so nothing is drawn on the dashboard.".to_owned();
    }
    let row = grafana::row_title(book.policy, ix);
    let named = |wanted: fn(Effect) -> bool| {
        codes(book.checks_in(ix, wanted).into_iter().filter(|check| !check.shadow).map(|check| check.id.as_str()))
    };
    let (holds, warns) = (named(|effect| effect == Effect::Hold), named(|effect| effect == Effect::Warn));
    let mut text = format!("Watch row {} of the dashboard.", code(&row));
    for (checks, does) in [(holds, "holds while broken"), (warns, "warns")] {
        if !checks.is_empty() {
            text.push_str(&format!(" {}: {checks}.", sentence(does)));
        }
    }
    text
}

fn take_back(book: &Handbook<'_>, ix: StageIx) -> String {
    let mut seen: Vec<Effect> = Vec::new();
    let mut text = String::new();
    for (at, _) in book.checks() {
        let found = effect(book.policy, at, ix);
        if !matches!(found, Effect::RollBack(_) | Effect::Latch) || seen.contains(&found) {
            continue;
        }
        seen.push(found);
        let by = book.checks_in(ix, |other| other == found);
        let acting: Vec<&str> = by.iter().filter(|check| !check.shadow).map(|check| check.id.as_str()).collect();
        if acting.is_empty() {
            continue;
        }
        let goal = match found {
            Effect::RollBack(to) => {
                let exposed = book.policy.stage(to).map_or_else(String::new, exposure);
                format!("Take it back to {}: {exposed}, at once and without asking,", code(book.stage_name(to)))
            }
            _ => "Stop here, and change nothing until you know why,".to_owned(),
        };
        text.push_str(&format!("{goal} when any of these fires: {}.\n", codes(acting)));
    }
    let silent: Vec<String> =
        book.silences(ix).iter().map(|(name, after)| format!("{} for {after}", code(name))).collect();
    if !silent.is_empty() {
        let goal = match book.by_itself(ix) {
            Effect::RollBack(to) => format!("Take it back to {} as well", code(book.stage_name(to))),
            _ => "Stop here as well".to_owned(),
        };
        text.push_str(&format!("{goal} when this cannot be read: {}.\n", silent.join(", ")));
    }
    if text.is_empty() { "Nothing takes this stage back by itself.".to_owned() } else { text }
}

fn ask(book: &Handbook<'_>, ix: StageIx, stage: &Stage) -> String {
    let lines = [commands::replay(book, ix, stage), commands::explain(book, ix, stage)];
    format!("Ask the policy, and why it says so:\n\n{}", shell(&lines))
}

fn leave(book: &Handbook<'_>, ix: StageIx, stage: &Stage) -> Vec<String> {
    let mut needs = Vec::new();
    needs.extend(bake_sentence(stage));
    for gate in stage.gates.iter().filter_map(|at| book.policy.check(*at)) {
        needs.push(format!("gate {}: {}, {}", code(gate.id.as_str()), condition(book.policy, gate), held(gate.clear)));
    }
    needs.extend(approvals(stage).map(|who| format!("approved by {who}")));
    if !book.policy.freezes.is_empty() {
        needs.push("no freeze".to_owned());
    }
    let is_last = ix == book.last();
    let heading = match (is_last, stage.bake.is_some()) {
        (true, true) => "Complete when all of these hold; every check stays active:",
        (true, false) => "Ongoing: entering it was the finish, and every check stays active.",
        (false, true) => "Leave for the next stage when all of these hold:",
        (false, false) => "It has no bake: it is left when a person orders it, and when all of these hold:",
    };
    let mut text = heading.to_owned();
    if !(is_last && stage.bake.is_none()) {
        if needs.is_empty() {
            needs.push("nothing at hold or worse is broken, and every metric can be read".to_owned());
        }
        for need in &needs {
            text.push_str(&format!("\n- {need}"));
        }
    }
    let mut steps = vec![text];
    if let Some(early) = early_exit(book, stage) {
        let own =
            if stage.gates.is_empty() { String::new() } else { format!(", besides {}", gates(book, &stage.gates)) };
        steps.push(format!("Or leave early, with {early}{own}."));
    }
    if let Some(max) = stage.max {
        let then = match stage.on_max {
            OnMax::Hold => "it holds and P1 is told: somebody decides whether to go back".to_owned(),
            OnMax::Rollback => format!("it is taken back to {}", code(book.stage_name(stage.rollback_to))),
        };
        steps.push(format!("After {max} here, counted on the wall: {then}."));
    }
    steps
}

/// Stages by name, for sentences elsewhere.
pub(super) fn named(book: &Handbook<'_>, stages: &[StageIx]) -> String {
    and(stages.iter().map(|ix| code(book.stage_name(*ix))))
}
