//! JUnit's XML as Jenkins and GitLab read it: a suite per policy, fixture or pair of policies, and a case per thing that
//! should hold.
//!
//! A case carries at most one `failure` and one `error`: readers show the first and drop the others.

use std::fmt::Write as _;

use super::Report;
use super::case::{Case, Fault, Suite};

/// One document.
#[must_use]
pub(super) fn write(report: &Report) -> String {
    let of = |count: fn(&Case) -> bool| {
        report.suites.iter().flat_map(|suite| &suite.cases).filter(|case| count(case)).count()
    };
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _infallible = writeln!(
        text,
        "<testsuites name=\"rollgate {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
        report.command,
        of(|_| true),
        of(fails),
        of(cannot_run)
    );
    for suite in &report.suites {
        write_suite(&mut text, suite);
    }
    text.push_str("</testsuites>\n");
    text
}

/// An error says more than a failure; a case is counted once.
fn fails(case: &Case) -> bool {
    !case.failures.is_empty() && case.errors.is_empty()
}

fn cannot_run(case: &Case) -> bool {
    !case.errors.is_empty()
}

fn write_suite(text: &mut String, suite: &Suite) {
    let of = |count: fn(&Case) -> bool| suite.cases.iter().filter(|case| count(case)).count();
    let time = suite.took.map_or_else(String::new, |took| format!(" time=\"{}\"", seconds(took.as_millis())));
    let _infallible = writeln!(
        text,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"0\"{time}>",
        attribute(&suite.name),
        suite.cases.len(),
        of(fails),
        of(cannot_run)
    );
    for case in &suite.cases {
        write_case(text, suite, case);
    }
    text.push_str("  </testsuite>\n");
}

fn write_case(text: &mut String, suite: &Suite, case: &Case) {
    let _infallible =
        write!(text, "    <testcase name=\"{}\" classname=\"{}\"", attribute(&case.name), attribute(&suite.name));
    if let Some(file) = &case.file {
        let _infallible = write!(text, " file=\"{}\"", attribute(file));
    }
    if let Some(line) = case.line {
        let _infallible = write!(text, " line=\"{line}\"");
    }
    if case.failures.is_empty() && case.errors.is_empty() && case.said.is_empty() {
        text.push_str("/>\n");
        return;
    }
    text.push_str(">\n");
    if cannot_run(case) {
        write_fault(text, "error", &case.errors);
    } else if fails(case) {
        write_fault(text, "failure", &case.failures);
    }
    if !case.said.is_empty() {
        let _infallible = writeln!(text, "      <system-out>{}</system-out>", content(&case.said.join("\n")));
    }
    text.push_str("    </testcase>\n");
}

fn write_fault(text: &mut String, element: &str, faults: &[Fault]) {
    let Some(first) = faults.first() else { return };
    let more = if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
    let details: Vec<&str> = faults.iter().map(|fault| fault.details.as_str()).collect();
    let _infallible = writeln!(
        text,
        "      <{element} type=\"rollgate\" message=\"{}\">{}</{element}>",
        attribute(&format!("{}{more}", first.message)),
        content(&details.join("\n\n"))
    );
}

fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// Text between quotes. Line breaks are written as references: a reader makes blanks of bare ones.
fn attribute(text: &str) -> String {
    content(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

/// Text between tags. `>` is escaped, so no `]]>` can be in it.
fn content(text: &str) -> String {
    let text = super::text::clean(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;")
}
