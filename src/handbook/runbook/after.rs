//! Section 6: from the last stage to a rollout that is over.

use super::super::markdown::{code, codes, prose};
use super::super::stages::{exposure, gates};
use super::super::words::long;
use super::super::{Handbook, commands};
use super::shell;
use commands::RECORDING;

pub(super) fn text(book: &Handbook<'_>) -> String {
    let mut items = vec![complete(book)];
    for objective in &book.policy.objectives {
        items.push(format!(
            "Objective {}: {}. It is measured, and met.",
            code(&objective.name),
            prose(&objective.text)
        ));
    }
    if book.policy.objectives.is_empty() {
        items.push(format!(
            "What the change was for is measured. (The policy names no `[objectives]`; {} has them.)",
            book.policy.owner.as_ref().map_or_else(|| "whoever asked for it".to_owned(), |owner| code(owner))
        ));
    }
    items.push(format!(
        "The flags go last. While {} exist, setting them to 0% is the way back; a release that removes them removes it. Take \
         them out when the rollout is complete, the objectives are met, and you would mend forward rather than go back.",
        codes(book.policy.features.iter())
    ));
    items.push(
        "Every finding, hold and roll back on the way has an owner and a ticket, or a bound that was changed."
            .to_owned(),
    );
    let boxes: String = items.iter().map(|item| format!("- [ ] {item}\n")).collect();
    format!("{boxes}\n{}", recording(book))
}

fn complete(book: &Handbook<'_>) -> String {
    let ix = book.last();
    let Some(stage) = book.policy.stage(ix) else { return "The rollout is complete.".to_owned() };
    let name = code(stage.name.as_str());
    let open =
        if stage.gates.is_empty() { String::new() } else { format!(", with {} open", gates(book, &stage.gates)) };
    match stage.bake {
        Some(bake) => format!(
            "Stage {name}, {}, has served {} of good time{open}: the rollout is complete. Its checks stay active.",
            exposure(stage),
            long(bake)
        ),
        None => format!(
            "Stage {name}, {}, is ongoing and has no bake: nothing declares the rollout complete, so agree on a day. Its \
             checks stay active.",
            exposure(stage)
        ),
    }
}

/// How this release becomes a test of the next edit of the policy.
fn recording(book: &Handbook<'_>) -> String {
    let folder = format!("fixtures/{}-release", book.policy.rollout);
    let first = book.policy.stages.first().map_or("", |stage| stage.name.as_str());
    let text = |value: &str| toml::Value::from(value).to_string();
    let fixture = [
        format!("title = {}", text(&format!("{}: a release from start to end", book.policy.rollout))),
        format!("source = {}", text(&format!("recorded in {}", book.policy.environment))),
        format!("policy = {}", text(book.root)),
        format!("environment = {}", text(book.policy.environment.as_str())),
        format!("data = [{}]", text(RECORDING)),
        format!("start = {{ stage = {} }}", text(first)),
        String::new(),
        "[label]".to_owned(),
        "verdict = \"good\"   # or \"bad\", with incidents = [{ from = \"31h\", to = \"33h\" }]".to_owned(),
    ];
    let last = book.policy.stages.last().map_or("", |stage| stage.name.as_str());
    let expect = format!("[[never]]\ndecision = \"roll_back\"\n\n[final]\nstage = {}", text(last));
    format!(
        "Keep the recording as a fixture, so that every later edit of the policy is tried on it. In the directory that holds \
         {}, put {} into {} with this `fixture.toml`:\n\n```toml\n{}\n```\n\nand this `expect.toml`, which says what must \
         come of it (after a roll back, say that instead):\n\n```toml\n{expect}\n```\n\nThen write its timeline, read it, \
         and commit all four:\n\n{}",
        code("policies"),
        code(RECORDING),
        code(&folder),
        fixture.join("\n"),
        shell(&[commands::fixture(&folder, true), commands::fixture(&folder, false)])
    )
}
