//! `record`: what a controller saw, or what a source says from now on, as a fixture that replays it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::control::PolicyRecord;
use crate::fixture::record::lines::{Counts, Lines, Taking};
use crate::fixture::record::opening::{self, Begins};
use crate::fixture::record::toml::{self, About};
use crate::fixture::score::Quality;
use crate::ledger::hash::Key;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Policy;
use crate::report::json::Envelope;
use crate::report::recorded::{self, Recorded};
use crate::shell::{clock, files};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, Output};
use super::operate::{choose, explained};
use super::reach::{Reach, Where};
use super::settings_file;

mod folder;
mod gather;
mod ledger;
mod privacy;
mod proof;
mod readings;

use readings::Readings;

/// Readings from before the beginning are looked through for so long: what was known at the beginning is among them.
const BEFORE: Duration = Duration::from_mins(30);

/// Keep what a controller saw, and what people ordered meanwhile, as a fixture that replays it.
///
/// The readings come from the controller that answers, or else from its journal; with --source, from one source of the
/// settings from now on. Values are never altered, and nothing that is there is overwritten.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate record checkout --since 2h --out fixtures/tuesday-night
  rollgate record checkout --since 3h --until 1h --out fixtures/slow --label bad
  rollgate record checkout --for 2h --redact source,people --out fixtures/next
  rollgate record checkout --source prom-eu --for 1h --out fixtures/quiet")]
pub struct Record {
    /// Which rollout [default: the only one]
    rollout: Option<String>,
    /// Environment [default: the one there is]
    #[arg(short, long, value_name = "NAME", env = "ROLLGATE_ENVIRONMENT")]
    environment: Option<String>,
    /// From then on: a time, or how long ago
    #[arg(long, value_name = "TIME", required_unless_present_any = ["for_", "source"])]
    since: Option<String>,
    /// Until then: a time, or how long ago [default: now]
    #[arg(long, value_name = "TIME", requires = "since")]
    until: Option<String>,
    /// From now on for that long; Ctrl-C ends it earlier and keeps what there is
    #[arg(long = "for", id = "for_", value_name = "DURATION", value_parser = super::orders::duration, conflicts_with_all = ["since", "until"])]
    for_: Option<Duration>,
    /// The fixture's directory; it must not be there yet
    #[arg(long, value_name = "DIRECTORY")]
    out: PathBuf,
    /// Whether it went well
    #[arg(long, value_name = "VERDICT")]
    label: Option<Verdict>,
    /// When it went wrong; may be given again
    #[arg(long, value_name = "FROM..TO", value_parser = incident, requires = "label")]
    incident: Vec<(Time, Time)>,
    /// One line for people
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Replace names by words such as `region-1`, the same name always by the same word
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    redact: Vec<Private>,
    /// Call a metric otherwise; may be given again
    #[arg(long, value_name = "METRIC=NAME", value_parser = renaming)]
    rename: Vec<(String, String)>,
    /// Keep what the policy does not ask for, too
    #[arg(long)]
    all: bool,
    /// The policy that replays it [default: the rollout's own]
    #[arg(long, value_name = "DIRECTORY")]
    policy: Option<PathBuf>,
    /// Ask this source of the settings, instead of a controller
    #[arg(long, value_name = "NAME", conflicts_with_all = ["since", "until"])]
    source: Option<String>,
    #[command(flatten)]
    at: Where,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

/// Whether it went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verdict {
    /// Nothing should have stopped it
    Good,
    /// It should have been stopped
    Bad,
}

/// What nobody else should read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Private {
    /// Names of regions; a policy that names its regions needs one that does not (--policy)
    Region,
    /// Names of sources
    Source,
    /// Who ordered what, and why
    People,
    /// The rollout's name; the policy names it too (--policy)
    Rollout,
}

/// The time that is recorded.
#[derive(Debug, Clone, Copy)]
struct Window {
    since: Time,
    until: Time,
}

impl Record {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let window = self.window(clock::now())?;
        folder::must_be_free(&self.out)?;
        let reach = self.at.look();
        let key = self.key(&reach)?;
        if self.redact.contains(&Private::Rollout) && self.policy.is_none() {
            let failure = Failure::new(Exit::Usage, "the policy's directory names the rollout");
            return Err(failure.help("--policy DIRECTORY names one that does not").into());
        }
        let settings = settings_file::read(self.at.store.config.as_deref(), console)?;
        let (readings, window) = self.readings(&reach, &key, &settings, window, console)?;
        let told = ledger::told(reach.as_ref().ok(), &key)?;
        let earliest = readings.first(&key)?;
        let begins = opening::begins(told.base, &told.told, window.since, window.until, earliest);
        let Some(begins) = begins.or_else(|| self.source.is_some().then(|| from_nothing(window.since))) else {
            let failure = Failure::new(Exit::Nothing, format!("{key} was not started by {}", window.until));
            return Err(failure.help("begin with: rollgate start").into());
        };
        let in_force = ledger::policy(reach.as_ref().ok(), &begins)?;
        let replays = folder::policy(&self.out, self.policy.as_deref(), &key, in_force.as_deref(), console)?;
        let (recorded, begins) = self.write(&key, &readings, window, begins, &replays, in_force.as_deref())?;
        let proof = proof::replay(&self.out, &replays.policy, &begins, &told.told, window.until, console)?;
        self.show(recorded, proof, console)
    }

    /// A rollout that a store knows, or, for a source, one that only a policy does.
    fn key(&self, reach: &anyhow::Result<Reach>) -> anyhow::Result<Key> {
        let environment = self.environment.as_deref();
        let known = match reach {
            Ok(reach) => reach.ask(|operate| operate.rollouts()).map_err(explained),
            Err(error) => Err(Failure::new(super::failure::exit_of(error), error.to_string()).into()),
        };
        let chosen = known.and_then(|keys| choose(keys, self.rollout.as_deref(), environment));
        match (chosen, &self.source, &self.rollout) {
            (Err(_), Some(_), Some(rollout)) => {
                let environment = environment.unwrap_or(crate::policy::PRODUCTION);
                Ok(Key::new(rollout.as_str().into(), environment.into()))
            }
            (chosen, ..) => chosen,
        }
    }

    fn window(&self, now: Time) -> anyhow::Result<Window> {
        if let Some(length) = self.for_ {
            return Ok(Window { since: now, until: now + length });
        }
        let Some(since) = &self.since else { return Ok(Window { since: now, until: Time::FOREVER }) };
        let since = moment("--since", since, now)?;
        let until = self.until.as_ref().map_or(Ok(now), |until| moment("--until", until, now))?;
        if since >= until {
            let failure = Failure::new(Exit::Usage, format!("{since} is not before {until}"));
            return Err(failure.help("--since 2h --until 30m counts back from now").into());
        }
        Ok(Window { since, until })
    }

    /// Where the readings are; waits for those that are still to come.
    fn readings(
        &self,
        reach: &anyhow::Result<Reach>,
        key: &Key,
        settings: &crate::settings::Settings,
        window: Window,
        console: &mut Console,
    ) -> anyhow::Result<(Readings, Window)> {
        if let Some(name) = &self.source {
            let source = gather::source(settings, name)?;
            return gather::from_source(source, key, &self.out, window, console);
        }
        if let Ok(Reach::Controller(client)) = reach {
            if window.until > clock::now() {
                return gather::from_controller(client, key, &self.out, window, console);
            }
            return Ok((Readings::Controller(client.clone()), window));
        }
        if window.until > clock::now() {
            let failure = Failure::new(Exit::Failed, "no controller runs: nothing comes in");
            return Err(failure.help("--since takes what came in before; --source NAME asks a source").into());
        }
        Ok((Readings::Journal(self.at.store.home().journal().to_path_buf()), window))
    }

    /// Writes both files.
    fn write(
        &self,
        key: &Key,
        readings: &Readings,
        window: Window,
        begins: Begins,
        replays: &folder::Replays,
        in_force: Option<&PolicyRecord>,
    ) -> anyhow::Result<(Recorded, Begins)> {
        let redaction = privacy::redaction(&self.redact, in_force, &replays.policy)?;
        let renames = privacy::renames(&self.rename)?;
        let taking = Taking { redaction, renames, all: self.all };
        let mut lines = Lines::new(&begins, &replays.policy.catalogue, taking);
        let damaged = folder::data(&self.out, readings, key, (begins.at - BEFORE, window.until), &mut lines)?;
        let private = |what| self.redact.contains(&what);
        let title = self.title.clone().unwrap_or_else(|| {
            let name = if private(Private::Rollout) { "a rollout" } else { key.rollout.as_str() };
            format!("{name}, {} to {}", begins.at, window.until)
        });
        let from = match &self.source {
            Some(_) if private(Private::Source) => "a source".to_owned(),
            Some(name) => format!("source {name}"),
            None => "a controller".to_owned(),
        };
        let about = About {
            title,
            source: format!("recorded from {from}, {}", begins.at),
            policy: replays.path.clone(),
            environment: replays.policy.environment.clone(),
            data: folder::DATA.to_owned(),
            label: self.label.map(|label| {
                let quality = if label == Verdict::Good { Quality::Good } else { Quality::Bad };
                (quality, self.incident.clone())
            }),
        };
        let counts: Counts = lines.counts().clone();
        let known = (self.source.is_none() || begins.skipped > 0).then_some(&begins);
        let (text, notes) = toml::text(&about, known, &replays.policy.catalogue, lines.redaction());
        folder::head(&self.out, &text)?;
        let recorded = Recorded {
            path: files::shown(&self.out),
            from: begins.at,
            until: window.until,
            stage: begins.stage.to_string(),
            bake: begins.bake,
            orders: begins.orders.len(),
            snapshots: counts.snapshots,
            readings: counts.readings,
            left_out: counts.unmapped,
            notes: self.notes(&begins, notes, counts.early, damaged, &counts.renamed, replays),
            replay: None,
        };
        Ok((recorded, begins))
    }

    fn notes(
        &self,
        begins: &Begins,
        mut notes: Vec<String>,
        early: u64,
        damaged: u64,
        renamed: &std::collections::BTreeMap<String, u64>,
        replays: &folder::Replays,
    ) -> Vec<String> {
        notes.extend(begins.notes.iter().cloned());
        if begins.policy.as_ref().is_some_and(|digest| *digest != replays.policy.digest) {
            notes.push(format!("`{}` is not the policy that judged it: decisions may differ", replays.path));
        }
        if early > 0 {
            notes.push(format!("{early} readings claim to be of after they came in; a replay dates them back"));
        }
        if damaged > 0 {
            notes.push(format!("{damaged} lines of the journal cannot be read, and are missing"));
        }
        for (metric, _) in self.rename.iter().filter(|(metric, _)| !renamed.contains_key(metric)) {
            notes.push(format!("nothing is called `{metric}`, so nothing was renamed"));
        }
        notes
    }

    fn show(&self, mut recorded: Recorded, proof: proof::Proof, console: &mut Console) -> anyhow::Result<Exit> {
        recorded.replay = proof.agreement;
        match global::output(self.output, console.plain) {
            Output::Pretty => console.print(recorded::pretty(&recorded, console.screen))?,
            Output::Plain => console.print(recorded::plain(&recorded))?,
            Output::Json => console.line(Envelope::new("recorded", &recorded).pretty()?)?,
            Output::Jsonl => console.line(Envelope::new("recorded", &recorded).line()?)?,
        }
        Ok(if recorded.readings == 0 { Exit::Nothing } else { Exit::Done })
    }
}

/// A source's readings without a ledger: a replay starts where it does by itself.
fn from_nothing(at: Time) -> Begins {
    Begins {
        at,
        stage: "".into(),
        bake: Duration::ZERO,
        baselines: Vec::new(),
        latched: false,
        orders: Vec::new(),
        policy: None,
        notes: Vec::new(),
        skipped: 0,
    }
}

/// A time, or how long ago.
fn moment(name: &str, text: &str, now: Time) -> anyhow::Result<Time> {
    if let Ok(at) = Time::parse(text) {
        return Ok(at);
    }
    match Duration::parse(text) {
        Ok(ago) => Ok(now - ago),
        Err(_) => {
            let failure = Failure::new(Exit::Usage, format!("`{name} {text}` is neither a time nor a duration"));
            Err(failure.help("write it as 2026-03-05T03:10:00Z, or as 2h for two hours ago").into())
        }
    }
}

fn incident(text: &str) -> Result<(Time, Time), String> {
    let (from, to) = text.split_once("..").ok_or("write it as FROM..TO, two times")?;
    let read = |text: &str| Time::parse(text).map_err(|error| error.to_string());
    let (from, to) = (read(from)?, read(to)?);
    if from >= to {
        return Err(format!("{from} is not before {to}"));
    }
    Ok((from, to))
}

fn renaming(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((from, to)) if !from.is_empty() && !to.is_empty() => Ok((from.to_owned(), to.to_owned())),
        _ => Err("write it as METRIC=NAME".to_owned()),
    }
}

/// The policy that replays a recording: shared by its parts.
type Judge = Arc<Policy>;

/// Where a file of the fixture is.
fn inside(out: &Path, name: &str) -> PathBuf {
    out.join(name)
}
