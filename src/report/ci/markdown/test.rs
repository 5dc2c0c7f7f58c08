//! The comment of `test`.

use std::collections::BTreeSet;

use crate::report::ci::of_test::sentence;
use crate::report::layout::count;
use crate::report::outcomes::{Failure, Outcome, Outcomes};

use super::{Blocks, MOST_ROWS, Table, cell, code, details, marked, prose};

pub(crate) fn write(outcomes: &Outcomes) -> String {
    let (passed, failed) = (outcomes.passed(), outcomes.failed());
    let names: BTreeSet<String> = outcomes.suites.iter().map(|suite| suite.rollout.clone()).collect();
    let names: Vec<String> = names.into_iter().collect();
    let mark = if outcomes.is_good() { "✅" } else { "❌" };
    let mut found = if failed == 0 {
        format!("{} passed", count(passed, "test"))
    } else {
        format!("{failed} of {} failed", count(passed + failed, "test"))
    };
    if outcomes.not_run > 0 {
        found.push_str(&format!(", {} not run", outcomes.not_run));
    }
    let mut blocks = Blocks::default();
    blocks.head(format!("{}\n### {mark} rollgate test: {found}", marked(Some("test"), &names)));
    for hindered in &outcomes.hindered {
        let names: Vec<String> = hindered.left_out.iter().map(|name| code(name)).collect();
        blocks.body(format!("**Not run**, because {}: {}", prose(&hindered.why), names.join(", ")));
    }
    let failures = || {
        let tests = outcomes.suites.iter().flat_map(|suite| suite.tests.iter().map(move |test| (&suite.path, test)));
        tests.flat_map(|(path, test)| test.failures.iter().map(move |failure| (path, test, failure)))
    };
    let mut table = Table::new(&["", "test", "expected", "got", "where"]);
    for (_, test, failure) in failures() {
        table.row(row(test, failure));
    }
    blocks.body(table.render("unmet expectation"));
    for (path, test, failure) in failures().filter(|(.., failure)| !failure.more.is_empty()).take(MOST_ROWS) {
        let lines: Vec<String> = std::iter::once(sentence(failure))
            .chain(failure.more.iter().cloned())
            .map(|line| format!("- {}", prose(&line)))
            .collect();
        blocks.body(details(&format!("{path}: {}", test.name), &lines.join("\n")));
    }
    let green: Vec<String> = outcomes
        .suites
        .iter()
        .filter_map(|suite| {
            let passed = suite.tests.iter().filter(|test| test.failures.is_empty()).count();
            (passed > 0).then(|| format!("- {}: {passed} of {}", code(&suite.path), suite.tests.len()))
        })
        .collect();
    if !green.is_empty() {
        blocks.body(details(&format!("{} passed", count(passed, "test")), &green.join("\n")));
    }
    if !outcomes.notes.is_empty() {
        let lines: Vec<String> = outcomes.notes.iter().map(|note| format!("- {}", prose(note))).collect();
        blocks.body(details(&count(outcomes.notes.len(), "note"), &lines.join("\n")));
    }
    blocks.foot("The same at home: `rollgate test`");
    blocks.fit()
}

fn row(test: &Outcome, failure: &Failure) -> Vec<String> {
    let expected = if failure.is_unreadable() { String::new() } else { cell(&failure.expected) };
    vec!["❌".to_owned(), cell(&test.name), expected, cell(&failure.got), code(&failure.place.to_string())]
}
