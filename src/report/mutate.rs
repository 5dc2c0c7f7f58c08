//! What `mutate` found: the thresholds that no test pins first, each with the test that is missing.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::time::Duration;
use crate::review::mutate::stub::Missing;
use crate::review::mutate::{Assay, Fate, Judged, Kind, Tally};

use super::layout::{columns, count, hang, pad, wrap};
use super::screen::{ATTENTION, BAD, GOOD, Mark, PLACE, QUIET, STRONG, Screen, paint};

/// Everything that was judged.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// One per policy, in order of path.
    pub policies: Vec<Assay>,
    /// All of them together.
    pub tally: Tally,
    /// Killed of those that could be, in percent; none when there was nothing to kill.
    pub score: Option<f64>,
    /// What was asked for with `--min`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
    /// The score with the tests that were written, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<f64>,
    /// Files that were written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wrote: Vec<String>,
    /// How long it took; not part of what is compared.
    #[serde(skip)]
    pub took: Duration,
}

impl Report {
    /// Of these policies.
    #[must_use]
    pub fn new(policies: Vec<Assay>, least: Option<f64>) -> Report {
        let all = policies.iter().map(|assay| Tally::of(&assay.mutants));
        let tally = all.fold(Tally::default(), Tally::and);
        Report { policies, tally, score: tally.score(), least, ..Report::default() }
    }

    /// Whether fewer are pinned than were asked for.
    #[must_use]
    pub fn falls_short(&self) -> bool {
        matches!((self.after.or(self.score), self.least), (Some(score), Some(least)) if score < least)
    }

    /// `score 98.6%: 405 killed, 6 survived; 31 refused by the compiler, 12 skipped; in 9s`
    #[must_use]
    pub fn closing(&self) -> String {
        let Tally { killed, survived, refused, skipped } = self.tally;
        let mut score = self.score.map_or_else(|| "no score".to_owned(), |score| format!("score {}", percent(score)));
        if let Some(after) = self.after {
            score = format!("{score}, with the tests written {}", percent(after));
        }
        let least = match self.least {
            Some(least) if self.falls_short() => format!(" is below {}", percent(least)),
            _ => String::new(),
        };
        let took = self.took;
        format!("{score}{least}: {killed} killed, {survived} survived; {refused} refused, {skipped} skipped; in {took}")
    }
}

/// Rounded down: 99.96 is not 100.
fn percent(score: f64) -> String {
    let text = format!("{:.1}", (score * 10.0).floor() / 10.0);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The mutants of one place in a file, one after the other.
fn by_site(mutants: &[Judged]) -> Vec<&[Judged]> {
    mutants.chunk_by(|a, b| a.site == b.site).collect()
}

/// `94%`, `at_most`, `left out`.
fn tried(mutant: &Judged) -> String {
    match (mutant.kind, mutant.tried.as_str()) {
        (_, "") => "left out".to_owned(),
        (_, tried) => tried.to_owned(),
    }
}

/// `isolation_score.p0 below 95%`.
fn name(mutant: &Judged) -> String {
    let site = &mutant.site;
    let turned = mutant.kind == Kind::Flip && site.part == site.written;
    let written = if turned { "" } else { &site.written };
    format!("{} {written}", site.name()).trim_end().to_owned()
}

fn place(assay: &Assay, mutant: &Judged) -> String {
    format!("{}/{}:{}", assay.path, mutant.site.file, mutant.site.line)
}

/// So many missing tests are shown before the others are only counted.
pub const STUBS: usize = 3;

/// For a person at a terminal: the score and a line per check, then what is not pinned with up to `stubs` tests.
#[must_use]
pub fn pretty(report: &Report, mut stubs: usize, screen: Screen) -> String {
    let mut text = String::new();
    let mut kept = 0;
    for assay in &report.policies {
        text.push_str(&head(assay));
        text.push_str(&overview(assay, screen));
        for site in by_site(&assay.mutants) {
            let tests = site.iter().filter(|mutant| is_ready(mutant)).count();
            if stubs > 0 {
                text.push_str(&survivors(assay, site, screen));
                stubs = stubs.saturating_sub(tests);
            } else {
                text.push_str(&survivor(site, screen));
                kept += tests;
            }
        }
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&aside(assay, screen));
        text.push('\n');
    }
    if kept > 0 && report.wrote.is_empty() {
        let line = format!("{} more: show all with --stubs, append them to the policy with --write-tests", ready(kept));
        text.push_str(&format!("{}\n\n", paint(QUIET, hang(&line, screen.width, 2))));
    }
    for file in &report.wrote {
        text.push_str(&format!("{} {file}\n", paint(PLACE, "wrote")));
    }
    if let (Some(score), Some(after)) = (report.score, report.after) {
        let line = format!("score {} {} {} with them\n", percent(score), screen.arrow(), percent(after));
        text.push_str(&line);
    }
    let style = match (report.falls_short(), report.tally.survived) {
        (true, _) => BAD,
        (false, 0) => GOOD,
        (false, _) => ATTENTION,
    };
    text.push_str(&paint(style, hang(&report.closing(), screen.width, 2)));
    text.push('\n');
    text
}

fn ready(tests: usize) -> String {
    if tests == 1 { "a test is ready for 1".to_owned() } else { format!("tests are ready for {tests}") }
}

const fn is_ready(mutant: &Judged) -> bool {
    matches!(mutant.fate, Fate::Survived { missing: Missing::Test(_) })
}

/// The score of a policy, and of everything that is named in it.
fn overview(assay: &Assay, screen: Screen) -> String {
    let tally = Tally::of(&assay.mutants);
    let Some(score) = tally.score() else { return String::new() };
    let could = tally.killed + tally.survived;
    let mut text =
        format!("  {}\n\n", paint(STRONG, format!("{} pinned: {} of {could}", percent(score), tally.killed)));
    let mut subjects: Vec<&str> = assay.mutants.iter().map(|mutant| mutant.site.subject.as_str()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let of = |subject: &&str| {
        let own = || assay.mutants.iter().filter(|mutant| mutant.site.subject == *subject);
        let tally = Tally::of(own());
        let mut parts: Vec<&str> = Vec::new();
        for mutant in own().filter(|mutant| matches!(mutant.fate, Fate::Survived { .. })) {
            let part = if mutant.site.part.is_empty() { "all of it" } else { mutant.site.part.as_str() };
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        (tally, parts)
    };
    let judged = subjects.iter().map(|subject| (*subject, of(subject)));
    let judged: Vec<_> = judged.filter(|(_, (tally, _))| tally.killed + tally.survived > 0).collect();
    let width = judged.iter().map(|(subject, _)| columns(subject)).max().unwrap_or(0);
    for (subject, (tally, parts)) in judged {
        let (style, mark) = if parts.is_empty() { (GOOD, Mark::Good) } else { (BAD, Mark::Bad) };
        let count = pad(&format!("{} of {}", tally.killed, tally.killed + tally.survived), 8);
        let line = format!("{} {count} ", pad(subject, width));
        let indent = columns(&line) + 4;
        let line = format!(
            "{line}{}",
            wrap(&parts.join(", "), screen.width.saturating_sub(indent).max(20))
                .join(&format!("\n{}", " ".repeat(indent)))
        );
        text.push_str(&format!("  {} {}\n", paint(style, screen.icon(mark)), line.trim_end()));
    }
    text
}

/// What of a site survived, on one line.
fn survivor(site: &[Judged], screen: Screen) -> String {
    let survived = || site.iter().filter(|mutant| matches!(mutant.fate, Fate::Survived { .. }));
    let Some(first) = survived().next() else { return String::new() };
    let all: Vec<String> = survived().map(tried).collect();
    let environment = first.site.environment.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
    let line =
        format!("{}{environment}: tried {} ({}:{})", name(first), all.join(", "), first.site.file, first.site.line);
    format!("\n  {} {}", paint(BAD, screen.icon(Mark::Bad)), hang(&line, screen.width, 4))
}

fn head(assay: &Assay) -> String {
    let about = format!(
        "{}, judged by {} and {}; times moved by {}",
        count(assay.mutants.len(), "mutant"),
        count(assay.tests, "test"),
        count(assay.fixtures, "fixture"),
        assay.step
    );
    format!("{}\n  {}\n", paint(STRONG, &assay.path), paint(QUIET, about))
}

fn survivors(assay: &Assay, site: &[Judged], screen: Screen) -> String {
    let survived: Vec<(&Judged, &Missing)> = site
        .iter()
        .filter_map(|mutant| match &mutant.fate {
            Fate::Survived { missing } => Some((mutant, missing)),
            _ => None,
        })
        .collect();
    let Some((first, _)) = survived.first() else { return String::new() };
    let mut text = format!(
        "\n  {} {} {}\n      {}\n",
        paint(BAD, screen.icon(Mark::Bad)),
        paint(STRONG, name(first)),
        paint(BAD, if survived.len() < site.len() { "is not pinned exactly" } else { "is pinned by no test" }),
        paint(PLACE, format!("--> {}", place(assay, first)))
    );
    for (mutant, missing) in survived {
        let environment = mutant.site.environment.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
        let line = format!("{}{environment}: nothing fails and no timeline changes", tried(mutant));
        text.push_str(&format!("      {} {}\n", paint(QUIET, "tried"), hang(&line, screen.width, 12)));
        let (words, lines) = match missing {
            Missing::Test(test) => ("this test would notice it:", test),
            Missing::Sketch(sketch) => ("no test was found that tells the two apart; it has to show:", sketch),
        };
        text.push_str(&format!("      {}\n", paint(QUIET, words)));
        for line in lines.lines() {
            text.push_str(format!("        {line}").trim_end());
            text.push('\n');
        }
    }
    text
}

/// What was not judged, by reason.
fn aside(assay: &Assay, screen: Screen) -> String {
    let mut reasons: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for mutant in &assay.mutants {
        if let Fate::Skipped { why } = &mutant.fate {
            let names = reasons.entry(("skipped", why)).or_default();
            let name = mutant.site.name();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    let mut text = String::new();
    for ((word, why), names) in reasons {
        let line = format!("{why}: {}", names.join(", "));
        text.push_str(&format!("\n  {} {}", paint(QUIET, word), hang(&line, screen.width, 10)));
    }
    let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for mutant in &assay.mutants {
        if let Fate::Refused { why } = &mutant.fate {
            refused.entry(why).or_default().push(format!("{} {} {}", name(mutant), screen.arrow(), tried(mutant)));
        }
    }
    if !refused.is_empty() {
        let all = refused.values().map(Vec::len).sum();
        let line = format!("{} that `check` or `test` would not let pass anyhow:", count(all, "mutant"));
        text.push_str(&format!("\n  {} {}", paint(QUIET, "refused"), hang(&line, screen.width, 10)));
    }
    for (why, names) in refused {
        let line = format!("{}: {why}", names.join(", "));
        text.push_str(&format!("\n    {}", hang(&line, screen.width, 6)));
    }
    if text.is_empty() { text } else { text + "\n" }
}

/// One line each, for screen readers and `grep`.
#[must_use]
pub fn plain(report: &Report) -> String {
    let mut lines = Vec::new();
    for assay in &report.policies {
        for mutant in &assay.mutants {
            let head = format!("{}: {}", place(assay, mutant), name(mutant));
            let tried = tried(mutant);
            match &mutant.fate {
                Fate::Killed { .. } => {}
                Fate::Survived { missing } => {
                    lines.push(format!("{head}: {tried}: survived"));
                    let (Missing::Test(text) | Missing::Sketch(text)) = missing;
                    lines.extend(text.lines().map(|line| format!("    {line}")));
                }
                Fate::Refused { why } => lines.push(format!("{head}: {tried}: refused: {why}")),
                Fate::Skipped { why } => lines.push(format!("{head}: skipped: {why}")),
            }
        }
    }
    lines.extend(report.wrote.iter().map(|file| format!("wrote {file}")));
    lines.push(report.closing());
    lines.join("\n") + "\n"
}

/// Which cases pin a check: under each, what it would not let pass.
#[must_use]
pub fn why(assay: &Assay, subject: &str, screen: Screen) -> String {
    let mut cases: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for mutant in &assay.mutants {
        if let Fate::Killed { by } = &mutant.fate {
            for case in by {
                cases.entry(case).or_default().push(change(mutant, subject, screen));
            }
        }
    }
    let at = assay.mutants.first().map_or_else(String::new, |mutant| place(assay, mutant));
    let Tally { killed, survived, refused, skipped } = Tally::of(&assay.mutants);
    let mut text = format!("{}  {}\n", paint(STRONG, subject), paint(PLACE, at));
    let sum = format!("{killed} killed, {survived} survived, {refused} refused, {skipped} skipped");
    text.push_str(&format!("  {}\n", paint(QUIET, sum)));
    for (case, kills) in &cases {
        text.push_str(&format!("\n  {} {}\n", paint(GOOD, screen.icon(Mark::Good)), hang(case, screen.width, 4)));
        text.push_str(&format!("      {} {}\n", paint(QUIET, "kills"), packed(kills, screen.width, 12)));
    }
    if cases.is_empty() {
        text.push_str(&format!("\n  {} no case pins it\n", paint(BAD, screen.icon(Mark::Bad))));
    }
    for site in by_site(&assay.mutants) {
        text.push_str(&survivors(assay, site, screen));
    }
    text
}

/// Items one behind the other, none of them torn apart.
fn packed(items: &[String], width: usize, indent: usize) -> String {
    let mut lines = vec![String::new()];
    for (at, item) in items.iter().enumerate() {
        let mark = if at + 1 == items.len() { "" } else { ";" };
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            line.push_str(&format!("{item}{mark}"));
        } else if indent + columns(line) + 1 + columns(item) < width {
            line.push_str(&format!(" {item}{mark}"));
        } else {
            lines.push(format!("{item}{mark}"));
        }
    }
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// `below 95% → 94%`; whole when it is about another subject: a param, a script.
fn change(mutant: &Judged, subject: &str, screen: Screen) -> String {
    let name = name(mutant);
    let own = name.strip_prefix(subject).map(str::trim_start).unwrap_or(&name);
    match (own, mutant.tried.as_str()) {
        ("", "") => "all of it left out".to_owned(),
        (own, "") => format!("{own} left out"),
        (own, tried) => format!("{own} {} {tried}", screen.arrow()),
    }
}

/// The cases of a check in plain text, one a line.
#[must_use]
pub fn why_plain(assay: &Assay, subject: &str) -> String {
    let mut lines = Vec::new();
    for mutant in &assay.mutants {
        let change = change(mutant, subject, Screen { width: 80, ascii: true });
        match &mutant.fate {
            Fate::Killed { by } => lines.extend(by.iter().map(|case| format!("{subject}: {case}: kills {change}"))),
            Fate::Survived { .. } => lines.push(format!("{subject}: {change}: survived")),
            Fate::Refused { why } => lines.push(format!("{subject}: {change}: refused: {why}")),
            Fate::Skipped { why } => lines.push(format!("{subject}: {change}: skipped: {why}")),
        }
    }
    lines.sort();
    lines.join("\n") + "\n"
}
