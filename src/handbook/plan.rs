//! The rollout plan: the ladder, when it can be done, what takes it back, and who hears of it.

use jiff::tz::TimeZone;

use crate::model::finding::CheckKind;
use crate::model::severity::Severity;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::{BreachScope, Check, Freeze, OnMax, StageIx};

use super::Handbook;
use super::calendar::{self, Least, Step};
use super::effects::Effect;
use super::markdown::{Table, and, code, codes, lines, prose, sentence};
use super::stages::{approvals, bake, early_exit, exposure, gates, max};
use super::words::{channels, clears, condition, does, held, long};

impl Handbook<'_> {
    /// The rollout plan, in Markdown. With `start`, the calendar from then on, in `zone`.
    #[must_use]
    pub fn plan(&self, start: Option<Time>, zone: &TimeZone) -> String {
        let mut text = self.head_with("Rollout plan", &super::commands::plan(self, start, zone));
        text.push_str(&self.facts());
        text.push_str(&self.ladder_table());
        text.push_str(&self.watch_table());
        text.push_str(&self.duration(start, zone));
        text.push_str(&self.freezes());
        text.push_str(&self.told());
        text.push_str(&self.check_list());
        text
    }

    fn facts(&self) -> String {
        let policy = self.policy;
        let mut table = Table::new(&["", ""]);
        let owner = policy.owner.as_deref().map_or_else(|| "not named".to_owned(), code);
        let regions: Vec<&str> =
            policy.catalogue.regions().iter().map(|region| region.as_str()).filter(|name| !name.is_empty()).collect();
        let features: Vec<&str> = policy.features.iter().map(|feature| feature.as_str()).collect();
        table.row(["Rollout".to_owned(), code(policy.rollout.as_str())]);
        table.row(["Owner".to_owned(), owner]);
        table.row(["Features, moving together".to_owned(), codes(features)]);
        if !regions.is_empty() {
            let scope = match policy.on_breach {
                BreachScope::All => "a breach in one takes back all",
                BreachScope::Region => "a breach takes back its region, the others hold",
            };
            table.row(["Regions".to_owned(), format!("{}; {scope}", codes(regions))]);
        }
        for objective in &policy.objectives {
            table.row([format!("Objective: {}", prose(&objective.name)), prose(&objective.text)]);
        }
        format!("\n{}", table.finish())
    }

    fn ladder_table(&self) -> String {
        let head = ["Stage", "Exposure", "Bake", "Max", "Early exit", "Gates to leave", "Approvals to leave"];
        let mut table = Table::new(&head);
        let dash = || "-".to_owned();
        for (ix, stage) in self.ladder() {
            table.row([
                code(stage.name.as_str()),
                exposure(stage),
                bake(stage, ix == self.last()),
                max(self, stage),
                early_exit(self, stage).unwrap_or_else(dash),
                if stage.gates.is_empty() { dash() } else { gates(self, &stage.gates) },
                approvals(stage).unwrap_or_else(dash),
            ]);
        }
        format!(
            "\n## Stages\n\n{}\nA bake is good time: everything known and nothing at hold or worse broken. `max` is time on \
             the wall. One stage at a time; a stage is left when its bake is served (or its early exit is met), its \
             gates are open, its approvals are recorded and nothing is frozen.\n",
            table.finish()
        )
    }

    fn watch_table(&self) -> String {
        let mut table = Table::new(&["Stage", "Monitoring", "Rolls back, and to where"]);
        for (ix, stage) in self.ladder() {
            let watching: Vec<String> = [(Effect::Hold, "holds"), (Effect::Warn, "warns")]
                .into_iter()
                .map(|(wanted, does)| (does, self.checks_in(ix, |effect| effect == wanted)))
                .filter(|(_, checks)| !checks.is_empty())
                .map(|(does, checks)| format!("{does}: {}", codes(checks.iter().map(|check| check.id.as_str()))))
                .collect();
            table.row([code(stage.name.as_str()), lines(&watching), lines(&self.ways_back(ix))]);
        }
        format!(
            "\n## What watches, and what takes it back\n\n{}\nEvery bound is written out under *Checks* below.\n",
            table.finish()
        )
    }

    /// Everything that takes a stage back, target first.
    fn ways_back(&self, ix: StageIx) -> Vec<String> {
        let mut targets: Vec<Effect> =
            self.checks().map(|(at, _)| super::effects::effect(self.policy, at, ix)).collect();
        targets.retain(|effect| matches!(effect, Effect::RollBack(_) | Effect::Latch));
        targets.dedup();
        let mut found: Vec<String> = Vec::new();
        let mut seen: Vec<Effect> = Vec::new();
        for target in targets {
            if seen.contains(&target) {
                continue;
            }
            seen.push(target);
            found.push(format!("{}:", self.goes(ix, target)));
            found.extend(self.checks_in(ix, |effect| effect == target).into_iter().map(|check| self.one_line(check)));
        }
        let silent = self.silences(ix);
        if !silent.is_empty() {
            found.push(format!("{}, when it cannot be read:", self.goes(ix, self.by_itself(ix))));
            found.extend(silent.into_iter().map(|(name, after)| format!("{}: unknown for {after}", code(name))));
        }
        found
    }

    /// Where a roll back goes, as a heading: `To off`, `Stops in off, before anybody sees it`.
    pub(super) fn goes(&self, ix: StageIx, effect: Effect) -> String {
        let here = code(self.stage_name(ix));
        match effect {
            Effect::RollBack(to) => format!("To {}", code(self.stage_name(to))),
            _ if self.policy.stage(ix).is_some_and(crate::policy::compiled::Stage::is_unexposed) => {
                format!("Stops in {here}, before anybody is exposed")
            }
            _ => format!("Stops in {here}, the lowest stage; its exposure stays"),
        }
    }

    /// `error_rate.p1`: above 1% for 2m.
    fn one_line(&self, check: &Check) -> String {
        let shadow = if check.shadow { " (shadow: only told)" } else { "" };
        let said = match (&check.condition, check.kind) {
            (crate::policy::compiled::Condition::Bound(bound), CheckKind::Trigger | CheckKind::Gate) => {
                format!("{} {}", self.metric_name(bound.metric), check.words)
            }
            _ => check.words.to_string(),
        };
        format!("{}: {}{shadow}", code(check.id.as_str()), prose(&said))
    }

    fn duration(&self, start: Option<Time>, zone: &TimeZone) -> String {
        let least = calendar::least(self.policy);
        let sum = |of: &dyn Fn(&Least) -> Duration| least.iter().fold(Duration::ZERO, |sum, stage| sum + of(stage));
        let (full, short) = (sum(&|stage| stage.full), sum(&|stage| stage.shortest()));
        let mut items = Vec::new();
        let early: Vec<&str> = self.with_early_exit(&least);
        if early.is_empty() {
            items.push(format!("Earliest finish: {} after the start.", long(full)));
        } else {
            items.push(format!(
                "Earliest finish: {} after the start, when {} left by the early exit; {} when none is.",
                long(short),
                if early.len() == 1 { format!("{} is", codes(early)) } else { format!("{} are", codes(early)) },
                long(full)
            ));
        }
        items.push(self.latest());
        items.extend(self.unbounded(&least));
        let mut text = format!("\n## How long it takes\n\n{}", bullets(&items));
        match start {
            Some(start) => text.push_str(&self.walked(start, zone)),
            None if self.policy.freezes.is_empty() => {}
            None => text.push_str(&format!(
                "\nThese are durations without freezes. Dates, with the freezes worked in: {}\n",
                code(&format!("{} --start {}", super::commands::docs(self, "plan"), "2026-11-30T08:00:00Z"))
            )),
        }
        text
    }

    fn with_early_exit(&self, least: &[Least]) -> Vec<&str> {
        let stages = self.policy.stages.iter().zip(least);
        stages.filter(|(_, least)| least.early.is_some()).map(|(stage, _)| stage.name.as_str()).collect()
    }

    fn latest(&self) -> String {
        match calendar::most(self.policy) {
            Ok(most) => format!(
                "Latest finish: {} after the start. A stage that passes its `max` does not advance by itself any more.",
                long(most)
            ),
            Err(open) => {
                let names = codes(open.iter().map(|ix| self.stage_name(*ix)));
                let (word, has) = if open.len() == 1 { ("stage", "has") } else { ("stages", "have") };
                format!("Latest finish: none, because {word} {names} {has} no `max`.")
            }
        }
    }

    /// What no number can be given for.
    fn unbounded(&self, least: &[Least]) -> Vec<String> {
        let mut items = Vec::new();
        let approving: Vec<&str> = self
            .policy
            .stages
            .iter()
            .filter(|stage| stage.approvals.is_some())
            .map(|stage| stage.name.as_str())
            .collect();
        if !approving.is_empty() {
            items.push(format!(
                "Plus the time approvals take: {} waits for people, and a bake that is served waits with it.",
                codes(approving)
            ));
        }
        let manual: Vec<&str> = self
            .policy
            .stages
            .iter()
            .zip(least)
            .filter(|(_, least)| least.manual)
            .map(|(stage, _)| stage.name.as_str())
            .collect();
        if !manual.is_empty() {
            items.push(format!("Plus the time until a person orders the advance out of {}: no bake.", codes(manual)));
        }
        let ongoing = self.policy.stages.last().filter(|stage| stage.bake.is_none());
        items.extend(ongoing.map(|stage| {
            format!("{} is ongoing: entering it is the finish, and its checks stay active.", code(stage.name.as_str()))
        }));
        items.push("Nights without traffic, findings and repairs come on top: only good time is served.".to_owned());
        items
    }

    fn walked(&self, start: Time, zone: &TimeZone) -> String {
        let show = |at: Time| at.to_timestamp().to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M %Z").to_string();
        let mut text = format!("\n### Starting {}\n\n", show(start));
        let full = calendar::walk(self.policy, start, false);
        let early = calendar::walk(self.policy, start, true);
        text.push_str(&self.dates(&full, &show));
        let end = |steps: &[Step]| {
            let done = steps.len() == self.policy.stages.len();
            steps.last().and_then(|step| step.left).filter(|_| done)
        };
        match (end(&full), end(&early)) {
            (Some(full), Some(early)) if early < full => text.push_str(&format!(
                "\nDone at the earliest {}; with every early exit taken, {}.\n",
                show(full),
                show(early)
            )),
            (Some(full), _) => text.push_str(&format!("\nDone at the earliest {}.\n", show(full))),
            (None, Some(early)) => {
                text.push_str(&format!("\nDone by itself only with every early exit taken: {}.\n", show(early)));
            }
            (None, None) if full.last().is_some_and(|step| step.stuck.is_some()) => text.push_str(
                "\nNever done by itself: a stage's `max` is over before the freeze that covers its end. Start at another \
                 time, or give it more.\n",
            ),
            (None, None) => text.push_str("\nNever done: a freeze without an end stands in the way.\n"),
        }
        if let (Ok(most), Some(_)) = (calendar::most(self.policy), end(&full)) {
            text.push_str(&format!("By itself it is done by {} or not at all.\n", show(start + most)));
        }
        text
    }

    fn dates(&self, steps: &[Step], show: &dyn Fn(Time) -> String) -> String {
        let mut table = Table::new(&["Stage", "Entered", "Served", "Left"]);
        for (step, (ix, stage)) in steps.iter().zip(self.ladder()) {
            let is_end = ix == self.last();
            let left = match step.left {
                _ if is_end && stage.bake.is_none() => "stays".to_owned(),
                None => match (step.stuck, stage.on_max) {
                    (None, _) => "never: frozen".to_owned(),
                    (Some(at), OnMax::Hold) => format!("never by itself: past `max` on {}", show(at)),
                    (Some(at), OnMax::Rollback) => {
                        let back = code(self.stage_name(stage.rollback_to));
                        format!("never: past `max` on {}, back to {back}", show(at))
                    }
                },
                Some(left) if left > step.ready => format!("{} (frozen until then)", show(left)),
                Some(left) if is_end => format!("{} (complete)", show(left)),
                Some(left) => show(left),
            };
            table.row([code(stage.name.as_str()), show(step.entered), show(step.ready), left]);
        }
        table.finish()
    }

    fn freezes(&self) -> String {
        if self.policy.freezes.is_empty() {
            return String::new();
        }
        let items: Vec<String> = self.freeze_words();
        format!(
            "\n## Freezes\n\nNothing advances in these times. Bakes go on, and rolling back is always allowed.\n\n{}",
            bullets(&items)
        )
    }

    /// Every freeze window in words.
    pub(super) fn freeze_words(&self) -> Vec<String> {
        self.policy.freezes.iter().map(freeze).collect()
    }

    fn told(&self) -> String {
        let mut table = Table::new(&["Severity", "A threshold that fires", "Tells"]);
        for severity in Severity::ALL {
            let rules = self.policy.severities.get(severity.index());
            let then = rules.map_or("-", |rules| does(rules.then));
            table.row([severity.to_string(), sentence(then), channels(self.policy, severity)]);
        }
        format!(
            "\n## Who is told\n\n{}\nA trigger always rolls back and tells by its own severity, P0 unless it says otherwise. \
             A reading that stays unknown, and a stage past its `max`, tell P1.\n",
            table.finish()
        )
    }

    fn check_list(&self) -> String {
        if self.policy.checks.is_empty() {
            return "\n## Checks\n\nThe policy has no check.\n".to_owned();
        }
        let mut table = Table::new(&["Check", "Kind", "Severity", "Broken (a gate: open) when", "What clears it"]);
        for check in &self.policy.checks {
            let (kind, severity) = match check.kind {
                CheckKind::Threshold => ("threshold", check.severity.to_string()),
                CheckKind::Trigger => ("trigger", check.severity.to_string()),
                CheckKind::Gate => ("gate", "-".to_owned()),
            };
            let window = if check.kind == CheckKind::Gate {
                format!(", {}", held(check.clear))
            } else {
                match check.window {
                    crate::policy::compiled::Window::First => String::new(),
                    other => format!(", for {}", window(other)),
                }
            };
            let cleared = if check.kind == CheckKind::Gate { "-".to_owned() } else { clears(check.clear) };
            let text = format!("{}{window}{}", condition(self.policy, check), besides(check));
            table.row([code(check.id.as_str()), kind.to_owned(), severity, text, cleared]);
        }
        format!("\n## Checks\n\n{}", table.finish())
    }
}

/// What else decides whether it acts.
fn besides(check: &Check) -> String {
    let mut text = String::new();
    if check.unless_control {
        text.push_str("; while control breaks the same bound it holds and does not roll back");
    }
    if check.shadow {
        text.push_str("; in shadow: told, never acted on");
    }
    text
}

fn window(window: crate::policy::compiled::Window) -> String {
    use crate::policy::compiled::Window;
    match window {
        Window::First => "one reading".to_owned(),
        Window::For(length) => length.to_string(),
        Window::Of { k, n } => format!("{k} of {n} readings"),
    }
}

/// A list of sentences.
pub(super) fn bullets(items: &[String]) -> String {
    items.iter().map(|item| format!("- {item}\n")).collect()
}

fn freeze(freeze: &Freeze) -> String {
    let noted = |note: &str| if note.trim().is_empty() { String::new() } else { format!(": {}", prose(note)) };
    match freeze {
        Freeze::Range { from, to, note } => format!("{from} to {to}{}", noted(note)),
        Freeze::Weekly { days, from, to, zone, note } => {
            let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
            let on: Vec<&str> = names.into_iter().zip(days).filter(|(_, on)| **on).map(|(name, _)| name).collect();
            let midnight = jiff::civil::Time::midnight();
            let hours = match (*from == midnight, *to == midnight) {
                (true, true) => "all day".to_owned(),
                (false, true) => format!("{} to 24:00", from.strftime("%H:%M")),
                _ if to <= from => format!("{} to {} the next day", from.strftime("%H:%M"), to.strftime("%H:%M")),
                _ => format!("{} to {}", from.strftime("%H:%M"), to.strftime("%H:%M")),
            };
            let zone = zone.iana_name().unwrap_or("UTC");
            format!("{} {hours} ({zone}){}", and(on), noted(note))
        }
    }
}
