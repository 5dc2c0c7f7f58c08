//! What `test` found, for other tools: a suite per policy and per fixture, a case per test.

use crate::report::outcomes::{At, Failure, Hindered, Outcome, Outcomes, Suite as Tested};

use super::Report;
use super::case::{Case, Fault, Suite};
use super::item::{Item, Level, Place, settle};
use super::{markdown, rules};

/// A report of `test`.
#[must_use]
pub fn of_test(outcomes: &Outcomes) -> Report {
    let mut items: Vec<Item> = Vec::new();
    for test in outcomes.suites.iter().flat_map(|suite| &suite.tests) {
        items.extend(test.failures.iter().map(|failure| item(test, failure)));
    }
    items.extend(outcomes.hindered.iter().flat_map(hindered_items));
    let items = settle(items);
    let mut suites: Vec<Suite> = outcomes.suites.iter().map(suite).collect();
    for hindered in &outcomes.hindered {
        suites.extend(hindered.left_out.iter().map(|name| not_run(name, hindered)));
    }
    Report { command: "test", markdown: markdown::test::write(outcomes), items, suites, closing: outcomes.closing() }
}

/// A failed expectation in one sentence.
pub(super) fn sentence(failure: &Failure) -> String {
    if failure.is_unreadable() {
        return failure.got.clone();
    }
    format!("expected {}; got {}", failure.expected, failure.got)
}

fn item(test: &Outcome, failure: &Failure) -> Item {
    let message = format!("{}: {}", test.name, sentence(failure));
    let place = place(&failure.place);
    let mut item = Item::new(Level::Error, rules::EXPECTATION, rules::title(rules::EXPECTATION), message, Some(place));
    item.help = failure.more.iter().map(|line| line.trim_start_matches("help: ").to_owned()).collect();
    // What was expected and where stays the same when the policy fails it in another way.
    item.quoted = failure.expected.clone();
    item
}

fn hindered_items(hindered: &Hindered) -> Vec<Item> {
    let mut items = hindered.items.clone();
    let message = format!("{}, so this did not run: {}", hindered.why, hindered.left_out.join(", "));
    let place = Some(Place::line(&hindered.file, 1));
    items.push(Item::new(Level::Error, rules::NOT_RUN, rules::title(rules::NOT_RUN), message, place));
    items
}

fn place(at: &At) -> Place {
    Place::line(&at.file, at.line.unwrap_or(1))
}

fn suite(suite: &Tested) -> Suite {
    let cases = suite.tests.iter().map(|test| Case {
        file: Some(place(&test.place).file),
        line: test.place.line,
        failures: test.failures.iter().map(fault).collect(),
        ..Case::new(&test.name)
    });
    Suite { name: suite.path.clone(), cases: cases.collect(), took: None }
}

fn fault(failure: &Failure) -> Fault {
    let mut details = format!("{}\n", failure.place);
    if failure.is_unreadable() {
        details.push_str(&format!("  {}", failure.got));
    } else {
        details.push_str(&format!("  expected  {}\n  got       {}", failure.expected, failure.got));
    }
    for line in &failure.more {
        details.push_str(&format!("\n  {line}"));
    }
    Fault { message: sentence(failure), details }
}

fn not_run(name: &str, hindered: &Hindered) -> Suite {
    let mut lines: Vec<String> = hindered.items.iter().map(Item::as_line).collect();
    lines.insert(0, hindered.why.clone());
    let case = Case {
        file: Some(Place::line(&hindered.file, 1).file),
        errors: vec![Fault { message: hindered.why.clone(), details: lines.join("\n") }],
        ..Case::new("can be run")
    };
    Suite { name: name.to_owned(), cases: vec![case], took: None }
}
