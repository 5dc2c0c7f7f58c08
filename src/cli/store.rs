//! `store`: is it sound, what may be dropped, how it moves to another place.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::control::{Operate as _, keep};
#[cfg(feature = "live")]
use crate::daemon::client::Client;
use crate::ledger::hash::Key;
use crate::model::time::Duration;
use crate::report::layout::count;
#[cfg(feature = "live")]
use crate::report::layout::hang;
#[cfg(feature = "live")]
use crate::report::screen::QUIET;
use crate::report::screen::{ATTENTION, BAD, GOOD, Mark, paint};
use crate::shell::{clock, files};

#[cfg(feature = "live")]
use super::audit;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::home::WhichStore;
use super::operate::{Session, explained};
use super::orders::duration;
#[cfg(feature = "live")]
use super::reach::Unreachable;
use super::reach::{Reach, Where};
#[cfg(feature = "live")]
use super::sent;

/// Check, back up, restore and prune a store.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate store export > backup.jsonl
  rollgate store import backup.jsonl --store restored.redb
  rollgate store check && rollgate store prune --keep 30d")]
pub struct StoreCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Look at all of it: chains, checkpoints, exposures, policies, the spool
    Check(Where),
    /// Write all of it as JSON Lines to stdout
    Export(Where),
    /// Read an export into a store that knows none of its rollouts; it is checked before anything is written
    Import(Import),
    /// Drop old entries, keeping a checkpoint from which the chain still verifies
    Prune(Prune),
}

#[derive(Debug, Args)]
struct Import {
    /// The export; `-` for standard input
    file: PathBuf,
    #[command(flatten)]
    store: WhichStore,
}

#[derive(Debug, Args)]
struct Prune {
    /// How much to keep
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    keep: Duration,
    #[command(flatten)]
    store: WhichStore,
}

impl StoreCommand {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        match &self.what {
            What::Check(at) => check(at, console),
            What::Export(at) => export(at, console),
            What::Import(import) => import.run(console),
            What::Prune(prune) => prune.run(console),
        }
    }
}

fn open(store: &WhichStore, create: bool) -> anyhow::Result<Session> {
    Session::look(store, create).map_err(|error| explained(error.into()))
}

fn export(at: &Where, console: &mut Console) -> anyhow::Result<Exit> {
    match at.look()? {
        Reach::Store(session) => {
            keep::export(session.store.as_ref(), console.out()).map_err(keep_failed)?;
            Ok(Exit::Done)
        }
        #[cfg(feature = "live")]
        Reach::Controller(client) => {
            let mut exit = Exit::Done;
            for (key, sent) in sent::export_all(&client, console.out())? {
                exit = exit.max(audit::cut_off(&key, &sent, console)?);
            }
            Ok(exit)
        }
    }
}

fn check(at: &Where, console: &mut Console) -> anyhow::Result<Exit> {
    #[cfg(feature = "live")]
    if let Some(client) = at.controller().map_err(Unreachable::explained)? {
        return check_through(&client, console);
    }
    let mut exit = Exit::Done;
    if !at.store.home().check_file().map_err(|error| explained(error.into()))? {
        exit = Exit::DataUnreadable;
        let icon = paint(BAD, console.screen.icon(Mark::Bad));
        console.line(format!("{icon} the file itself was damaged, and repaired as far as that can be"))?;
    }
    let session = open(&at.store, false)?;
    for key in session.direct().rollouts().map_err(explained)? {
        let checked = keep::check(session.store.as_ref(), &key).map_err(|error| explained(error.into()))?;
        exit = exit.max(told(&key, checked.chain.entries, &checked.problems, console)?);
    }
    let waiting = session.spool.waiting().map_err(|error| explained(error.into()))?;
    for order in &waiting.orders {
        let what = format!("{} by {} of {}", order.order.verb.name(), order.order.actor, order.at);
        let mark = paint(ATTENTION, "waiting:");
        console.line(format!("{mark} {what}; the next order, or `rollgate status`, carries it out"))?;
    }
    for damage in &waiting.damage {
        console.line(format!("{} {}: {damage}", paint(ATTENTION, "spool:"), session.spool.place()))?;
    }
    Ok(exit)
}

/// The store is the controller's for itself: what it finds there is its word.
#[cfg(feature = "live")]
fn check_through(client: &Client, console: &mut Console) -> anyhow::Result<Exit> {
    let mut exit = Exit::Done;
    let rows = client.rows().map_err(explained)?;
    for row in &rows {
        let checked = client.check(&row.standing.key).map_err(explained)?;
        exit = exit.max(told(&row.standing.key, checked.entries, &checked.problems, console)?);
    }
    for row in &rows {
        for trouble in row.troubles().into_iter().filter(|trouble| ["spool", "store"].contains(&trouble.about.as_str()))
        {
            let about = paint(ATTENTION, format!("{}:", trouble.about));
            console.line(format!("{about} {}: {}", row.standing.key, trouble.what))?;
        }
    }
    let words = format!(
        "checked by the controller at {} on its store; `rollgate audit verify` checks the seals here, and the file itself \
         is checked when no controller has it",
        client.url()
    );
    console.line(paint(QUIET, hang(&words, console.screen.width, 0)))?;
    Ok(exit)
}

fn told(key: &Key, entries: u64, problems: &[String], console: &mut Console) -> anyhow::Result<Exit> {
    let entries = count(usize::try_from(entries).unwrap_or(usize::MAX), "entry");
    if problems.is_empty() {
        let icon = paint(GOOD, console.screen.icon(Mark::Good));
        console.line(format!("{icon} {key}: {entries}, the state is their fold"))?;
        return Ok(Exit::Done);
    }
    for problem in problems {
        let icon = paint(BAD, console.screen.icon(Mark::Bad));
        console.line(format!("{icon} {key}: {}", problem.strip_prefix(&format!("{key}: ")).unwrap_or(problem)))?;
    }
    Ok(Exit::DataUnreadable)
}

impl Import {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let mut input = files::lines(&self.file).map_err(|error| {
            Failure::new(Exit::DataUnreadable, format!("cannot read `{}`: {error}", files::shown(&self.file)))
        })?;
        let session = open(&self.store, true)?;
        let imported = keep::import(session.store.as_ref(), &mut input).map_err(keep_failed)?;
        let icon = paint(GOOD, console.screen.icon(Mark::Good));
        for (key, chain) in &imported.chains {
            let entries = count(usize::try_from(chain.entries).unwrap_or(usize::MAX), "entry");
            console.line(format!("{icon} {key}: {entries}, ends in {}", chain.head.hash.short()))?;
        }
        console.line(format!("{icon} {}", count(imported.policies, "policy")))?;
        Ok(Exit::Done)
    }
}

impl Prune {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let session = open(&self.store, false)?;
        let before = clock::now() - self.keep;
        for key in session.direct().rollouts().map_err(explained)? {
            let pruned = keep::prune(session.store.as_ref(), &key, before).map_err(|error| explained(error.into()))?;
            let dropped = count(usize::try_from(pruned.entries).unwrap_or(usize::MAX), "entry");
            console.line(match pruned.base {
                Some(base) => format!("{key}: dropped {dropped}; it goes on from a checkpoint at entry {base}"),
                None => format!("{key}: nothing is older than {}", self.keep),
            })?;
        }
        Ok(Exit::Done)
    }
}

fn keep_failed(error: keep::KeepError) -> anyhow::Error {
    match error {
        keep::KeepError::Store(crate::ports::store::StoreError::Conflict(head)) => {
            let message = format!("the store knows one of these rollouts already, up to entry {}", head.seq);
            Failure::new(Exit::Failed, message).help("import into a new file: --store restored.redb").into()
        }
        keep::KeepError::Store(error) => explained(error.into()),
        keep::KeepError::Io(error) => error.into(),
        error @ (keep::KeepError::Export(_) | keep::KeepError::Line(..)) => {
            let failure = Failure::new(Exit::DataUnreadable, error.to_string());
            failure.help("nothing was written; take another backup").into()
        }
    }
}
