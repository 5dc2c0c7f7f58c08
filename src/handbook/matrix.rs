//! Stage by threshold: every check a row, every stage a column.

use crate::model::finding::CheckKind;
use crate::policy::compiled::{Check, CheckIx, StageIx};

use super::Handbook;
use super::effects::{Effect, effect};
use super::markdown::{Table, code, codes, prose};
use super::stages::share;
use super::words::held;

/// Columns between one stage and the next on a screen.
const GAP: usize = 2;
/// No stage is narrower than what stands in its cells.
const NARROWEST: usize = 5;
/// The most a check's name takes before its stages begin.
const WIDEST_NAME: usize = 34;

impl Handbook<'_> {
    /// The matrix in Markdown.
    #[must_use]
    pub fn matrix(&self) -> String {
        let mut text = self.head("Stages and thresholds", "matrix");
        let mut head = vec!["Check".to_owned(), "Severity".to_owned()];
        head.extend(self.ladder().map(|(_, stage)| format!("{} ({})", code(stage.name.as_str()), share(stage))));
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        let mut table = Table::new(&head);
        let rows: Vec<(CheckIx, &Check)> = self.checks().filter(|(_, check)| check.kind != CheckKind::Gate).collect();
        for (at, check) in &rows {
            let cells = self.ladder().map(|(ix, _)| self.cell(*at, ix, check));
            let severity =
                if check.shadow { format!("{} (shadow)", check.severity) } else { check.severity.to_string() };
            table.row([code(check.id.as_str()), severity].into_iter().chain(cells));
        }
        text.push_str(&format!("\n{}", table.finish()));
        if rows.is_empty() {
            text.push_str("\nThe policy has no thresholds and no triggers.\n");
        }
        text.push_str("\n`-`: not asked in that stage. *n/a*: asked, but nobody there is in the group it reads.\n");
        text.push_str(&self.silence());
        text.push_str(&self.gates());
        text
    }

    /// What takes a stage back without a row of its own.
    fn silence(&self) -> String {
        let mut items: Vec<String> = Vec::new();
        for (ix, stage) in self.ladder() {
            let does = match self.by_itself(ix) {
                Effect::RollBack(to) => format!("back to {}", code(self.stage_name(to))),
                _ => "stop".to_owned(),
            };
            let silent = self.silences(ix).into_iter();
            items.extend(silent.map(|(name, after)| {
                format!("- {}: {} unknown for {after}: {does}\n", code(stage.name.as_str()), code(name))
            }));
        }
        if items.is_empty() { String::new() } else { format!("\n## What cannot be read\n\n{}", items.concat()) }
    }

    /// `below 95%: back to off`.
    fn cell(&self, at: CheckIx, ix: StageIx, check: &Check) -> String {
        let bound = prose(&self.said(check));
        match effect(self.policy, at, ix) {
            Effect::Inactive | Effect::Gate | Effect::EarlyGate => "-".to_owned(),
            Effect::NotApplicable => "*n/a*".to_owned(),
            Effect::RollBack(to) => format!("{bound}: **back to {}**", prose(self.stage_name(to))),
            Effect::Latch => format!("{bound}: **stop**"),
            Effect::Hold => format!("{bound}: hold"),
            Effect::Warn => format!("{bound}: warn"),
        }
    }

    /// The condition with its metric: a threshold's id has it already.
    fn said(&self, check: &Check) -> String {
        match (&check.condition, check.kind) {
            (crate::policy::compiled::Condition::Bound(bound), CheckKind::Trigger | CheckKind::Gate) => {
                format!("{} {}", self.metric_name(bound.metric), check.words)
            }
            (_, CheckKind::Gate) => check.words.trim_start_matches("gate ").to_owned(),
            _ => check.words.to_string(),
        }
    }

    fn gates(&self) -> String {
        let gates: Vec<(CheckIx, &Check)> = self.checks().filter(|(_, check)| check.kind == CheckKind::Gate).collect();
        if gates.is_empty() {
            return "\n## Gates\n\nNone: a stage is left when its bake is served and nothing stands against it.\n"
                .to_owned();
        }
        let mut table = Table::new(&["Gate", "Open when", "To leave", "To leave early"]);
        for (at, gate) in gates {
            let stages = |wanted: Effect| {
                let names = self.ladder().filter(|(ix, _)| effect(self.policy, at, *ix) == wanted);
                let names = codes(names.map(|(_, stage)| stage.name.as_str()));
                if names.is_empty() { "-".to_owned() } else { names }
            };
            table.row([
                code(gate.id.as_str()),
                format!("{}, {}", super::words::condition(self.policy, gate), held(gate.clear)),
                stages(Effect::Gate),
                stages(Effect::EarlyGate),
            ]);
        }
        format!("\n## Gates\n\n{}", table.finish())
    }

    /// The matrix for a screen of `width` columns: two lines per check, its name with what it does in each stage, and its
    /// condition below. More stages than fit go into a second part.
    #[must_use]
    pub fn matrix_screen(&self, width: usize) -> String {
        let policy = self.policy;
        let mut text = format!("{}  policy {} ({})\n", policy.rollout, policy.digest.short(), policy.environment);
        let longest = policy.checks.iter().map(|check| check.id.as_str().chars().count()).max().unwrap_or(5);
        let name = longest.clamp(5, WIDEST_NAME.min(width / 2));
        let stages: Vec<StageIx> = self.ladder().map(|(ix, _)| ix).collect();
        for part in self.parts(&stages, width.saturating_sub(name + 4)) {
            text.push('\n');
            text.push_str(&self.part(part, name, width));
        }
        text.push_str(
            "\nback  rolls back             hold   nothing advances   open   needed to leave\n\
             stop  stays where it is      warn   never blocks       early  to leave early\n\
             n/a   nobody is in the group it reads                  -      not asked\n",
        );
        text
    }

    fn column(&self, ix: StageIx) -> usize {
        self.stage_name(ix).chars().count().max(NARROWEST)
    }

    fn parts<'s>(&self, stages: &'s [StageIx], room: usize) -> Vec<&'s [StageIx]> {
        let mut parts = Vec::new();
        let mut rest = stages;
        while !rest.is_empty() {
            let mut used = 0;
            let fits = rest.iter().take_while(|ix| {
                used += GAP + self.column(**ix);
                used <= room
            });
            let (part, behind) = rest.split_at(fits.count().max(1).min(rest.len()));
            parts.push(part);
            rest = behind;
        }
        parts
    }

    fn part(&self, stages: &[StageIx], name: usize, width: usize) -> String {
        let cells = |cell: &dyn Fn(StageIx) -> String| {
            let cells: Vec<String> = stages.iter().map(|ix| format!("{:<1$}", cell(*ix), self.column(*ix))).collect();
            cells.join(&" ".repeat(GAP))
        };
        let line = |left: &str, severity: &str, cells: String| {
            let left: String = left.chars().take(name).collect();
            format!("{left:<name$}  {severity:<2}{}{cells}", " ".repeat(GAP)).trim_end().to_owned() + "\n"
        };
        let mut text = line("check", "", cells(&|ix| self.stage_name(ix).to_owned()));
        text.push_str(&line("", "", cells(&|ix| self.policy.stage(ix).map_or_else(String::new, short_share))));
        for (at, check) in self.checks() {
            let severity = if check.kind == CheckKind::Gate { String::new() } else { check.severity.to_string() };
            text.push_str(&line(check.id.as_str(), &severity, cells(&|ix| self.short(at, ix, check).to_owned())));
            let words: String = format!("  {}", self.said(check)).chars().take(width).collect();
            text.push_str(&(words + "\n"));
        }
        text
    }

    fn short(&self, at: CheckIx, ix: StageIx, check: &Check) -> &'static str {
        match (effect(self.policy, at, ix), check.shadow) {
            (Effect::Inactive, _) => "-",
            (Effect::NotApplicable, _) => "n/a",
            (Effect::Gate, _) => "open",
            (Effect::EarlyGate, _) => "early",
            (_, true) => "only told",
            (Effect::RollBack(_), _) => "back",
            (Effect::Latch, _) => "stop",
            (Effect::Hold, _) => "hold",
            (Effect::Warn, _) => "warn",
        }
    }
}

fn short_share(stage: &crate::policy::compiled::Stage) -> String {
    if stage.traffic <= 0.0 && !stage.audience.is_empty() { "team".to_owned() } else { share(stage) }
}
