//! The numbers rollgate holds itself to, measured: `cargo bench --bench engine`.
//!
//! `--quick` only shows that everything runs (and is the default outside `cargo bench`); words select parts:
//! `cargo bench --bench engine -- checks machine`. Every variant is first shown to give the same answers.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a program of its own: it measures and prints"
)]

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[path = "support/checks.rs"]
mod checks;
#[path = "support/diff.rs"]
mod diff;
#[path = "support/harness.rs"]
mod harness;
#[path = "support/machine.rs"]
mod machine;
#[path = "support/process.rs"]
mod process;
#[path = "support/recording.rs"]
mod recording;
#[path = "support/scripts.rs"]
mod scripts;
#[path = "support/world.rs"]
mod world;

/// Counts in the timed runs, too: what it costs counts against us.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One line of the table.
struct Line {
    what: &'static str,
    /// What is promised, in words.
    bound: String,
    measured: String,
    /// How it compares with what it is compared with.
    ratio: String,
    met: Option<bool>,
}

impl Line {
    /// A figure without a promise.
    fn fact(what: &'static str, measured: String, ratio: String) -> Line {
        Line { what, bound: String::new(), measured, ratio, met: None }
    }

    fn promise(what: &'static str, bound: &str, measured: String, ratio: String, met: bool) -> Line {
        Line { what, bound: bound.to_owned(), measured, ratio, met: Some(met) }
    }
}

/// What all parts need to know.
struct Bench {
    plan: harness::Plan,
    quick: bool,
    lines: Vec<Line>,
}

/// How many allocations `work` makes.
fn allocations(work: impl FnOnce()) -> usize {
    let region = Region::new(ALLOCATOR);
    work();
    let change = region.change();
    change.allocations + change.reallocations
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // A test runner asks what there is.
    if args.iter().any(|arg| arg == "--list") {
        return;
    }
    // A part that measures whole processes starts itself again.
    if let [first, rest @ ..] = args.as_slice()
        && first == diff::ALONE
    {
        return diff::alone(rest);
    }
    let quick = args.iter().any(|arg| arg == "--quick") || !args.iter().any(|arg| arg == "--bench");
    let wanted: Vec<&String> = args.iter().filter(|arg| !arg.starts_with("--")).collect();
    let plan = if quick { harness::Plan::QUICK } else { harness::Plan::FULL };
    let mut bench = Bench { plan, quick, lines: Vec::new() };
    type Part = (&'static str, fn(&mut Bench));
    let parts: [Part; 6] = [
        ("checks", checks::run),
        ("machine", machine::run),
        ("scripts", scripts::run),
        ("recording", recording::run),
        ("process", process::run),
        ("diff", diff::run),
    ];
    for (name, run) in parts {
        if wanted.is_empty() || wanted.iter().any(|word| *word == name) {
            run(&mut bench);
        }
    }
    println!("{}\n", harness::machine());
    // Three short rounds prove nothing.
    let met = |met: Option<bool>| match met.filter(|_| !quick) {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    let rows: Vec<Vec<String>> = bench
        .lines
        .into_iter()
        .map(|line| vec![line.what.to_owned(), line.bound, line.measured, line.ratio, met(line.met).to_owned()])
        .collect();
    print!("{}", harness::markdown(&["what", "bound", "measured", "compared", "met"], &rows));
}
