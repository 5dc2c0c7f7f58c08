//! What is the policy's own: baseline, freezes, features, scope, mode.

use crate::model::ids::Environment;
use crate::policy::compiled::{BreachScope, Freeze, Policy};
use crate::review::change::{Bearing, Change, Direction, Subject};

use super::weight::{self, Weight};
use super::{Edit, Pair, words};

/// An environment that came or went; `compared` where what the other side would run there is known.
pub(crate) fn environment(name: &Environment, came: bool, compared: bool) -> Change {
    let text = Some(name.to_string());
    let (before, after) = if came { (None, text) } else { (text, None) };
    let words = match (came, compared) {
        (true, true) => "a new environment: compared with the old policy without an overlay",
        (false, true) => "not there any more: compared with the new policy without an overlay",
        (true, false) => "a new environment: there is nothing to compare it with",
        (false, false) => "not there any more",
    };
    let change = Edit::of("", before, after).because(words).about(Subject::Policy("environment".to_owned()));
    Change { environments: vec![name.clone()], ..change }
}

/// Every edit of what is no check, stage, metric or severity.
pub(crate) fn changes(pair: &Pair<'_>) -> Vec<Change> {
    let mut all = Vec::new();
    let (was, is) = (pair.old.as_ref(), pair.new.as_ref());
    // What is acted on less, or not any more, is all that the old policy acts on.
    let acts = weight::of_all(was);
    let mut weigh = |key: &str, edit: Edit| all.push(acts.on(edit.about(Subject::Policy(key.to_owned()))));
    if was.shadow != is.shadow {
        let mode = |shadow: bool| if shadow { "shadow" } else { "live" };
        let direction = if is.shadow { Direction::Looser } else { Direction::Tighter };
        let edit = Edit::new("", mode(was.shadow), mode(is.shadow)).goes(direction);
        weigh("mode", edit.because("in shadow everything is told and nothing is acted on"));
    }
    if was.on_breach != is.on_breach {
        let name = |scope: BreachScope| if scope == BreachScope::All { "all" } else { "region" };
        let direction = if is.on_breach == BreachScope::All { Direction::Tighter } else { Direction::Looser };
        let edit = Edit::new("", name(was.on_breach), name(is.on_breach)).goes(direction);
        weigh("on_breach", edit.because("how much of the exposure a breach in one region takes back"));
    }
    let mut add = |key: &str, edit: Edit| all.push(edit.about(Subject::Policy(key.to_owned())));
    if was.rollout != is.rollout {
        add("rollout", Edit::new("", was.rollout.as_str(), is.rollout.as_str()).because("another rollout"));
    }
    if was.features != is.features {
        let names = |policy: &Policy| policy.features.iter().map(ToString::to_string).collect::<Vec<String>>();
        let edit = Edit::new("", words::listed(&names(was)), words::listed(&names(is)));
        add("features", edit.because("the flags that move together"));
    }
    if was.owner != is.owner {
        let edit = Edit::of("", was.owner.clone(), is.owner.clone()).bears(Bearing::Untouched);
        add("owner", edit.because("who answers for it"));
    }
    if was.pin != is.pin {
        let edit = Edit::new("", words::flag(was.pin), words::flag(is.pin));
        add("pin", edit.because("whether a running rollout keeps its policy until the next stage"));
    }
    if was.exposure_tolerance.total_cmp(&is.exposure_tolerance).is_ne() {
        let direction = Direction::of(was.exposure_tolerance.total_cmp(&is.exposure_tolerance));
        let shown = |tolerance: f64| format!("{tolerance}pp");
        let edit = Edit::new("", shown(was.exposure_tolerance), shown(is.exposure_tolerance)).goes(direction);
        add("exposure_tolerance", edit.because("how far the observed share of traffic may be off before it holds"));
    }
    if was.catalogue.regions() != is.catalogue.regions() {
        let names = |policy: &Policy| {
            let named = policy.catalogue.regions().iter().filter(|region| !region.as_str().is_empty());
            named.map(ToString::to_string).collect::<Vec<String>>()
        };
        add("regions", Edit::new("", words::listed(&names(was)), words::listed(&names(is))));
    }
    freezes(was, is, &mut add);
    all.extend(baseline(pair));
    all
}

/// What makes for fewer baselines, or for others, weighs as much as what is compared with them.
fn baseline(pair: &Pair<'_>) -> Vec<Change> {
    let mut all = Vec::new();
    let mut add = |key: &str, edit: Edit, weight: Weight| {
        all.push(weight.on(edit.about(Subject::Policy(key.to_owned()))));
    };
    let readers = weight::of_baseline(pair);
    let unless = |more: bool| if more { Weight::default() } else { readers };
    let (was, is) = (&pair.old.baseline, &pair.new.baseline);
    if was.window != is.window {
        let edit = Edit::new("", was.window.to_string(), is.window.to_string());
        add("baseline.window", edit.because("the median is taken over another stretch of time"), readers);
    }
    let unknown = "without a baseline what compares with it is unknown: it holds, and fires nothing";
    if was.min_points != is.min_points {
        let edit = Edit::new("", was.min_points.to_string(), is.min_points.to_string());
        add("baseline.min_points", edit.because(unknown), unless(is.min_points < was.min_points));
    }
    if was.max_age != is.max_age {
        let shown = |age: Option<crate::model::time::Duration>| age.map(|age| age.to_string());
        let length = |age: Option<crate::model::time::Duration>| age.unwrap_or(crate::model::time::Duration::MAX);
        let edit = Edit::of("", shown(was.max_age), shown(is.max_age));
        add("baseline.max_age", edit.because(unknown), unless(length(is.max_age) > length(was.max_age)));
    }
    if was.drift.total_cmp(&is.drift).is_ne() {
        let shown = |drift: f64| format!("{}%", drift * 100.0);
        add(
            "baseline.drift",
            Edit::new("", shown(was.drift), shown(is.drift)).because(unknown),
            unless(is.drift > was.drift),
        );
    }
    all
}

fn freezes(was: &Policy, is: &Policy, add: &mut impl FnMut(&str, Edit)) {
    let mut kept: Vec<&Freeze> = was.freezes.iter().collect();
    let mut came = Vec::new();
    for freeze in &is.freezes {
        match kept.iter().position(|known| acts_as(known, freeze)) {
            Some(at) => drop(kept.remove(at)),
            None => came.push(freeze),
        }
    }
    for freeze in kept {
        let edit = Edit::of("", Some(shown(freeze)), None).goes(Direction::Looser);
        add("freeze", edit.because("advances are not held back in it any more"));
    }
    for freeze in came {
        let edit = Edit::of("", None, Some(shown(freeze))).goes(Direction::Tighter);
        add("freeze", edit.because("nothing advances in it"));
    }
}

/// Whether two freezes are the same times; the note is for people.
fn acts_as(a: &Freeze, b: &Freeze) -> bool {
    match (a, b) {
        (Freeze::Range { from, to, .. }, Freeze::Range { from: other_from, to: other_to, .. }) => {
            (from, to) == (other_from, other_to)
        }
        (
            Freeze::Weekly { days, from, to, zone, .. },
            Freeze::Weekly { days: other_days, from: other_from, to: other_to, zone: other_zone, .. },
        ) => (days, from, to, zone) == (other_days, other_from, other_to, other_zone),
        _ => false,
    }
}

fn shown(freeze: &Freeze) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    match freeze {
        Freeze::Range { from, to, .. } => format!("{from} to {to}"),
        Freeze::Weekly { days, from, to, zone, .. } => {
            let named: Vec<&str> = DAYS.iter().zip(days).filter(|(_, is)| **is).map(|(day, _)| *day).collect();
            let zone = zone.iana_name().unwrap_or("UTC");
            let to = if *to == jiff::civil::Time::midnight() {
                "24:00".to_owned()
            } else {
                to.strftime("%H:%M").to_string()
            };
            format!("{} {} to {to} {zone}", named.join(", "), from.strftime("%H:%M"))
        }
    }
}
