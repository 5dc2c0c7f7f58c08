//! The line to whichever server has the stream, and the group on it.

use redis::{Cmd, Value, cmd};

use crate::adapters::deadline::{Deadline, std};
use crate::adapters::source::file::Start;
use crate::adapters::source::shown::shown;
use crate::adapters::store::redis::Servers;
use crate::adapters::store::redis::conn::{Conn, Dial};
use crate::adapters::store::redis::fault::Fault;
use crate::adapters::store::redis::sentinels::Sentinels;
use crate::ports::source::SourceError;

use super::entries::{self, Entry};
use super::{BATCH, Config};

/// How often a cluster may send us on within one call.
const REDIRECTS: u32 = 3;

/// Reads and acknowledges; connects anew whenever the line broke.
pub(super) struct Link {
    config: Config,
    sentinels: Option<Sentinels>,
    /// Which node of a cluster has the stream, once one has said so.
    node: Option<String>,
    open: Option<Open>,
    /// The group was there before: if it is not there any more, its stream was lost, and all that is in it now is new.
    known: bool,
}

struct Open {
    conn: Conn,
    /// What was handed out to this consumer and not acknowledged is read again, from behind this entry on.
    catching_up: Option<String>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Link {
    pub(super) fn new(config: Config) -> Link {
        let sentinels = match &config.servers {
            Servers::Sentinel { sentinels, master, .. } => {
                // All of them together must leave time for the master itself.
                let parts = u32::try_from(sentinels.len()).unwrap_or(u32::MAX).saturating_add(1);
                let patience = std(config.deadline) / parts;
                let (credentials, tls) = (config.sentinel_credentials.clone(), config.tls.clone());
                let dial = Dial { credentials, tls, database: 0, patience };
                Some(Sentinels::new(sentinels, master, dial))
            }
            _ => None,
        };
        Link { config, sentinels, node: None, open: None, known: false }
    }

    /// What was handed out and not acknowledged is read again.
    pub(super) fn begin_again(&mut self) {
        if let Some(open) = &mut self.open {
            open.catching_up = Some("0".to_owned());
        }
    }

    /// Whether all that was handed out before has been read again.
    pub(super) fn has_caught_up(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.catching_up.is_none())
    }

    /// The next entries; `wait` for new ones where there are none.
    pub(super) fn next(&mut self, wait: bool, deadline: &Deadline) -> Result<Vec<Entry>, SourceError> {
        self.connected(deadline, |link, deadline| {
            link.join(deadline)?;
            match link.reach(deadline)?.catching_up.clone() {
                Some(behind) => link.again(&behind, deadline),
                None => link.new_ones(wait, deadline),
            }
        })
    }

    /// Tells the group that `ids` are done with.
    pub(super) fn acknowledge(&mut self, ids: &[String], deadline: &Deadline) -> Result<(), SourceError> {
        for some in ids.chunks(BATCH) {
            self.connected(deadline, |link, deadline| {
                let mut command = cmd("XACK");
                command.arg(&link.config.stream).arg(&link.config.group).arg(some);
                link.ask(command, deadline).map(drop)
            })?;
        }
        Ok(())
    }

    /// Does `work` on a line that is open, and lets go of one that broke.
    fn connected<T>(
        &mut self,
        deadline: &Deadline,
        work: impl Fn(&mut Link, &Deadline) -> Result<T, Fault>,
    ) -> Result<T, SourceError> {
        for _ in 0..REDIRECTS {
            let fault = match work(self, deadline) {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            };
            if fault.ends_connection() {
                (self.open, self.node) = (None, None);
            }
            let Some(node) = elsewhere(&fault) else { return Err(in_words(fault)) };
            (self.open, self.node) = (None, Some(node));
        }
        Err(SourceError::Unreachable("the nodes of the cluster send us from one to the other".to_owned()))
    }

    fn ask(&mut self, command: Cmd, deadline: &Deadline) -> Result<Value, Fault> {
        let open = self.reach(deadline)?;
        open.conn.wait_at_most(deadline.left().ok_or_else(|| too_late(deadline))?)?;
        open.conn.one(command)
    }

    /// The open line, or a new one.
    fn reach(&mut self, deadline: &Deadline) -> Result<&mut Open, Fault> {
        let open = match self.open.take() {
            Some(open) => open,
            None => Open { conn: self.dial(deadline)?, catching_up: Some("0".to_owned()) },
        };
        Ok(self.open.insert(open))
    }

    fn dial(&mut self, deadline: &Deadline) -> Result<Conn, Fault> {
        let database = match &self.config.servers {
            Servers::Single { database, .. } | Servers::Sentinel { database, .. } => *database,
            Servers::Cluster { .. } => 0,
        };
        let open = |at: &str| {
            let patience = deadline.left().ok_or_else(|| too_late(deadline))?;
            let (credentials, tls) = (self.config.credentials.clone(), self.config.tls.clone());
            Conn::open(at, &Dial { credentials, tls, database, patience })
        };
        match &self.config.servers {
            Servers::Single { server, .. } => open(server),
            Servers::Sentinel { .. } => {
                let master = self.sentinels.as_mut().ok_or_else(|| too_late(deadline))?.master()?;
                open(&master)
            }
            Servers::Cluster { nodes } => {
                let mut last = too_late(deadline);
                for node in self.node.iter().chain(nodes) {
                    match open(node) {
                        Ok(conn) => return Ok(conn),
                        Err(fault) => last = fault,
                    }
                }
                Err(last)
            }
        }
    }

    /// Makes sure that the group is there, once. Where it is lost later, it is made again as that is found out: not at
    /// the end, for what is in the stream by then was never handed out.
    fn join(&mut self, deadline: &Deadline) -> Result<(), Fault> {
        if self.known {
            return Ok(());
        }
        let start = match self.config.start {
            Start::End => "$",
            Start::Beginning => "0",
        };
        self.make_group(start, deadline)?;
        self.known = true;
        Ok(())
    }

    fn make_group(&mut self, start: &str, deadline: &Deadline) -> Result<(), Fault> {
        let mut command = cmd("XGROUP");
        command.arg("CREATE").arg(&self.config.stream).arg(&self.config.group).arg(start).arg("MKSTREAM");
        match self.ask(command, deadline) {
            Err(Fault::Answered { error, .. }) if error.code() == "BUSYGROUP" => Ok(()),
            other => other.map(drop),
        }
    }

    /// What was handed out to this consumer and not acknowledged, behind `behind`.
    fn again(&mut self, behind: &str, deadline: &Deadline) -> Result<Vec<Entry>, Fault> {
        let reply = self.read(behind, None, deadline)?;
        let entries = entries::of_read(reply).ok_or_else(|| no_reply("XREADGROUP"))?;
        if let Some(open) = &mut self.open {
            open.catching_up = entries.last().map(|entry| entry.id.clone());
        }
        Ok(entries)
    }

    /// What nobody has read, and where there is none, what others left lying.
    fn new_ones(&mut self, wait: bool, deadline: &Deadline) -> Result<Vec<Entry>, Fault> {
        let block = wait.then(|| deadline.left().unwrap_or_default() / 2);
        let reply = self.read(">", block, deadline)?;
        let entries = entries::of_read(reply).ok_or_else(|| no_reply("XREADGROUP"))?;
        if entries.is_empty() { self.claim(deadline) } else { Ok(entries) }
    }

    fn read(&mut self, from: &str, block: Option<std::time::Duration>, deadline: &Deadline) -> Result<Value, Fault> {
        let command = |config: &Config| {
            let mut command = cmd("XREADGROUP");
            command.arg("GROUP").arg(&config.group).arg(&config.consumer).arg("COUNT").arg(BATCH);
            if let Some(block) = block {
                // To Redis, no time at all is for ever.
                command.arg("BLOCK").arg(block.as_millis().max(1).to_string());
            }
            command.arg("STREAMS").arg(&config.stream).arg(from);
            command
        };
        match self.ask(command(&self.config), deadline) {
            Err(Fault::Answered { error, .. }) if error.code() == "NOGROUP" => {
                // It came back empty, or somebody removed the group: what is in the stream now was never handed out.
                self.make_group("0", deadline)?;
                self.ask(command(&self.config), deadline)
            }
            other => other,
        }
    }

    fn claim(&mut self, deadline: &Deadline) -> Result<Vec<Entry>, Fault> {
        let config = &self.config;
        let mut command = cmd("XAUTOCLAIM");
        command.arg(&config.stream).arg(&config.group).arg(&config.consumer);
        command.arg(config.claim_after.as_millis()).arg("0-0").arg("COUNT").arg(BATCH);
        match self.ask(command, deadline) {
            Ok(reply) => entries::of_claim(reply).ok_or_else(|| no_reply("XAUTOCLAIM")),
            // Redis before 6.2 has no such command; then what others left lies where it is.
            Err(Fault::Answered { error, .. })
                if error.details().is_some_and(|said| said.starts_with("unknown command")) =>
            {
                Ok(Vec::new())
            }
            Err(fault) => Err(fault),
        }
    }
}

fn too_late(deadline: &Deadline) -> Fault {
    Fault::Lost { why: format!("no answer within {}", deadline.limit()), stale: false }
}

fn no_reply(command: &str) -> Fault {
    crate::adapters::store::redis::fault::corrupt(format!("the reply to {command} cannot be read"))
}

/// The node that has the stream, when this one does not: `MOVED 866 127.0.0.1:7001`.
fn elsewhere(fault: &Fault) -> Option<String> {
    let Fault::Answered { error, .. } = fault else { return None };
    let moved = matches!(error.code(), "MOVED" | "ASK").then(|| error.details()).flatten()?;
    moved.split_whitespace().nth(1).map(str::to_owned)
}

fn in_words(fault: Fault) -> SourceError {
    match fault {
        Fault::Lost { why, .. } => SourceError::Unreachable(why),
        Fault::Denied(why) => SourceError::Denied(why),
        Fault::Answered { at, error } => {
            let said = shown(&format!("{at} says {} {}", error.code(), error.details().unwrap_or_default()));
            match error.code() {
                "NOAUTH" | "WRONGPASS" | "NOPERM" => SourceError::Denied(said),
                "WRONGTYPE" => SourceError::Refused(format!("{said}; the key is no stream")),
                _ => SourceError::Refused(said),
            }
        }
        Fault::Said(crate::ports::store::StoreError::Corrupt { what }) => SourceError::Malformed(what),
        Fault::Said(crate::ports::store::StoreError::Unavailable(why)) => SourceError::Unreachable(why),
        Fault::Said(other) => SourceError::Unreachable(other.to_string()),
    }
}
