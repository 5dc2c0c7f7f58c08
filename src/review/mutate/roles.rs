//! What stands under which key: a number, a length of time, a word of a closed list, or nothing that decides.

/// How a value can be mutated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A quantity or a count.
    Quantity,
    /// A length of time.
    Duration,
    /// A length of time or `k of n`.
    Window,
    /// A time of day, or an instant.
    Clock,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Can be left out.
    Optional,
    /// A list each of whose entries can be left out, down to one.
    Names,
    /// A list each of whose entries can be left out.
    Gates,
    /// Decides nothing; the sentence says what it is for.
    Idle(&'static str),
}

use Role::{Clock, Duration, Gates, Idle, Names, Optional, Quantity, Window, Word};

const STATES: &[&str] = &["ok", "failed"];
const COMPARED: &[&str] = &["baseline", "control"];
const SILENCE: &[&str] = &["hold", "rollback"];
const OBLIGED: &[&str] = &["rollback", "hold", "warn"];
const SCOPES: &[&str] = &["all", "region"];
const LEVELS: &[&str] = &["p0", "p1", "p2"];

/// The roles of the value that `path` leads to; positions in lists are digits. `below`, `above` and their like are
/// turned round where the whole check is seen.
pub(super) fn roles(path: &[&str]) -> &'static [Role] {
    match path {
        ["owner"] => &[Idle("says who answers for it")],
        ["features"] => &[Idle("names what moves, not when")],
        ["pin"] => &[Idle("decides only when a policy is reloaded")],
        ["objectives", _] => &[Idle("is for people")],
        ["severities", _, "notify"] => &[Idle("says whom to tell")],
        [.., "allow"] => &[Idle("is a reason for people")],
        ["freeze", "windows", _, "note"] => &[Idle("is for people")],
        ["on_breach"] => &[Word(SCOPES)],
        ["exposure_tolerance"] => &[Quantity],
        ["metrics", _, "max_age"] => &[Duration],
        ["metrics", _, "unknown_after" | "stuck_after"] => &[Duration, Optional],
        ["metrics", _, "min_samples"] => &[Quantity],
        ["metrics", _, "range", _] => &[Quantity],
        ["metrics", _, "on_unknown"] => &[Word(SILENCE)],
        ["severities", _, "then"] => &[Word(OBLIGED)],
        ["baseline", "window" | "max_age"] => &[Duration],
        ["baseline", "min_points" | "drift"] => &[Quantity],
        ["params", _] => &[Quantity],
        ["freeze", "windows", _] => &[Optional],
        ["freeze", "windows", _, "from" | "to"] => &[Clock],
        ["freeze", "windows", _, "days"] => &[Names],
        ["stages", _, inside @ ..] => stage(inside),
        ["thresholds", _, _, key] | ["triggers" | "gates", _, key] => check(key),
        ["thresholds", _, _, _, key] => check(key),
        _ => &[],
    }
}

fn stage(path: &[&str]) -> &'static [Role] {
    match path {
        ["traffic"] => &[Quantity],
        ["bake" | "max"] => &[Duration, Optional],
        ["on_max"] => &[Word(SILENCE)],
        ["gates"] | ["early_exit", "gates"] => &[Gates],
        ["approvals" | "early_exit" | "rollback_to"] => &[Optional],
        ["approvals", "roles"] => &[Names],
        ["approvals", "people"] | ["early_exit", "samples"] | ["metrics", _, "min_samples"] => &[Quantity],
        ["early_exit", "after"] | ["metrics", _, "max_age"] => &[Duration],
        _ => &[],
    }
}

fn check(key: &str) -> &'static [Role] {
    match key {
        "above" | "below" | "at_least" | "at_most" => &[Quantity],
        "and_above" | "and_below" => &[Quantity, Optional],
        "is" => &[Word(STATES)],
        "than" => &[Word(COMPARED)],
        "for" | "clear_after" => &[Window, Optional],
        "in" => &[Names],
        "severity" => &[Word(LEVELS)],
        "unless_control" | "target" => &[Optional],
        _ => &[],
    }
}

/// The word for a comparison the other way round.
pub(super) fn turned(word: &str) -> Option<&'static str> {
    Some(match word {
        "above" => "below",
        "below" => "above",
        "at_least" => "at_most",
        "at_most" => "at_least",
        "and_above" => "and_below",
        "and_below" => "and_above",
        _ => return None,
    })
}
