//! `run`: the live controller.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;

use crate::daemon::logs;
use crate::daemon::refusal::OpenError;
use crate::daemon::start::{self, Open};
use crate::daemon::stores::Begin;
use crate::daemon::telemetry::Telemetry;
use crate::report::layout::hang;
use crate::report::screen::{PLACE, STRONG, paint};
use crate::settings::Settings;
use crate::settings::values::LogFormat;
use crate::shell::signals::{self, Wanted};
use crate::shell::{files, store, write};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::WhichEnvironment;
use super::{init, settings_file};

mod data_clock;

/// Decide day and night: watch policies and metrics, act, and record.
///
/// Without settings it keeps its ledger in `rollgate.redb`, takes snapshots over HTTP on this machine, and governs the
/// policies below `policies`; where there is none, an example is written first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate run                            here, with an example if need be
  rollgate run policies/checkout          one policy
  rollgate run --config /etc/rollgate.toml
  rollgate run --listen 127.0.0.1:0       on any free port
  rollgate run policies/checkout --clock data --data fixtures/week \\
    --store week.redb                     a recording, as if it were live")]
pub struct Live {
    /// Policies, or trees of them [default: those of the settings]
    policies: Vec<PathBuf>,
    /// The settings [default: rollgate.toml, if it is here]
    #[arg(short, long, value_name = "FILE", env = "ROLLGATE_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    environment: WhichEnvironment,
    /// The store's file, as the settings' `store.path`
    #[arg(long, value_name = "FILE", env = "ROLLGATE_STORE")]
    store: Option<PathBuf>,
    /// Where the API listens, as the settings' `api.listen`
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// What time it is: that of this machine, or that of recorded data
    #[arg(long, value_enum, value_name = "CLOCK", default_value = "real", requires_if("data", "data"))]
    clock: Clock,
    /// With --clock data: recordings, or one fixture's directory; decisions go to standard output as JSON Lines
    #[arg(long, value_name = "FILE", num_args = 1..)]
    data: Vec<String>,
    /// Begin a new ledger where this controller had one: its Redis lost its data, or is another one from now on
    #[arg(long, conflicts_with = "data")]
    new_store: bool,
    /// Shape of the log, as the settings' `log.format`
    #[arg(long, value_enum, value_name = "SHAPE")]
    log: Option<Shape>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Clock {
    /// This machine's
    Real,
    /// The data's: nothing is acted on but the ledger
    Data,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// For people
    Text,
    /// One object a line
    Json,
}

impl Live {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        if self.store.as_ref().is_some_and(|place| store::is_address(place)) {
            let failure =
                Failure::new(Exit::Usage, "a controller takes its Redis from the settings, and --store is a file");
            return Err(failure.help("name it in rollgate.toml: [store], url = \"redis://HOST:PORT\"").into());
        }
        if self.clock == Clock::Data {
            return data_clock::run(&self.policies, &self.data, &self.environment, self.store.as_ref(), console);
        }
        let mut settings = settings_file::read(self.config.as_deref(), console)?;
        self.override_with_arguments(&mut settings);
        self.write_example(&settings, console)?;
        logs::begin(settings.log, console.watched);
        let telemetry = Arc::new(Telemetry::new());
        // From here on SIGTERM means: finish, and hand over.
        let signals = signals::catch().context("cannot listen to signals")?;
        let begin = if self.new_store { Begin::Anew } else { Begin::GoOn };
        let open = start::open(&settings, begin, &telemetry).map_err(failed)?;
        if settings.log.format == LogFormat::Json {
            // Whoever reads the log reads objects, and nothing else.
            tracing::info!(rollouts = open.rollouts().len(), "API on {} is open", open.url());
        } else {
            greet(&open, console)?;
        }
        signals.wait(|wanted| match wanted {
            Wanted::End => true,
            Wanted::Look => {
                tracing::info!("asked to look at the policies again");
                open.look();
                false
            }
        });
        tracing::info!("closing");
        open.close();
        Ok(Exit::Done)
    }

    fn override_with_arguments(&self, settings: &mut Settings) {
        if !self.policies.is_empty() {
            settings.policies.clone_from(&self.policies);
        }
        if let Some(environment) = self.environment.asked() {
            settings.environment = environment;
        }
        if let Some(store) = &self.store {
            *settings = std::mem::take(settings).on(store);
        }
        if let Some(listen) = self.listen {
            settings.api.listen = listen;
        }
        if let Some(shape) = self.log {
            settings.log.format = if shape == Shape::Json { LogFormat::Json } else { LogFormat::Text };
        }
    }

    /// A newcomer has no policy yet: one is written, to be looked at and edited.
    fn write_example(&self, settings: &Settings, console: &mut Console) -> anyhow::Result<()> {
        let usual = Settings::default().policies;
        let is_new = self.config.is_none() && settings.policies == usual && !usual.iter().any(|path| path.exists());
        if !is_new {
            return Ok(());
        }
        for file in init::example() {
            let path = PathBuf::from(&file.path);
            write::create(&path, file.text.as_bytes())
                .with_context(|| format!("cannot write `{}`", files::shown(&path)))?;
        }
        let folder = usual.first().map(|path| files::shown(path)).unwrap_or_default();
        console.say(format!("there was no policy: an example is in {}", paint(PLACE, folder)))?;
        Ok(())
    }
}

/// Where it is and what to do next: the first lines of a newcomer's screen.
fn greet(open: &Open, console: &mut Console) -> anyhow::Result<()> {
    let url = open.url();
    let rollouts = open.rollouts();
    console.say(format!(
        "{} {}",
        paint(STRONG, "rollgate decides;"),
        hang(&format!("API on {url}"), console.screen.width, 0)
    ))?;
    let Some(first) = rollouts.first() else {
        console.say("no policy governs a rollout yet: save one, and it is taken up")?;
        return Ok(());
    };
    let names: Vec<String> = rollouts.iter().map(ToString::to_string).collect();
    console.say(hang(&format!("governs {}", names.join(", ")), console.screen.width, 2))?;
    console
        .say(format!("push readings:  curl {url}/v1/snapshots --json '{{\"rollout\": \"{}\", ...}}'", first.rollout))?;
    console.say("see them judged: rollgate status --watch")?;
    Ok(())
}

fn failed(error: OpenError) -> anyhow::Error {
    let help = error.help();
    let failure = Failure::new(Exit::Failed, error.to_string());
    match help {
        Some(help) => failure.help(help).into(),
        None => failure.into(),
    }
}
