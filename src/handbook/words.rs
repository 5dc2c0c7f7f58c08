//! Conditions, windows and channels in sentences.

use crate::model::finding::{CheckKind, Side};
use crate::model::frame::{Group, Metric};
use crate::model::severity::Severity;
use crate::model::time::Duration;
use crate::model::units::Unit;
use crate::policy::compiled::{Bound, Check, Condition, Floor, Limit, Policy, Than, Window};

use super::markdown::{code, codes};

/// Days beside the hours where there are many: `123h (5 days 3h)`.
pub(super) fn long(length: Duration) -> String {
    let hours = length.as_millis() / 3_600_000;
    let (days, rest) = (hours / 24, hours % 24);
    match (days, rest) {
        (0 | 1, _) => length.to_string(),
        (_, 0) => format!("{length} ({days} days)"),
        _ => format!("{length} ({days} days {rest}h)"),
    }
}

/// `1,000,000`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Whom a group consists of.
pub(super) const fn who(group: Group) -> &'static str {
    match group {
        Group::Treatment => "those who have the change",
        Group::Control => "those who do not have it",
        Group::All => "everybody together",
    }
}

/// Whom a severity tells, by the environment's channels.
pub(super) fn channels(policy: &Policy, severity: Severity) -> String {
    let told = policy.severities.get(severity.index()).map(|rules| rules.notify.as_slice()).unwrap_or_default();
    if told.is_empty() { "nobody".to_owned() } else { codes(told) }
}

/// The function a script check calls.
pub(super) fn function(check: &Check) -> &str {
    let words = check.words.strip_prefix("gate ").unwrap_or(&check.words);
    let words = words.strip_prefix("script ").unwrap_or(words);
    words.split(' ').next().unwrap_or(words)
}

/// What a breach is, or for a gate what must hold: `error_rate of treatment is above 1%`.
pub(super) fn condition(policy: &Policy, check: &Check) -> String {
    let gate = check.kind == CheckKind::Gate;
    match &check.condition {
        Condition::Script { .. } => {
            let answer = if gate { "open" } else { "breach" };
            format!("the script {} in `rules.rhai` answers *{answer}*", code(function(check)))
        }
        Condition::Bound(bound) => {
            let Some(metric) = policy.catalogue.metric(bound.metric) else { return code(&check.words) };
            format!("{} of {} is {}", code(metric.name.as_str()), bound.group, relation(bound, metric, gate))
        }
    }
}

fn relation(bound: &Bound, metric: &Metric, gate: bool) -> String {
    let unit = metric.unit;
    if unit == Unit::State {
        let failed = (bound.side == Side::Above) != gate;
        return (if failed { "`failed`" } else { "`ok`" }).to_owned();
    }
    let side = match (bound.side, gate) {
        (Side::Above, false) => "above",
        (Side::Below, false) => "below",
        (Side::Above, true) => "at most",
        (Side::Below, true) => "at least",
    };
    let mut text = match bound.limit {
        Limit::Absolute(level) => format!("{side} {}", unit.show(level)),
        Limit::Relative { than, fraction } => {
            format!("{side} {} {}", comparison(than), Unit::Percent.show_difference(fraction * 100.0))
                .replace("pp", "%")
        }
        Limit::Difference { than, delta } => format!("{side} {} {}", comparison(than), unit.show_difference(delta)),
    };
    match bound.floor {
        None => {}
        Some(Floor::Level(level)) => text.push_str(&format!(" and {} {} as well", bound.side.name(), unit.show(level))),
        Some(Floor::Difference(delta)) => {
            let than = bound.limit.than().map_or("the comparison", comparison);
            text.push_str(&format!(" and {} {than} {} as well", bound.side.name(), unit.show_difference(delta)));
        }
    }
    text
}

/// What a relative bound compares with.
pub(super) const fn comparison(than: Than) -> &'static str {
    match than {
        Than::Baseline => "the baseline",
        Than::Control => "control",
    }
}

/// When a check fires.
pub(super) fn fires(window: Window) -> String {
    match window {
        Window::First => "It fires at once.".to_owned(),
        Window::For(length) => format!(
            "It fires once that has lasted {length} without a good reading in between; until then it is pending."
        ),
        Window::Of { k, n } => {
            format!("It fires when the newest reading and at least {k} of the last {n} known ones are like that.")
        }
    }
}

/// How long a gate must have held.
pub(super) fn held(window: Window) -> String {
    match window {
        Window::First | Window::Of { k: 1, n: 1 } => "in the newest reading".to_owned(),
        Window::For(length) => format!("for {length} without interruption"),
        Window::Of { k, n } => format!("in the newest reading and at least {k} of the last {n} known ones"),
    }
}

/// What clears a check that fired.
pub(super) fn clears(window: Window) -> String {
    match window {
        Window::First | Window::Of { k: 1, n: 1 } => "one good reading clears it".to_owned(),
        Window::For(length) => format!("good readings for {length} without interruption clear it"),
        Window::Of { k, n } if k == n => format!("{n} good readings in a row clear it"),
        Window::Of { k, n } => {
            format!("it clears when the newest reading and at least {k} of the last {n} known ones are good")
        }
    }
}

/// `roll back`, `hold`, `warn` as a person says what a severity does.
pub(super) const fn does(response: crate::model::severity::Response) -> &'static str {
    use crate::model::severity::Response;
    match response {
        Response::Rollback => "rolls back",
        Response::Hold => "holds: nothing advances while it is broken",
        Response::Warn => "warns: it never blocks",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_people_plan() {
        for (hours, expected) in [(2, "2h"), (47, "47h"), (48, "48h (2 days)"), (123, "123h (5 days 3h)")] {
            assert_eq!(long(Duration::from_hours(hours)), expected);
        }
        assert_eq!(grouped(1_000_000), "1,000,000");
        assert_eq!(grouped(999), "999");
    }
}
