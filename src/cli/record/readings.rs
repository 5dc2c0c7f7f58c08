//! Where the readings of the past are.

use std::path::PathBuf;

use crate::cli::operate::explained;
use crate::daemon::client::Client;
use crate::daemon::wire::RecordedLine;
use crate::ledger::hash::Key;
use crate::model::snapshot::Snapshot;
use crate::model::time::Time;
use crate::shell::{files, store};

/// Readings, each with when it came in.
pub(super) enum Readings {
    /// A controller that runs has them.
    Controller(Client),
    /// The folder in which a controller kept them.
    Journal(PathBuf),
    /// They were gathered by this very command.
    Gathered(PathBuf),
}

impl Readings {
    /// Hands those that came in from `since` on to `each`, until it answers that it is enough; counts those that cannot
    /// be read any more.
    pub(super) fn each(
        &self,
        key: &Key,
        since: Time,
        each: &mut dyn FnMut(Time, Snapshot) -> bool,
    ) -> anyhow::Result<u64> {
        match self {
            Readings::Controller(client) => client.snapshots(key, since, each).map_err(explained),
            Readings::Journal(folder) => {
                let mut wanted = true;
                let read = store::journal(folder, key, since, &mut |at, snapshot| {
                    wanted = wanted && each(at, snapshot);
                });
                read.map_err(|error| explained(error.into()))
            }
            Readings::Gathered(path) => {
                use std::io::BufRead as _;
                for line in files::lines(path)?.lines() {
                    let RecordedLine::Snapshot { at, snapshot } = serde_json::from_str(&line?)? else { continue };
                    if at >= since && !each(at, snapshot) {
                        break;
                    }
                }
                Ok(0)
            }
        }
    }

    /// When the oldest of them came in.
    pub(super) fn first(&self, key: &Key) -> anyhow::Result<Time> {
        let mut first = None;
        self.each(key, Time::NEVER, &mut |at, _| {
            first.get_or_insert(at);
            false
        })?;
        Ok(first.unwrap_or(Time::FOREVER))
    }
}
