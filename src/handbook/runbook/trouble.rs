//! Section 4: one part per check, in the order in which checks decide.

use crate::model::finding::CheckKind;
use crate::model::frame::{Group, Kind};
use crate::model::severity::Severity;
use crate::model::units::Unit;
use crate::policy::compiled::{Bound, BreachScope, Check, CheckIx, Condition, Floor, OnMax, StageIx, Than};

use super::super::effects::{Effect, effect, metrics};
use super::super::markdown::{code, codes, prose, sentence};
use super::super::words::{channels, clears, comparison, condition, fires, function, held, who};
use super::super::{Handbook, commands, grafana};
use super::steps::named;
use super::{shell, silence};

mod index;

/// What to read when a source is silent.
const UNREADABLE: &str = "A metric cannot be read";
/// What to read when it just stands still.
const STUCK: &str = "Nothing is broken and it does not advance";

pub(super) fn text(book: &Handbook<'_>) -> String {
    let mut text = format!(
        "Whatever fires: if it rolls back, take the exposure back first and look for the cause afterwards. A roll back stays: \
         nothing goes up again until a person says so.\n\nThis lists every check with its value, its bound and how far the \
         one is from the other, in the stage you are in:\n\n{}",
        shell(&[commands::explain_here(book)])
    );
    if book.policy.checks.is_empty() {
        text.push_str("\nThe policy has no check.\n");
    }
    text.push_str(&index::text(book));
    for (at, check) in book.checks() {
        text.push_str(&one(book, at, check));
    }
    text.push_str(&format!("\n### {UNREADABLE}\n\n{}", silence::table(book)));
    text.push_str(&comparison_missing(book));
    text.push_str(&stuck(book));
    text
}

/// The heading of a check's part.
fn heading(check: &Check) -> String {
    let kind = match check.kind {
        CheckKind::Threshold => format!("{} threshold", check.severity),
        CheckKind::Trigger => format!("trigger, {}", check.severity),
        CheckKind::Gate => "gate".to_owned(),
    };
    format!("{} ({kind})", code(check.id.as_str()))
}

fn one(book: &Handbook<'_>, at: CheckIx, check: &Check) -> String {
    let gate = check.kind == CheckKind::Gate;
    let mut text = format!("\n### {}\n\n", heading(check));
    if check.shadow {
        text.push_str("**In shadow**: told, never acted on.\n\n");
    }
    for note in written(book, check) {
        text.push_str(&format!("> {}\n\n", prose(&note)));
    }
    let meaning = if gate {
        format!("It is open when {}, {}.", condition(book.policy, check), held(check.clear))
    } else {
        format!("{}. {}", sentence(&condition(book.policy, check)), fires(check.window))
    };
    let mut items =
        vec![format!("**Means**: {meaning}{}", whose(check)), format!("**Does**: {}", does(book, at, check))];
    if !gate {
        items.push(format!("**Tells**: {}.", channels(book.policy, check.severity)));
    }
    items.push(format!("**Look first**: {}", look(book, at, check)));
    if gate {
        items.push("**Opens**: by itself, as soon as its condition has held. Nobody opens it by hand.".to_owned());
    } else {
        let stays = if rolls_back(book, at) { "; a roll back stays until a person resumes" } else { "" };
        items.push(format!("**Clears**: {}; unknown never does{stays}.", clears(check.clear)));
    }
    items.extend(together(book, at, check).map(|words| format!("**Together with others**: {words}")));
    items.push(format!("**Unknown**: {}", silence::sentence(book, check)));
    items.push(format!("**Explain**: with the command above; its line is {}.", code(check.id.as_str())));
    items.push(format!("**Written**: {}.", code(&format!("{}/{}", book.root, check.origin))));
    text.push_str(&super::super::plan::bullets(&items));
    text
}

/// What its authors wrote beside it, and beside its script.
fn written(book: &Handbook<'_>, check: &Check) -> Vec<String> {
    let script = match check.condition {
        Condition::Script { .. } => book.notes.function(function(check)),
        Condition::Bound(_) => None,
    };
    book.notes.at(&check.origin).into_iter().chain(script).collect()
}

fn whose(check: &Check) -> String {
    match &check.condition {
        Condition::Bound(bound) => format!(" ({}: {}.)", sentence(bound.group.name()), who(bound.group)),
        Condition::Script { .. } => String::new(),
    }
}

/// The stages where a check is asked and applies.
fn stages_of(book: &Handbook<'_>, at: CheckIx) -> Vec<StageIx> {
    let acts = |ix: &StageIx| !matches!(effect(book.policy, at, *ix), Effect::Inactive | Effect::NotApplicable);
    book.ladder().map(|(ix, _)| ix).filter(acts).collect()
}

fn rolls_back(book: &Handbook<'_>, at: CheckIx) -> bool {
    book.ladder().any(|(ix, _)| matches!(effect(book.policy, at, ix), Effect::RollBack(_) | Effect::Latch))
}

/// What it does, by stage.
fn does(book: &Handbook<'_>, at: CheckIx, check: &Check) -> String {
    let mut seen: Vec<Effect> = Vec::new();
    let mut parts = Vec::new();
    for (ix, _) in book.ladder() {
        let found = effect(book.policy, at, ix);
        if found == Effect::Inactive || seen.contains(&found) {
            continue;
        }
        seen.push(found);
        let stages: Vec<StageIx> =
            book.ladder().map(|(ix, _)| ix).filter(|ix| effect(book.policy, at, *ix) == found).collect();
        let names = named(book, &stages);
        parts.push(match found {
            Effect::RollBack(to) => format!("rolls back to {} from {names}", code(book.stage_name(to))),
            Effect::Latch => latches(book, &stages, &names),
            Effect::Hold => format!("holds in {names}"),
            Effect::Warn => format!("warns in {names}, and blocks nothing"),
            Effect::Gate => format!("must be open to leave {names}"),
            Effect::EarlyGate => format!("must be open to leave {names} early, and stands in no other way"),
            Effect::NotApplicable => format!("is not applicable in {names}, where nobody is in the group it reads"),
            Effect::Inactive => continue,
        });
    }
    if parts.is_empty() {
        parts.push("no stage asks for it".to_owned());
    }
    let mut text = format!("{}.", sentence(&parts.join("; ")));
    let regions = book.policy.catalogue.regions().len() > 1;
    if regions && book.policy.on_breach == BreachScope::Region && rolls_back(book, at) {
        text.push_str(" Only the region where it happened goes back; the others hold.");
    }
    if check.unless_control {
        text.push_str(
            " While control breaks the same bound it holds instead of rolling back: then it is not the change.",
        );
    }
    if check.shadow {
        text.push_str(" In shadow: it is listed as what it would do, and never acted on.");
    }
    text
}

fn latches(book: &Handbook<'_>, stages: &[StageIx], names: &str) -> String {
    let unexposed = stages.iter().filter_map(|ix| book.policy.stage(*ix)).all(|stage| stage.is_unexposed());
    if unexposed {
        format!("stops the rollout in {names}, before anybody is exposed")
    } else {
        format!("stops the rollout in {names}; there is no lower stage, so its exposure stays")
    }
}

fn look(book: &Handbook<'_>, at: CheckIx, check: &Check) -> String {
    let mut items = Vec::new();
    let stages = stages_of(book, at);
    if let (Some(ix), Some(metric)) = (stages.first(), metrics(check).first()) {
        let others = if stages.len() > 1 { ", or the row of the stage you are in" } else { "" };
        items.push(format!("panel {}{others}", code(&grafana::panel_title(book.policy, *ix, *metric))));
    }
    match &check.condition {
        Condition::Script { asks, reads, .. } => {
            let asked = codes(asks.iter().filter_map(|ix| book.policy.check(*ix)).map(|check| check.id.as_str()));
            if !asked.is_empty() {
                items.push(format!("what it asks about: {asked}"));
            }
            let read = codes(reads.iter().map(|(metric, group)| format!("{} of {group}", book.metric_name(*metric))));
            if !read.is_empty() {
                items.push(format!("what it reads: {read}"));
            }
        }
        Condition::Bound(bound) => items.extend(look_at_bound(book, bound, &stages)),
    }
    if items.is_empty() { "the script itself, in `rules.rhai`.".to_owned() } else { format!("{}.", items.join("; ")) }
}

fn look_at_bound(book: &Handbook<'_>, bound: &Bound, stages: &[StageIx]) -> Vec<String> {
    let mut items = Vec::new();
    let has_control = |ix: &StageIx| book.policy.stage(*ix).is_some_and(|stage| !stage.leaves_empty(Group::Control));
    let metric = book.policy.catalogue.metric(bound.metric);
    let is_state = metric.is_some_and(|metric| metric.unit == Unit::State);
    if bound.group == Group::Treatment && stages.iter().any(has_control) && bound.limit.than() != Some(Than::Control) {
        items.push("if control moves as well, the cause is probably shared and not the change".to_owned());
    }
    if bound.group == Group::All && !is_state {
        items.push("everybody is in this series: it does not say whose requests are bad".to_owned());
    }
    match bound.limit.than() {
        Some(Than::Control) => items.push(
            "control here is the median of its last 15 readings: see whether treatment got worse, or control better"
                .to_owned(),
        ),
        Some(Than::Baseline) => items.push(
            "the baseline is the median frozen before the first exposure: see whether the traffic has changed since"
                .to_owned(),
        ),
        None => {}
    }
    if metric.is_some_and(|metric| metric.kind == Kind::Counter) {
        items.push("it reads the increase since the sample before; a fall is a reset of the counter".to_owned());
    }
    if is_state {
        items.push("what the failing health check itself says".to_owned());
    }
    items
}

/// How it stands to others on the same series, to scripts that ask about it, and to its own second bound.
fn together(book: &Handbook<'_>, at: CheckIx, check: &Check) -> Option<String> {
    let mut items = Vec::new();
    if let Condition::Bound(bound) = &check.condition {
        let near = |other: &Check| {
            let same =
                |other: &Bound| other.metric == bound.metric && other.group == bound.group && other.side == bound.side;
            other.kind != CheckKind::Gate && !other.shadow && matches!(&other.condition, Condition::Bound(b) if same(b))
        };
        let shares = |other: CheckIx| stages_of(book, other).iter().any(|ix| stages_of(book, at).contains(ix));
        let found =
            || book.checks().filter(|(other, _)| *other != at && shares(*other)).filter(|(_, other)| near(other));
        if check.kind != CheckKind::Gate {
            let worse = codes(found().filter(|(other, _)| *other < at).map(|(_, other)| other.id.as_str()));
            let milder = codes(found().filter(|(other, _)| *other > at).map(|(_, other)| other.id.as_str()));
            if !worse.is_empty() {
                items.push(format!("while any of these fires too, this one is listed as hidden by it: {worse}"));
            }
            if !milder.is_empty() {
                items.push(format!("while it fires, it hides {milder}"));
            }
        }
        items.extend(floor(book, bound));
    }
    let asking = book
        .policy
        .checks
        .iter()
        .filter(|other| matches!(&other.condition, Condition::Script { asks, .. } if asks.contains(&at)));
    let asking = codes(asking.map(|other| other.id.as_str()));
    if !asking.is_empty() {
        items.push(format!("{asking} asks whether it fires"));
    }
    (!items.is_empty()).then(|| format!("{}.", sentence(&items.join("; "))))
}

fn floor(book: &Handbook<'_>, bound: &Bound) -> Option<String> {
    let unit = book.policy.catalogue.metric(bound.metric)?.unit;
    let side = bound.side.name();
    Some(match bound.floor? {
        Floor::Level(level) => format!("both bounds must be broken: {side} {} as well", unit.show(level)),
        Floor::Difference(delta) => {
            let than = bound.limit.than().map_or("the comparison", comparison);
            format!(
                "both bounds must be broken: by itself, less than {} from {than} is noise",
                unit.show_difference(delta)
            )
        }
    })
}

fn comparison_missing(book: &Handbook<'_>) -> String {
    let compared = book.baselines();
    let mut text = String::new();
    if !compared.is_empty() {
        let names = codes(compared.iter().map(|ix| book.metric_name(*ix)));
        text.push_str(&format!(
            "\n### There is no baseline\n\nThe checks on {names} that compare with it are unknown, and the stage before the \
             first exposure is not left. It needs {} readings in {}, no drift, and a median that breaks no absolute bound of \
             its own metric; `rollgate explain` says which of these it misses. Waiting longer in that stage mends the first \
             two.\n",
            book.policy.baseline.min_points, book.policy.baseline.window
        ));
    }
    let than_control =
        |check: &Check| matches!(&check.condition, Condition::Bound(b) if b.limit.than() == Some(Than::Control));
    let asking = codes(book.policy.checks.iter().filter(|check| than_control(check)).map(|check| check.id.as_str()));
    if !asking.is_empty() {
        text.push_str(&format!(
            "\n### Control is missing\n\n{asking} compare with control. Fewer than 8 known readings among the last 15, or a \
             newest one that is stale, make them unknown. Right after a stage is entered that is normal, and passes.\n"
        ));
    }
    text
}

/// Why it does not move although nothing is broken.
fn stuck(book: &Handbook<'_>) -> String {
    let mut items = vec![
        "**It was rolled back.** It stays latched at its target until a person has understood why, and resumes or starts a \
         new revision."
            .to_owned(),
        "**The bake does not grow.** Only good time counts: look for a finding at hold or worse, or a metric that comes and \
         goes."
            .to_owned(),
    ];
    if book.policy.stages.iter().any(|stage| !stage.gates.is_empty()) {
        items.push("**A gate is closed.** See its part above; it opens by itself.".to_owned());
    }
    let approving: Vec<&str> =
        book.policy.stages.iter().filter(|stage| stage.approvals.is_some()).map(|stage| stage.name.as_str()).collect();
    if !approving.is_empty() {
        items.push(format!("**An approval is missing**, to leave {}. Each stage asks anew.", codes(approving)));
    }
    if !book.policy.freezes.is_empty() {
        items.push(format!("**It is frozen**: {}. Rolling back is always allowed.", book.freeze_words().join("; ")));
    }
    for stage in &book.policy.stages {
        if let (Some(max), OnMax::Hold) = (stage.max, stage.on_max) {
            items.push(format!(
                "**It is past the `max` of {}** ({max} on the wall): P1 tells {}, and a person decides.",
                code(stage.name.as_str()),
                channels(book.policy, Severity::P1)
            ));
        }
    }
    items.push(format!(
        "**The exposure seen differs from the stage's** by more than {} percentage points, where the source reports it.",
        book.policy.exposure_tolerance
    ));
    format!("\n### {STUCK}\n\n{}", super::super::plan::bullets(&items))
}
