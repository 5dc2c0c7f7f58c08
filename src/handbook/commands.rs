//! The commands that pages print. Each is one the binary has today: a test parses every one of them, and runs those that
//! need no controller.

use jiff::tz::TimeZone;

use crate::model::time::Time;
use crate::policy::compiled::{Stage, StageIx};

use super::Handbook;

/// The recording of the rollout that the runbook's commands read.
pub(super) const RECORDING: &str = "rollout.ndjson";
/// Shell variables that the runbook sets at the moments they name.
pub(super) const STAGE: &str = "STAGE";
pub(super) const EXPOSED_AT: &str = "EXPOSED_AT";
pub(super) const ENTERED_AT: &str = "ENTERED_AT";

/// One argument as a shell reads it back.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn line(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("rollgate {}", words.join(" "))
}

/// Is it sound, warnings too.
pub(super) fn check(book: &Handbook<'_>) -> String {
    line(&["check", book.root, "--fail-level", "warning"])
}

/// The values in force with where each was written.
pub(super) fn origin(book: &Handbook<'_>) -> String {
    line(&["check", book.root, "--show-origin", "-e", book.policy.environment.as_str()])
}

/// Does it do what its tests say.
pub(super) fn test(book: &Handbook<'_>) -> String {
    line(&["test", book.root])
}

/// Write the golden timeline of a fixture, or compare with it.
pub(super) fn fixture(folder: &str, bless: bool) -> String {
    let mut words = vec!["test", folder];
    words.extend(bless.then_some("--bless"));
    line(&words)
}

/// The page called `page`.
pub(super) fn docs(book: &Handbook<'_>, page: &str) -> String {
    line(&["docs", page, book.root, "-e", book.policy.environment.as_str()])
}

/// The rollout plan with the dates that it has.
pub(super) fn plan(book: &Handbook<'_>, start: Option<Time>, zone: &TimeZone) -> String {
    let mut text = docs(book, "plan");
    if let Some(start) = start {
        text.push_str(&format!(" --start {}", quoted(&start.to_string())));
        let named = zone.iana_name().filter(|_| *zone != TimeZone::UTC);
        text.extend(named.map(|name| format!(" --tz {}", quoted(name))));
    }
    text
}

/// The page called `page`, written into a file.
pub(super) fn docs_to(book: &Handbook<'_>, page: &str, file: &str) -> String {
    line(&["docs", page, book.root, "-e", book.policy.environment.as_str(), "--write", file])
}

/// What the policy says of the stage so far.
pub(super) fn replay(book: &Handbook<'_>, ix: StageIx, stage: &Stage) -> String {
    format!("{} --exit-decision", recorded(book, "replay", ix, stage))
}

/// Why, at the end of the recording or at the first roll back.
pub(super) fn explain(book: &Handbook<'_>, ix: StageIx, stage: &Stage) -> String {
    recorded(book, "explain", ix, stage)
}

/// Why, in the stage that the runbook's reader is in.
pub(super) fn explain_here(book: &Handbook<'_>) -> String {
    let environment = book.policy.environment.as_str();
    let mut text = line(&["explain", book.root, RECORDING, "-e", environment]);
    text.push_str(&format!(" --stage \"${STAGE}\" --from \"${ENTERED_AT}\""));
    if !book.baselines().is_empty() && book.first_exposed().is_some_and(|first| first.0 > 0) {
        // Before the first exposure there is no such time, and nothing that compares applies.
        text.push_str(&format!(" --baseline-until \"${{{EXPOSED_AT}:-${ENTERED_AT}}}\""));
    }
    text
}

/// Where it stands, drawn anew after every change.
pub(super) fn watch(book: &Handbook<'_>) -> String {
    line(&["status", book.policy.rollout.as_str(), "-e", book.policy.environment.as_str(), "--watch"])
}

/// Waits until a controller has brought it to `stage`: for a pipeline.
pub(super) fn wait(book: &Handbook<'_>, stage: &str) -> String {
    let (rollout, environment) = (book.policy.rollout.as_str(), book.policy.environment.as_str());
    line(&["status", rollout, "-e", environment, "--wait", &format!("stage:{stage}"), "--timeout", "1h"])
}

fn recorded(book: &Handbook<'_>, verb: &str, ix: StageIx, stage: &Stage) -> String {
    let environment = book.policy.environment.as_str();
    let mut text = line(&[verb, book.root, RECORDING, "-e", environment, "--stage", stage.name.as_str()]);
    let exposed = book.first_exposed();
    // Before anybody is exposed there is nothing to leave out, and the comparison is still being measured.
    if exposed.is_some_and(|first| ix >= first) && ix.0 > 0 {
        text.push_str(&format!(" --from \"${ENTERED_AT}\""));
        if !book.baselines().is_empty() && exposed.is_some_and(|first| first.0 > 0) {
            text.push_str(&format!(" --baseline-until \"${EXPOSED_AT}\""));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_survive_a_shell() {
        for (text, expected) in [
            ("policies/a", "policies/a"),
            ("my dir", "'my dir'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
