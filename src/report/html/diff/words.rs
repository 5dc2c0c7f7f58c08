//! What an edit comes to, in words: the sentence at the top, one row per recording, the score.

use crate::fixture::run::RolledBack;
use crate::fixture::score::Quality;
use crate::model::time::{Duration, Time};
use crate::report::advanced::advanced;
use crate::report::layout::count;
use crate::report::svg::clock::lasted;
use crate::report::times::Times;
use crate::report::uncaught::uncaught;
use crate::review::change::Direction;
use crate::review::outcome::Review;
use crate::review::verdict::{Compared, Moved, Standing};

use super::super::verdict::Verdict;

/// One line of the score.
pub(super) struct Scored {
    pub(super) what: &'static str,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) of: String,
    pub(super) class: &'static str,
}

/// One recording that differs.
pub(super) struct Row {
    /// The anchor of its section: `r3`.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) effects: Vec<Effect>,
    /// When the first decision differs.
    pub(super) when: String,
    pub(super) before: String,
    pub(super) after: String,
}

/// What becomes of one roll back.
pub(super) struct Effect {
    pub(super) class: &'static str,
    pub(super) icon: &'static str,
    pub(super) words: String,
}

/// Its name, and its environment.
pub(super) fn name(one: &Compared) -> String {
    format!("{} ({})", one.name, one.environment)
}

/// The sentence that is enough on its own.
pub(super) fn verdict(review: &Review) -> Verdict {
    let of = review.compared.len();
    let changed = review.compared.iter().filter(|one| one.standing == Standing::Decisions).count();
    let sum = |number: &dyn Fn(&Compared) -> usize| review.compared.iter().map(number).sum::<usize>();
    let (lost, gained) = (sum(&|one| one.lost.len()), sum(&|one| one.gained.len()));
    let wrong = sum(&|one| one.gained_false);
    let let_go = sum(&|one| uncaught(one).len());
    let gone = sum(&|one| one.alarms_gone.len());
    let earlier = sum(&|one| one.moved.iter().filter(|moved| moved.later_by() < 0).count());
    let later = sum(&|one| one.moved.iter().filter(|moved| moved.later_by() > 0).count());
    let looser = review.changes.iter().filter(|change| change.direction == Direction::Looser).count();
    let tighter = review.changes.iter().filter(|change| change.direction == Direction::Tighter).count();
    let word = match (of, changed) {
        (0, _) => "Nothing recorded to compare on".to_owned(),
        (_, 0) => format!("No decision changes on {}", count(of, "recording")),
        _ => format!("Decisions change on {changed} of {}", count(of, "recording")),
    };
    let parts = [(lost, "lost"), (gained, "new"), (earlier, "earlier"), (later, "later")];
    let mut parts: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, word)| format!("{number} {word}")).collect();
    if wrong > 0 {
        parts.push(format!("{wrong} of the new ones outside of any incident"));
    }
    if gone > 0 {
        parts.push(format!("{} gone", count(gone, "false alarm")));
    }
    if let_go > 0 {
        parts.push(format!("{} not caught any more", count(let_go, "incident")));
    }
    let edits = format!("{} edited, {tighter} tighter, {looser} looser", count(review.changes.len(), "thing"));
    let because = if parts.is_empty() { edits } else { format!("Roll backs: {}. {edits}", parts.join(", ")) };
    let (class, icon) = match () {
        () if lost > 0 || let_go > 0 || wrong > 0 => ("back", "▼"),
        () if review.tripped.iter().any(|tripped| tripped.fails) => ("back", "✖"),
        () if changed > 0 => ("stay", "◆"),
        () if of == 0 => ("blind", "?"),
        () => ("go", "✔"),
    };
    Verdict { class, icon, word, when: String::new(), because, measures: Vec::new() }
}

/// The score on labelled recordings.
pub(super) fn scores(review: &Review) -> Vec<Scored> {
    let Some((was, is)) = &review.tallies else { return Vec::new() };
    let class = |worse: bool, better: bool| {
        if worse {
            "looser"
        } else if better {
            "tighter"
        } else {
            ""
        }
    };
    let fewer = is.caught < was.caught;
    let median = |length: Option<Duration>| length.map_or_else(|| "–".to_owned(), lasted);
    vec![
        Scored {
            what: "incidents caught",
            before: was.caught.to_string(),
            after: is.caught.to_string(),
            of: format!("of {}", is.incidents),
            class: class(is.caught < was.caught, is.caught > was.caught),
        },
        Scored {
            what: "good releases rolled back",
            before: was.stopped.to_string(),
            after: is.stopped.to_string(),
            of: format!("of {}", is.good),
            class: class(is.stopped > was.stopped, is.stopped < was.stopped),
        },
        Scored {
            what: "median time to roll back",
            before: median(was.median_to_stop),
            after: median(is.median_to_stop),
            of: if fewer { "of fewer incidents".to_owned() } else { String::new() },
            // Of fewer incidents it is no better for being shorter, let alone for being none.
            class: match (was.median_to_stop, is.median_to_stop) {
                (Some(was), Some(is)) => class(is > was, is < was && !fewer),
                _ => "",
            },
        },
    ]
}

/// The row of one recording.
pub(super) fn row(id: String, one: &Compared, times: &Times) -> Row {
    let parted = one.divergence.as_ref();
    let said = |decision: &crate::model::decision::Decision| {
        format!("{}: {}", decision.verdict.answer().shout(), decision.verdict.headline())
    };
    Row {
        id,
        name: name(one),
        label: match one.label {
            Some(Quality::Good) => "good".to_owned(),
            Some(Quality::Bad) => "bad".to_owned(),
            None => String::new(),
        },
        effects: effects(one, times),
        when: parted.map(|parted| times.full(parted.at)).unwrap_or_default(),
        before: parted.map(|parted| said(&parted.before)).unwrap_or_default(),
        after: parted.map(|parted| said(&parted.after)).unwrap_or_default(),
    }
}

/// What becomes of the roll backs.
fn effects(one: &Compared, times: &Times) -> Vec<Effect> {
    let by = |back: &RolledBack| {
        let check = back.check.as_ref().map(|check| format!(" by {check}")).unwrap_or_default();
        let region = back.region.as_ref().map(|region| format!(" of {region}")).unwrap_or_default();
        format!("{region} at {}{check}", times.row(back.at))
    };
    let mut effects: Vec<Effect> = Vec::new();
    for back in &one.lost {
        effects.push(Effect { class: "looser", icon: "✖", words: format!("roll back lost: the one{}", by(back)) });
    }
    for back in &one.alarms_gone {
        effects.push(Effect { class: "tighter", icon: "✔", words: format!("false alarm gone: the one{}", by(back)) });
    }
    for caught in uncaught(one) {
        let words = format!("the incident of {} is not caught any more", times.row(caught.from));
        effects.push(Effect { class: "looser", icon: "✖", words });
    }
    for back in &one.gained {
        // Without a label nobody knows whether it is right.
        let class = if one.label == Some(Quality::Bad) && !is_false(one, back.at) { "tighter" } else { "different" };
        effects.push(Effect { class, icon: "▼", words: format!("new roll back{}", by(back)) });
    }
    if one.gained_false > 0 {
        let words = format!("{} outside of any incident", count(one.gained_false, "new roll back"));
        effects.push(Effect { class: "looser", icon: "!", words });
    }
    effects.extend(one.moved.iter().map(|moved| self::moved(moved, one)));
    effects.extend(advanced(one, str::to_owned).into_iter().map(|(moved, words)| {
        // Neither is better by itself: a rollout goes faster, or waits longer.
        let icon = if moved.is_earlier() { "◀" } else { "▶" };
        Effect { class: "different", icon, words }
    }));
    if effects.is_empty() {
        let words = "the same roll backs, other decisions".to_owned();
        effects.push(Effect { class: "different", icon: "◆", words });
    }
    effects
}

/// Whether a roll back at `at` is outside of any incident of a labelled recording.
fn is_false(one: &Compared, at: Time) -> bool {
    one.after.score.as_ref().is_some_and(|score| score.false_alarms.contains(&at))
}

fn moved(moved: &Moved, one: &Compared) -> Effect {
    let by = Duration::from_millis(moved.later_by().saturating_abs());
    let region = moved.region.as_ref().map(|region| format!(" of {region}")).unwrap_or_default();
    let check = moved.check.as_ref().map(|check| format!(", by {check}")).unwrap_or_default();
    let (icon, word) = if moved.later_by() < 0 { ("◀", "earlier") } else { ("▶", "later") };
    let false_now = is_false(one, moved.after);
    // Sooner is better where there is an incident to stop, and nobody knows that without a label.
    let class = match moved.later_by() {
        0.. => "looser",
        _ if false_now || !uncaught(one).is_empty() => "looser",
        _ if one.label.is_none() => "different",
        _ => "tighter",
    };
    let outside = if false_now { ", outside of any incident" } else { "" };
    Effect { class, icon, words: format!("roll back{region} {} {word}{check}{outside}", lasted(by)) }
}
