//! The command line: one file per command. Arguments become settings here, values become screens in `report`; what
//! lies between is the library's. No command compares a metric with anything.

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::report::layout::fold;
use crate::report::screen::{BAD, PLACE, paint};
use crate::shell::terminal::Terminal;

pub mod audit;
pub mod check;
pub mod ci;
pub mod completions;
pub mod console;
pub mod demo;
pub mod diff;
pub mod docs;
pub mod eval;
pub mod exit;
pub mod explain;
pub mod failure;
pub mod fix;
pub mod fmt;
pub mod global;
pub mod home;
mod html;
pub mod import;
pub mod init;
#[cfg(feature = "live")]
pub mod live;
pub mod man;
pub mod mutate;
pub mod operate;
pub mod orders;
mod overview;
pub mod policies;
pub mod policy;
pub mod reach;
#[cfg(feature = "live")]
pub mod record;
pub mod replay;
pub mod run;
pub mod schema;
#[cfg(feature = "live")]
mod sent;
#[cfg(feature = "live")]
pub mod settings_file;
pub mod start;
pub mod status;
pub mod store;
pub mod test;
#[cfg(feature = "live")]
pub mod token;
pub mod tune;
pub mod watching;

use console::Console;
use exit::Exit;
use failure::Failure;

/// Decides whether a rollout advances, holds or rolls back.
///
/// Stages, P0/P1/P2 thresholds and rollback triggers are text under review; recorded metrics show what a policy would
/// have done before it is trusted with a rollout.
#[derive(Debug, Parser)]
#[command(name = "rollgate", version, after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    global: global::Global,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "First time here? Try: rollgate demo";

const AFTER_LONG_HELP: &str = "\
First steps:
  rollgate demo                                 a roll back, in two seconds
  rollgate init                                 a policy to start from
  rollgate check && rollgate test               is it sound, do its tests pass
  rollgate replay policies/my-rollout data.csv  what would it have done

Exit codes:
  0   done: policy valid, tests pass
  1   the tool could not do it (a file cannot be read or written, a bug)
  2   wrong usage
  3   policy invalid; warnings too with --fail-level warning
  4   an expectation failed; diff: --fail-on holds; mutate: less than --min
  5   nothing to check, test or replay
  6   recorded data unreadable, or refused by --strict
  10  with --exit-decision: ended in hold; status --wait: time is up, it holds
  11  with --exit-decision, status --wait: rolled back
  12  the same: ended, or time is up, with something unknown";

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a policy, its tests and a recording to start from
    Init(init::Init),
    /// Convert Argo Rollouts or Flagger files to a policy
    Import(import::Import),
    /// Watch a rollout being rolled back: no files, no network
    Demo(demo::Demo),
    /// Report every problem of policies, each with its mend
    Check(check::Check),
    /// Rewrite policies in the one canonical spelling
    Fmt(fmt::Fmt),
    /// Mend what needs no decision, and migrate older policies
    Fix(fix::Fix),
    /// Run the policies' own tests, and fixtures against them
    Test(test::Test),
    /// Name the thresholds that no test pins
    Mutate(mutate::Mutate),
    /// Show what a policy would have done on recorded metrics
    Replay(replay::Replay),
    /// Decide on one snapshot
    Eval(eval::Eval),
    /// Explain a problem code, or one decision on recorded metrics
    Explain(explain::Explain),
    /// Tell what an edit means, and which decisions it changes
    Diff(diff::Diff),
    /// Try a bound at many values, over labelled recordings
    Tune(tune::Tune),
    /// Write a policy's plan, runbook, matrix or dashboard
    Docs(docs::Docs),
    /// Decide day and night: watch, act, record
    #[cfg(feature = "live")]
    Run(live::Live),
    /// Begin a revision at the first stage of its policy
    Start(start::Start),
    /// Show where rollouts stand, worst first
    Status(status::Status),
    /// Go up one stage without waiting for the rest of the bake
    Advance(orders::Advance),
    /// Do not advance for a while; the bake goes on counting
    Hold(orders::Hold),
    /// Stop, and stop counting the bake, until `resume`
    Pause(orders::Pause),
    /// End a hold, a pause, or a roll back's latch
    Resume(orders::Resume),
    /// Record an approval for leaving the current stage
    Approve(orders::Approve),
    /// Take the exposure back, until `resume` or `start`
    Rollback(orders::Rollback),
    /// Everything off, now: beats every other decision
    EmergencyDisable(orders::EmergencyDisable),
    /// Leave a check out of decisions for a while
    Mute(orders::Mute),
    /// End a mute early
    Unmute(orders::Unmute),
    /// Keep what a controller saw as a fixture that replays it
    #[cfg(feature = "live")]
    Record(record::Record),
    /// Show which policy is in force, and put another in force
    Policy(policy::PolicyCommand),
    /// Show who did what, when and why, and prove it unchanged
    Audit(audit::Audit),
    /// Check, back up, restore and prune a store
    Store(store::StoreCommand),
    /// Make a token for the API
    #[cfg(feature = "live")]
    Token(token::Token),
    /// Print the JSON Schema that editors complete policies with
    Schema(schema::Schema),
    /// Print the completion script of a shell
    Completions(completions::Completions),
    /// Print the manual page, or write one per command
    Man(man::Man),
}

/// Runs the process's own command line.
#[must_use]
pub fn main() -> ExitCode {
    let parsed = overview::grouped(grammar()).try_get_matches();
    let arguments = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed pipe is nothing to complain about, and there is nobody left to complain to.
            drop(error.print());
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            return exit.into();
        }
    };
    crate::shell::operator::arm_crash_point();
    let mut console = Console::new(&arguments.global, Terminal::detect());
    let ended = run(arguments.command, &mut console).and_then(|exit| {
        console.flush()?;
        Ok(exit)
    });
    match ended {
        Ok(exit) => exit.into(),
        Err(error) if failure::is_closed_pipe(&error) => Exit::Done.into(),
        Err(error) => {
            complain(&mut console, &error);
            failure::exit_of(&error).into()
        }
    }
}

fn run(command: Command, console: &mut Console) -> anyhow::Result<Exit> {
    match command {
        Command::Init(init) => init.run(console),
        Command::Demo(demo) => demo.run(console),
        Command::Check(check) => check.run(console),
        Command::Fmt(fmt) => fmt.run(console),
        Command::Fix(fix) => fix.run(console),
        Command::Test(test) => test.run(console),
        Command::Mutate(mutate) => mutate.run(console),
        Command::Replay(replay) => replay.run(console),
        Command::Diff(diff) => diff.run(console),
        Command::Eval(eval) => eval.run(console),
        Command::Import(import) => import.run(console),
        Command::Explain(explain) => explain.run(console),
        Command::Docs(docs) => docs.run(console),
        Command::Tune(tune) => tune.run(console),
        #[cfg(feature = "live")]
        Command::Run(live) => live.run(console),
        Command::Start(start) => start.run(console),
        Command::Status(status) => status.run(console),
        Command::Advance(order) => order.run(console),
        Command::Hold(order) => order.run(console),
        Command::Pause(order) => order.run(console),
        Command::Resume(order) => order.run(console),
        Command::Approve(order) => order.run(console),
        Command::Rollback(order) => order.run(console),
        Command::EmergencyDisable(order) => order.run(console),
        Command::Mute(order) => order.run(console),
        Command::Unmute(order) => order.run(console),
        #[cfg(feature = "live")]
        Command::Record(record) => record.run(console),
        Command::Policy(policy) => policy.run(console),
        Command::Audit(audit) => audit.run(console),
        Command::Store(store) => store.run(console),
        #[cfg(feature = "live")]
        Command::Token(token) => token.run(console),
        Command::Schema(schema) => schema.run(console),
        Command::Completions(completions) => completions.run(console),
        Command::Man(man) => man.run(console),
    }
}

/// Every command with its arguments: for completions and manual pages.
#[must_use]
pub fn grammar() -> clap::Command {
    Arguments::command()
}

fn complain(console: &mut Console, error: &anyhow::Error) {
    let mut text = format!("{} {error}", paint(BAD, "error:"));
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  because: {cause}"));
    }
    if let Some(help) = error.downcast_ref::<Failure>().and_then(|failure| failure.help.as_ref()) {
        text.push_str(&format!("\n{} {help}", paint(PLACE, "help:")));
    }
    // A log is searched for sentences; a person reads lines.
    let text = if console.watched { fold(&text, console.screen.width, 6) } else { text };
    // Nobody is left to tell when stderr itself is gone.
    drop(console.say(text));
}
