//! What `test` found: one line per test, and for each that failed what was expected, what came instead, and the line
//! of the expectation.

use serde::Serialize;

use crate::model::time::Duration;

use super::ci::item::Item;
use super::layout::{count, hang};
use super::screen::{ATTENTION, BAD, GOOD, Mark, PLACE, QUIET, STRONG, Screen, paint};

/// Everything that was run.
#[derive(Debug, Default, Serialize)]
pub struct Outcomes {
    /// One per policy and per fixture, in order of path.
    pub suites: Vec<Suite>,
    /// Tests left out by `--filter`.
    pub filtered: usize,
    /// Policies and fixtures that could not be run: broken, or their data cannot be read. What is wrong was told.
    pub not_run: usize,
    /// Why, once for all that it keeps from running.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hindered: Vec<Hindered>,
    /// Things worth saying that fail nothing: checks that nothing fires, golden files written.
    pub notes: Vec<String>,
    /// How long it took; not part of what is compared.
    #[serde(skip)]
    pub took: Duration,
}

/// One thing that keeps tests from running.
#[derive(Debug, Default, Serialize)]
pub struct Hindered {
    /// One sentence.
    pub why: String,
    /// The policies and fixtures that did not run, as the user would name them.
    pub left_out: Vec<String>,
    /// The file to open first.
    pub file: String,
    /// What is wrong, line by line; empty when the sentence says it all.
    #[serde(skip)]
    pub items: Vec<Item>,
}

/// A line of a file, as a person can open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    /// Path, as the user would name it.
    pub file: String,
    /// From one; none for the whole file.
    pub line: Option<usize>,
}

impl At {
    /// A line of a file.
    #[must_use]
    pub fn line(file: impl Into<String>, line: usize) -> At {
        At { file: file.into(), line: Some(line) }
    }

    /// A whole file.
    #[must_use]
    pub fn file(file: impl Into<String>) -> At {
        At { file: file.into(), line: None }
    }
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

impl Serialize for At {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The tests of one policy, or one fixture.
#[derive(Debug, Serialize)]
pub struct Suite {
    /// Its directory, as the user named it.
    pub path: String,
    /// What it is: a policy with its digest, or a fixture with its policy.
    pub about: String,
    /// The rollout it is about.
    pub rollout: String,
    /// Its tests, in the order written.
    pub tests: Vec<Outcome>,
}

/// One test.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Its name: a sentence that should be true.
    pub name: String,
    /// Where it is written.
    pub place: At,
    /// What did not hold; none means passed.
    pub failures: Vec<Failure>,
}

/// One expectation that did not hold.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// `file:line` of the expectation, as a person can open it.
    pub place: At,
    /// What was expected.
    pub expected: String,
    /// What came instead.
    pub got: String,
    /// What else helps: the deciding finding, a difference to the golden timeline.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
}

/// What is expected of the file of a test, and goes without saying.
const READABLE: &str = "a test that can be read";

impl Failure {
    /// A test, or a part of one, that cannot be read: what is wrong and how to mend it.
    #[must_use]
    pub fn unreadable(place: At, problem: String, help: Vec<String>) -> Failure {
        let more = help.into_iter().map(|help| format!("help: {help}")).collect();
        Failure { place, expected: READABLE.to_owned(), got: problem, more }
    }

    /// Whether it is about the test itself, and not about the policy.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.expected == READABLE
    }
}

impl Outcomes {
    /// How many tests passed.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.tests().filter(|test| test.failures.is_empty()).count()
    }

    /// How many did not.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.tests().filter(|test| !test.failures.is_empty()).count()
    }

    /// Whether everything ran and everything passed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failed() == 0 && self.not_run == 0
    }

    fn tests(&self) -> impl Iterator<Item = &Outcome> {
        self.suites.iter().flat_map(|suite| &suite.tests)
    }

    /// The closing line: `test result: ok. 12 passed; 0 failed; 0 filtered out; finished in 38ms`.
    #[must_use]
    pub fn closing(&self) -> String {
        let word = if self.is_good() { "ok" } else { "FAILED" };
        let not_run = if self.not_run == 0 { String::new() } else { format!(" {} not run;", self.not_run) };
        format!(
            "test result: {word}. {} passed; {} failed;{not_run} {} filtered out; finished in {}",
            self.passed(),
            self.failed(),
            self.filtered,
            self.took
        )
    }
}

/// For a person at a terminal.
#[must_use]
pub fn pretty(outcomes: &Outcomes, screen: Screen) -> String {
    let mut text = String::new();
    for suite in &outcomes.suites {
        text.push_str(&format!("{}  {}\n", paint(STRONG, &suite.path), paint(QUIET, &suite.about)));
        for test in &suite.tests {
            let (mark, style) = if test.failures.is_empty() { (Mark::Good, GOOD) } else { (Mark::Bad, BAD) };
            let word = if test.failures.is_empty() { String::new() } else { paint(BAD, "FAILED ") };
            let name = hang(&test.name, screen.width, 4);
            text.push_str(&format!("  {} {word}{name}\n", paint(style, screen.icon(mark))));
            for failure in &test.failures {
                text.push_str(&failed(failure, screen));
            }
        }
        text.push('\n');
    }
    for hindered in &outcomes.hindered {
        let names = hindered.left_out.join(", ");
        text.push_str(&format!("{} {}\n", paint(BAD, "not run:"), hang(&names, screen.width, 9)));
        text.push_str(&format!("         {}\n", hang(&format!("because {}", hindered.why), screen.width, 9)));
    }
    for note in &outcomes.notes {
        text.push_str(&format!("{} {}\n", paint(ATTENTION, "note:"), hang(note, screen.width, 6)));
    }
    let style = if outcomes.is_good() { GOOD } else { BAD };
    text.push_str(&paint(style, outcomes.closing()));
    text.push('\n');
    text
}

fn failed(failure: &Failure, screen: Screen) -> String {
    let mut text = format!("      {}\n", paint(PLACE, format!("--> {}", failure.place)));
    if failure.is_unreadable() {
        for line in std::iter::once(&failure.got).chain(&failure.more) {
            text.push_str(&format!("          {}\n", hang(line, screen.width, 10)));
        }
        return text;
    }
    for (word, line) in [("expected", &failure.expected), ("got     ", &failure.got)] {
        text.push_str(&format!("      {}  {}\n", paint(QUIET, word), hang(line, screen.width, 16)));
    }
    for line in &failure.more {
        text.push_str(&format!("                {}\n", hang(line, screen.width, 16)));
    }
    text
}

/// One line each, for screen readers and `grep`.
#[must_use]
pub fn plain(outcomes: &Outcomes) -> String {
    let mut lines = Vec::new();
    for suite in &outcomes.suites {
        for test in &suite.tests {
            let word = if test.failures.is_empty() { "ok" } else { "FAILED" };
            lines.push(format!("test {}: {} ... {word}", suite.path, test.name));
            for failure in &test.failures {
                lines.push(match failure.is_unreadable() {
                    true => format!("{}: {}", failure.place, failure.got),
                    false => format!("{}: expected {}; got {}", failure.place, failure.expected, failure.got),
                });
                lines.extend(failure.more.iter().map(|line| format!("{}: {line}", failure.place)));
            }
        }
    }
    for hindered in &outcomes.hindered {
        lines.extend(hindered.left_out.iter().map(|name| format!("{name}: not run: {}", hindered.why)));
    }
    lines.extend(outcomes.notes.iter().map(|note| format!("note: {note}")));
    lines.push(count(outcomes.suites.len(), "suite"));
    lines.push(outcomes.closing());
    lines.join("\n") + "\n"
}
