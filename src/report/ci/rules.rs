//! What the codes of remarks mean: the pages of the manual, and the few kinds of remark that `test` and `diff` make.

use std::collections::BTreeSet;

use crate::policy::codes::{self, FoundBy, Page};
use crate::settings::codes as settings;

use super::item::{Item, Level, Rule};

/// Kind, level, title, meaning, why.
type Kind = (&'static str, Level, &'static str, &'static str, &'static str);

/// An expectation of a test did not hold.
pub(crate) const EXPECTATION: &str = "expectation";
/// A policy or fixture could not be run.
pub(crate) const NOT_RUN: &str = "not-run";
/// A roll back of the old policy does not happen any more.
pub(crate) const LOST_ROLLBACK: &str = "lost-rollback";
/// An incident that the old policy caught is not caught any more.
pub(crate) const LOST_INCIDENT: &str = "lost-incident";
/// A policy is gone.
pub(crate) const REMOVED_POLICY: &str = "removed-policy";
/// A roll back comes later.
pub(crate) const LATER_ROLLBACK: &str = "later-rollback";
/// A roll back outside of any incident is new.
pub(crate) const FALSE_ROLLBACK: &str = "false-rollback";
/// An edit that acts on less.
pub(crate) const LOOSER: &str = "looser";
/// An edit that acts on more.
pub(crate) const TIGHTER: &str = "tighter";
/// An edit that acts on other things.
pub(crate) const DIFFERENT: &str = "different";

const KINDS: &[Kind] = &[
    (
        EXPECTATION,
        Level::Error,
        "an expectation does not hold",
        "A test or a fixture expects something of the policy that the policy does not do.",
        "Either the policy was changed by mistake, or the expectation has to follow a change that was meant.",
    ),
    (
        NOT_RUN,
        Level::Error,
        "could not be run",
        "A policy does not compile or a recording cannot be read, so its tests say nothing.",
        "A test that does not run is not green.",
    ),
    (
        LOST_ROLLBACK,
        Level::Error,
        "a roll back is lost",
        "On a recording, the policy before the edit rolled back and the policy after it does not.",
        "The recorded incident would now go on. Look at it before the merge.",
    ),
    (
        LOST_INCIDENT,
        Level::Error,
        "an incident is not caught any more",
        "In a known incident of a recording, the policy before the edit rolled back and the policy after it does not.",
        "A roll back before the incident begins, or after it ended, does not stop it. Look at it before the merge.",
    ),
    (
        REMOVED_POLICY,
        Level::Error,
        "a policy is removed",
        "The policy is on the old side and not on the new one.",
        "Rollouts that it decided on have nobody to take them back. Look at it before the merge.",
    ),
    (
        LATER_ROLLBACK,
        Level::Warning,
        "a roll back comes later",
        "On a recording, the policy after the edit rolls back later than the policy before it.",
        "The recorded incident would have gone on for so long more.",
    ),
    (
        FALSE_ROLLBACK,
        Level::Warning,
        "a false alarm is new",
        "On a recording whose label knows of no incident then, the edited policy rolls back and the old one did not.",
        "Every false alarm costs a release, and trust in the next alarm.",
    ),
    (
        LOOSER,
        Level::Warning,
        "acts on less than before",
        "After the edit the policy lets pass what it acted on before.",
        "Loosening is where incidents come from. The reading named is the nearest one that now passes.",
    ),
    (
        TIGHTER,
        Level::Note,
        "acts on more than before",
        "After the edit the policy acts on readings that it let pass.",
        "Tightening costs false alarms at worst; the recordings show how many.",
    ),
    (
        DIFFERENT,
        Level::Note,
        "acts on other things than before",
        "The edit is neither tighter nor looser: each of the two policies acts on something that the other lets pass.",
        "Recordings show what it comes to.",
    ),
];

/// The title of a kind.
pub(crate) fn title(kind: &str) -> &'static str {
    KINDS.iter().find(|(code, ..)| *code == kind).map_or("", |(_, _, title, ..)| title)
}

/// A rule for every code among `items`, in order of code.
pub(crate) fn of(items: &[Item]) -> Vec<Rule> {
    let used: BTreeSet<&str> = items.iter().map(|item| item.code.as_str()).collect();
    used.into_iter().filter_map(rule).collect()
}

fn rule(code: &str) -> Option<Rule> {
    if let Some((code, level, title, meaning, why)) = KINDS.iter().find(|(kind, ..)| *kind == code) {
        return Some(Rule {
            code: (*code).to_owned(),
            level: *level,
            title: (*title).to_owned(),
            meaning: (*meaning).to_owned(),
            help: (format!("{meaning}\n\n{why}"), format!("{meaning}\n\n{why}")),
        });
    }
    let number = codes::parse(code)?;
    let page = codes::page(number).or_else(|| settings::page(number))?;
    Some(Rule {
        code: code.to_owned(),
        level: page.level.into(),
        title: page.title.to_owned(),
        meaning: page.meaning.to_owned(),
        help: (text(page), markdown(page)),
    })
}

fn text(page: &Page) -> String {
    let (meaning, why, bad, good) = (page.meaning, page.why, page.bad.trim_end(), page.good.trim_end());
    format!("{meaning}\n\nrefused:\n{bad}\n\naccepted:\n{good}\n\n{why}")
}

fn markdown(page: &Page) -> String {
    let (meaning, why, bad, good) = (page.meaning, page.why, page.bad.trim_end(), page.good.trim_end());
    let language = if page.found_by == FoundBy::Scripts { "rhai" } else { "toml" };
    format!(
        "{meaning}\n\nRefused:\n\n```{language}\n{bad}\n```\n\nAccepted:\n\n```{language}\n{good}\n```\n\n{why}\n\n\
         More: `rollgate explain {}`\n",
        page.code
    )
}
