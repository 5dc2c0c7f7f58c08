//! `audit`: who did what, when and why; and the proof that nobody changed it since.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::control::keep;
use crate::ledger::Entry;
use crate::ledger::export::Reader;
use crate::ledger::hash::Key;
use crate::model::time::Time;
use crate::report::audit::{self, Filter};
use crate::report::layout::{count, hang};
use crate::report::screen::{BAD, GOOD, Mark, QUIET, STRONG, paint};
use crate::shell::{clock, files};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, Output};
use super::operate::{choose, explained, matching};
use super::orders::{duration, time};
use super::reach::{Reach, Where, for_each};
#[cfg(feature = "live")]
use super::sent;

/// Show who did what, when and why; and prove that nobody changed it since.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate audit list --since 24h --actor ana
  rollgate audit show 14
  rollgate audit export > ledger.jsonl && rollgate audit verify ledger.jsonl")]
pub struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List entries, oldest first
    List(List),
    /// Show one entry in full
    Show(Show),
    /// Check every seal: of a store, or of an export without any store
    Verify(Verify),
    /// Write the ledger as JSON Lines to stdout
    Export(Export),
}

impl Audit {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        match &self.what {
            What::List(list) => list.run(console),
            What::Show(show) => show.run(console),
            What::Verify(verify) => verify.run(console),
            What::Export(export) => export.run(console),
        }
    }
}

/// Which rollouts' entries.
#[derive(Debug, Args)]
struct Of {
    /// Only this rollout
    #[arg(long, value_name = "NAME")]
    rollout: Option<String>,
    /// Only this environment
    #[arg(short, long, value_name = "NAME", env = "ROLLGATE_ENVIRONMENT")]
    environment: Option<String>,
    #[command(flatten)]
    at: Where,
}

impl Of {
    /// Through a controller where one has the store.
    fn look(&self) -> anyhow::Result<(Reach, Vec<Key>)> {
        let reach = self.at.look()?;
        let keys = reach.ask(|operate| operate.rollouts()).map_err(explained)?;
        Ok((reach, self.pick(keys)?))
    }

    fn pick(&self, keys: Vec<Key>) -> anyhow::Result<Vec<Key>> {
        let found = matching(keys.clone(), self.rollout.as_deref(), self.environment.as_deref());
        if found.is_empty() {
            // Says what there is.
            choose(keys, self.rollout.as_deref(), self.environment.as_deref())?;
        }
        Ok(found)
    }
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    of: Of,
    /// Not before: a time, or how long ago
    #[arg(long, value_name = "TIME|DURATION", value_parser = since)]
    since: Option<Since>,
    /// Only what they did
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this kind of entry; may be given again
    #[arg(long, value_name = "KIND", value_parser = clap::builder::PossibleValuesParser::new(audit::KINDS), hide_possible_values = true)]
    kind: Vec<String>,
    /// Only the newest so many
    #[arg(long, value_name = "COUNT")]
    last: Option<usize>,
    /// Shape of the report [default: pretty, or plain with --plain]; jsonl prints the very lines that are sealed
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

/// A time, or a length of time before now.
#[derive(Debug, Clone, Copy)]
enum Since {
    Time(Time),
    Ago(crate::model::time::Duration),
}

fn since(text: &str) -> Result<Since, String> {
    match (time(text), duration(text)) {
        (Ok(time), _) => Ok(Since::Time(time)),
        (_, Ok(length)) => Ok(Since::Ago(length)),
        _ => Err(format!("`{text}` is neither a time (2026-11-01T00:00:00Z) nor a duration (24h)")),
    }
}

impl List {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (reach, keys) = self.of.look()?;
        let since = self.since.map(|since| match since {
            Since::Time(time) => time,
            Since::Ago(length) => clock::now() - length,
        });
        let filter = Filter { since, actor: self.actor.clone(), kinds: self.kind.clone() };
        let shape = global::output(self.output, console.plain);
        let mut all: Vec<serde_json::Value> = Vec::new();
        let mut shown = 0;
        for key in &keys {
            let mut entries = Vec::new();
            for_each(&reach, key, |entry: Entry| {
                if filter.wants(&entry) {
                    entries.push(entry);
                }
            })?;
            if let Some(last) = self.last {
                entries.drain(..entries.len().saturating_sub(last));
            }
            shown += entries.len();
            match shape {
                Output::Pretty if entries.is_empty() => {}
                Output::Pretty => {
                    console.line(paint(STRONG, key))?;
                    console.line(audit::list(&entries, console.screen))?;
                }
                Output::Plain => entries.iter().try_for_each(|entry| console.line(audit::plain(entry)))?,
                Output::Jsonl => entries.iter().try_for_each(|entry| console.line(entry.line()))?,
                Output::Json => all.extend(entries.iter().filter_map(|entry| serde_json::from_str(entry.line()).ok())),
            }
        }
        if shape == Output::Json {
            console.line(serde_json::to_string_pretty(&all)?)?;
        }
        if shown == 0 && shape == Output::Pretty {
            console.line("no such entry")?;
        }
        Ok(Exit::Done)
    }
}

#[derive(Debug, Args)]
struct Show {
    /// The entry's number
    seq: u64,
    #[command(flatten)]
    of: Of,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

impl Show {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (reach, keys) = self.of.look()?;
        let key = choose(keys, None, None)?;
        let found = reach.ask(|operate| operate.history(&key, self.seq, 1)).map_err(explained)?;
        let Some(entry) = found.first().filter(|entry| entry.record().seq == self.seq) else {
            let standings = reach.ask(|operate| operate.standings(clock::now())).map_err(explained)?;
            let last =
                standings.iter().find(|standing| standing.key == key).map_or(0, |standing| standing.last_entry.0);
            let failure = Failure::new(Exit::Usage, format!("{key} has no entry {}", self.seq));
            return Err(failure.help(format!("its last one is {last}; older ones may have been pruned")).into());
        };
        match global::output(self.output, console.plain) {
            Output::Pretty => console.print(audit::full(entry, console.screen))?,
            Output::Plain => console.line(audit::plain(entry))?,
            Output::Json => {
                let value: serde_json::Value = serde_json::from_str(entry.line())?;
                console.line(serde_json::to_string_pretty(&value)?)?;
            }
            Output::Jsonl => console.line(entry.line())?,
        }
        Ok(Exit::Done)
    }
}

/// Check every seal.
#[derive(Debug, Args)]
struct Verify {
    /// An export; `-` for standard input [default: the store, or what its controller sends]
    file: Option<PathBuf>,
    #[command(flatten)]
    of: Of,
}

impl Verify {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        match &self.file {
            Some(file) => verify_file(file, console),
            None => self.store(console),
        }
    }

    fn store(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (reach, keys) = self.of.look()?;
        let mut exit = Exit::Done;
        for key in &keys {
            let (chain, problems) = match &reach {
                Reach::Store(session) => {
                    let checked = keep::check(session.store.as_ref(), key).map_err(|error| explained(error.into()))?;
                    (checked.chain, checked.problems)
                }
                #[cfg(feature = "live")]
                Reach::Controller(client) => {
                    let sent = sent::read(client, key, u64::MAX, &mut |_| Ok(()))?;
                    let theirs = sent.theirs.into_iter().map(|problem| format!("{problem} (says the controller)"));
                    (sent.chain, sent.broken.into_iter().chain(theirs).collect())
                }
            };
            if problems.is_empty() {
                sound(key, &chain, console)?;
            }
            for problem in &problems {
                exit = Exit::DataUnreadable;
                broken(&format!("{key}: {}", problem.strip_prefix(&format!("{key}: ")).unwrap_or(problem)), console)?;
            }
        }
        if let Some(url) = reach.controller() {
            let words = format!(
                "seals and order were checked here, on what {url} sent; that checkpoints, exposure and policies agree with \
                 them, the controller checked on its store"
            );
            console.line(paint(QUIET, hang(&words, console.screen.width, 0)))?;
        }
        Ok(exit)
    }
}

fn verify_file(file: &std::path::Path, console: &mut Console) -> anyhow::Result<Exit> {
    let mut input = files::lines(file).map_err(|error| {
        Failure::new(Exit::DataUnreadable, format!("cannot read `{}`: {error}", files::shown(file)))
    })?;
    let mut reader = Reader::default();
    let checked = loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            break reader.finish();
        }
        let line = line.strip_suffix('\n').unwrap_or(&line);
        if keep::is_beside_chains(line) {
            reader.pass();
        } else if let Err(error) = reader.line(line) {
            break Err(error);
        }
    };
    match checked {
        Ok(chains) => {
            chains.iter().try_for_each(|(key, chain)| sound(key, chain, console))?;
            Ok(Exit::Done)
        }
        Err(error) => {
            broken(&format!("{}: {error}", files::shown(file)), console)?;
            Ok(Exit::DataUnreadable)
        }
    }
}

fn sound(key: &Key, chain: &crate::ledger::Verified, console: &mut Console) -> anyhow::Result<()> {
    let icon = paint(GOOD, console.screen.icon(Mark::Good));
    let entries = count(usize::try_from(chain.entries).unwrap_or(usize::MAX), "entry");
    let range = match chain.entries {
        0 if chain.from == 0 => "nothing was recorded yet".to_owned(),
        0 => format!("a checkpoint at entry {}", chain.from),
        _ => format!("{entries}, {} to {}", chain.from + 1, chain.head.seq),
    };
    console.line(format!("{icon} {key}: {range}, ends in {}", chain.head.hash.short()))?;
    Ok(())
}

fn broken(what: &str, console: &mut Console) -> anyhow::Result<()> {
    let icon = paint(BAD, console.screen.icon(Mark::Bad));
    let text = hang(what, console.screen.width, 9);
    console.line(format!("{icon} {} {text}", paint(BAD, "BROKEN")))?;
    Ok(())
}

#[derive(Debug, Args)]
struct Export {
    #[command(flatten)]
    of: Of,
}

impl Export {
    fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let (reach, keys) = self.of.look()?;
        let mut exit = Exit::Done;
        for key in &keys {
            exit = exit.max(match &reach {
                Reach::Store(session) => {
                    keep::export_chain(session.store.as_ref(), key, console.out())?;
                    Exit::Done
                }
                #[cfg(feature = "live")]
                Reach::Controller(client) => {
                    let sent = sent::export(client, key, u64::MAX, console.out())?;
                    cut_off(key, &sent, console)?
                }
            });
        }
        Ok(exit)
    }
}

/// Says why the export of a chain has no end, when it has none.
#[cfg(feature = "live")]
pub(super) fn cut_off(key: &Key, sent: &sent::Sent, console: &mut Console) -> anyhow::Result<Exit> {
    let Some(why) = &sent.broken else { return Ok(Exit::Done) };
    let text =
        format!("{} {key}: {why}; what was written of it has no end, and no import takes it", paint(BAD, "BROKEN"));
    console.say(hang(&text, console.screen.width, 2))?;
    Ok(Exit::DataUnreadable)
}
