//! `status`: where rollouts stand, worst first.

use clap::Args;
use serde::Serialize;

use crate::control::Standing;
use crate::report::json::Envelope;
use crate::report::status;
use crate::shell::clock;

use super::console::Console;
use super::exit::Exit;
use super::global::{self, Output};
use super::operate::explained;
use super::reach::{Unreachable, Where};

/// Show where rollouts stand, worst first.
#[derive(Debug, Args)]
pub struct Status {
    /// Only this rollout
    rollout: Option<String>,
    /// Only this environment
    #[arg(short, long, value_name = "NAME", env = "ROLLGATE_ENVIRONMENT")]
    environment: Option<String>,
    /// Everything about each: features, bake, mutes, policy
    #[arg(long)]
    detailed: bool,
    #[command(flatten)]
    at: Where,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<Output>,
}

#[derive(Serialize)]
struct Standings<'a> {
    rollouts: &'a [Standing],
}

impl Status {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let reach = self.at.reach(false, console).map_err(Unreachable::explained)?;
        let mut standings = reach.ask(|operate| operate.standings(clock::now())).map_err(explained)?;
        standings.retain(|standing| {
            let key = &standing.key;
            self.rollout.as_ref().is_none_or(|name| key.rollout.as_str() == name)
                && self.environment.as_ref().is_none_or(|name| key.environment.as_str() == name)
        });
        let store = crate::shell::files::shown(&self.at.store.store);
        let store = if self.at.is_named() { reach.controller().unwrap_or(&store) } else { &store };
        match global::output(self.output, console.plain) {
            Output::Pretty if standings.is_empty() => {
                console.line(format!("no rollout in {store}; begin with: rollgate start"))?;
            }
            Output::Pretty if self.detailed => console.print(status::detailed(&standings, console.screen))?,
            Output::Pretty => {
                console.print(status::table(&standings, console.screen))?;
                console.print(status::foot(&standings, store, reach.controller(), console.screen))?;
            }
            Output::Plain => {
                for standing in &standings {
                    console.line(status::plain(standing))?;
                }
            }
            Output::Json => console.line(Envelope::new("status", Standings { rollouts: &standings }).pretty()?)?,
            Output::Jsonl => {
                for standing in &standings {
                    console.line(Envelope::new("standing", standing).line()?)?;
                }
            }
        }
        Ok(if standings.is_empty() { Exit::Nothing } else { Exit::Done })
    }
}
