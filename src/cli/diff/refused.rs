//! A side that does not compile: nothing is compared, and every shape of the report says so with the problems.

use serde::Serialize;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::global::{AnyOutput, Output};
use crate::cli::policies;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::source::PolicySource;
use crate::report::ci::{CheckedPolicy, Format, of_refused};
use crate::report::json::{Envelope, Problem};

/// A policy of a side that does not compile.
pub(super) struct Refused {
    /// `old` or `new`.
    pub(super) side: &'static str,
    pub(super) source: PolicySource,
    pub(super) errors: Vec<Diagnostic>,
    /// The rollout that it governs, where either side says so.
    pub(super) rollout: Option<String>,
}

#[derive(Serialize)]
struct One<'a> {
    side: &'a str,
    policy: &'a str,
    problems: Vec<Problem>,
}

#[derive(Serialize)]
struct Body<'a> {
    refused: Vec<One<'a>>,
}

/// Writes the report, and gives the failure that the command ends with.
///
/// # Errors
/// The console is gone.
pub(super) fn tell(refused: &[Refused], shape: AnyOutput, console: &mut Console) -> anyhow::Result<Failure> {
    // A log that has the annotations says them once.
    if shape != AnyOutput::Ci(Format::Github) {
        for one in refused {
            for error in &one.errors {
                let text = policies::show(error, &one.source, console);
                console.say(text.trim_end())?;
            }
        }
    }
    let bodies = || {
        refused.iter().map(|one| One {
            side: one.side,
            policy: &one.source.root,
            problems: one.errors.iter().map(|error| Problem::new(error, &one.source)).collect(),
        })
    };
    match shape {
        AnyOutput::Own(Output::Pretty | Output::Plain) => {}
        AnyOutput::Own(Output::Json) => {
            console.line(Envelope::new("diff-refused", Body { refused: bodies().collect() }).pretty()?)?;
        }
        AnyOutput::Own(Output::Jsonl) => {
            for body in bodies() {
                console.line(Envelope::new("diff-refused", body).line()?)?;
            }
        }
        AnyOutput::Ci(format) => {
            let checked: Vec<CheckedPolicy<'_>> = refused.iter().map(for_tools).collect();
            crate::cli::ci::print(of_refused(&checked, &why(refused)), format, console)?;
        }
    }
    let names: Vec<String> =
        refused.iter().map(|one| format!("the {} side, `{}`", one.side, one.source.root)).collect();
    let verb = if names.len() == 1 { "does" } else { "do" };
    let message = format!("{}, {verb} not compile: nothing was compared", names.join(", and "));
    Ok(Failure::new(Exit::PolicyInvalid, message))
}

/// `the new side does not compile`.
fn why(refused: &[Refused]) -> String {
    let is = |side: &str| refused.iter().any(|one| one.side == side);
    match (is("old"), is("new")) {
        (true, true) => "neither side compiles".to_owned(),
        (true, false) => "the old side does not compile".to_owned(),
        _ => "the new side does not compile".to_owned(),
    }
}

fn for_tools(one: &Refused) -> CheckedPolicy<'_> {
    CheckedPolicy {
        source: &one.source,
        diagnostics: &one.errors,
        environments: crate::policy::environments(&one.source).iter().map(ToString::to_string).collect(),
        rollout: one.rollout.clone(),
        digests: Vec::new(),
        mends: Vec::new(),
        settings: false,
    }
}
