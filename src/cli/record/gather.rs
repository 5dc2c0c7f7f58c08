//! Readings that are still to come: gathered line by line beside the fixture, so that whatever ends this process leaves
//! what came in.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration as Pause;

use anyhow::Context as _;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::daemon::client::Client;
use crate::daemon::sources::{self, Made};
use crate::daemon::wire::RecordedLine;
use crate::ledger::hash::Key;
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::report::screen::{ATTENTION, paint};
use crate::settings::Settings;
use crate::shell::{clock, files, signals, write};

use super::readings::Readings;
use super::{Window, inside};

/// Where they wait until the fixture is written.
const INCOMING: &str = "incoming.ndjson";
/// How often a controller is asked for more.
const OFTEN: Pause = Pause::from_secs(1);
/// Two that came in together may be handed out one after the other: so far back is looked again.
const OVERLAP: Duration = Duration::from_secs(10);

/// The source of that name.
pub(super) fn source(settings: &Settings, name: &str) -> anyhow::Result<Made> {
    let made = sources::of(settings)
        .map_err(|(name, why)| Failure::new(Exit::PolicyInvalid, format!("source `{name}`: {why}")))?;
    let names: Vec<String> = made.iter().map(|made| made.source.name().to_owned()).collect();
    made.into_iter().find(|made| made.source.name() == name).ok_or_else(|| {
        let failure = Failure::new(Exit::Usage, format!("the settings have no source `{name}` that can be asked"));
        let help = match names.as_slice() {
            [] => "sources stand in rollgate.toml under [sources.NAME]; those that push come with a controller".to_owned(),
            names => format!("there is {}", names.join(", ")),
        };
        failure.help(help).into()
    })
}

/// Asks a source until the time is over.
pub(super) fn from_source(
    made: Made,
    key: &Key,
    out: &Path,
    window: Window,
    console: &mut Console,
) -> anyhow::Result<(Readings, Window)> {
    let mut source = made.source;
    let mut failing = false;
    wait(out, window, made.every, console, &mut |console, put| {
        let now = clock::now();
        match source.poll(now) {
            Ok(snapshots) => {
                if std::mem::take(&mut failing) {
                    console.say("the source answers again")?;
                }
                let theirs = |snapshot: &Snapshot| {
                    snapshot.rollout.as_deref().is_none_or(|name| name == key.rollout.as_str())
                };
                for mut snapshot in snapshots.into_iter().filter(theirs) {
                    snapshot.source.get_or_insert_with(|| source.name().to_owned());
                    put(clock::now(), snapshot)?;
                }
            }
            // A hole in the readings is what a controller would have seen, too.
            Err(error) if !std::mem::replace(&mut failing, true) => {
                console.say(format!("{} the source gives nothing: {error}", paint(ATTENTION, "note:")))?;
            }
            Err(_) => {}
        }
        Ok(())
    })
}

/// Asks a controller for what came in, until the time is over.
pub(super) fn from_controller(
    client: &Client,
    key: &Key,
    out: &Path,
    window: Window,
    console: &mut Console,
) -> anyhow::Result<(Readings, Window)> {
    let mut newest = window.since - super::BEFORE;
    let mut seen: BTreeSet<(Time, String)> = BTreeSet::new();
    let mut gone = false;
    wait(out, window, OFTEN, console, &mut |console, put| {
        let since = newest - OVERLAP;
        let mut failed = Ok(());
        let asked = client.snapshots(key, since, &mut |at, snapshot| {
            let name = serde_json::to_string(&snapshot).unwrap_or_default();
            if at <= window.until && seen.insert((at, name)) {
                newest = newest.max(at);
                failed = put(at, snapshot);
            }
            failed.is_ok()
        });
        failed?;
        seen.retain(|(at, _)| *at >= newest - OVERLAP);
        match asked {
            Ok(_) if std::mem::take(&mut gone) => console.say("the controller answers again")?,
            Ok(_) => {}
            // One that restarts has its journal still.
            Err(error) if !std::mem::replace(&mut gone, true) => {
                console.say(format!("{} {error}", paint(ATTENTION, "note:")))?;
            }
            Err(_) => {}
        }
        Ok(())
    })
}

type Put<'a> = dyn FnMut(Time, Snapshot) -> anyhow::Result<()> + 'a;

/// Calls `ask` again and again until the time is over, or somebody wants it to end.
fn wait(
    out: &Path,
    window: Window,
    every: Pause,
    console: &mut Console,
    ask: &mut dyn FnMut(&mut Console, &mut Put<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<(Readings, Window)> {
    let path = inside(out, INCOMING);
    let mut file = write::growing(&path).with_context(|| format!("cannot write `{}`", files::shown(&path)))?;
    let ending = signals::ends().context("cannot listen to signals")?;
    let until = if window.until == Time::FOREVER { "Ctrl-C".to_owned() } else { window.until.to_string() };
    console.say(format!("recording until {until}; Ctrl-C keeps what there is by then"))?;
    loop {
        let now = clock::now();
        ask(console, &mut |at, snapshot| {
            serde_json::to_writer(&mut file, &RecordedLine::Snapshot { at, snapshot })?;
            Ok(file.write_all(b"\n")?)
        })?;
        file.flush().with_context(|| format!("cannot write `{}`", files::shown(&path)))?;
        if now >= window.until {
            return Ok((Readings::Gathered(path), window));
        }
        let left = Pause::from_millis(window.until.since(clock::now()).as_millis().unsigned_abs());
        if ending.sleep(every.min(left)) {
            let window = Window { until: clock::now().min(window.until), ..window };
            return Ok((Readings::Gathered(path), window));
        }
    }
}
