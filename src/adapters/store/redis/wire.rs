//! The way to the server that has a key: found anew for every call, checked when it is opened, given up when it breaks.

mod settle;
mod topology;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use redis::{Cmd, Value, cmd};

use super::conn::{Conn, Dial, Points};
use super::fault::{Fault, corrupt, unavailable};
use super::memory::Memory;
use super::names::Names;
use super::options::{Options, Servers};
use super::script::{Call, SETTLE, Script};
use super::sentinels::Sentinels;
use super::slots::{self, Slots};
use super::values::{count, list, text};

pub(super) use settle::other_store;
use topology::{Known, with_host};

/// How often a cluster may send a call on before it is given up.
const REDIRECTS: usize = 5;

/// What every way needs to know.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) options: Options,
    pub(super) names: Names,
    pub(super) memory: Memory,
    /// What any thread has learned of the cluster.
    cluster: Mutex<Known>,
    /// How far the store's clock runs ahead of the server's, in milliseconds; only tests let it.
    #[cfg(debug_assertions)]
    ahead: std::sync::atomic::AtomicI64,
}

impl Plan {
    pub(super) fn new(options: Options, names: Names, memory: Memory) -> Plan {
        Plan {
            options,
            names,
            memory,
            cluster: Mutex::default(),
            #[cfg(debug_assertions)]
            ahead: std::sync::atomic::AtomicI64::new(0),
        }
    }

    #[cfg(debug_assertions)]
    pub(super) fn shift_by(&self, by: crate::model::time::Duration) {
        self.ahead.fetch_add(by.as_millis(), Ordering::Relaxed);
    }

    /// What scripts add to the server's clock.
    #[cfg(debug_assertions)]
    pub(super) fn shift(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// What scripts add to the server's clock: nothing.
    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "where tests run, it says something")]
    pub(super) const fn shift(&self) -> i64 {
        0
    }

    /// The deadline of a call, as the standard library counts.
    pub(super) fn deadline(&self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.options.deadline.as_millis()).unwrap_or(1))
    }

    /// A part of it, for what may be done without.
    fn quarter(&self) -> std::time::Duration {
        (self.deadline() / 4).max(std::time::Duration::from_millis(1))
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.options.servers, Servers::Cluster { .. })
    }

    fn database(&self) -> u32 {
        match self.options.servers {
            Servers::Single { database, .. } | Servers::Sentinel { database, .. } => database,
            Servers::Cluster { .. } => 0,
        }
    }
}

/// Connections of one thread.
pub(super) struct Wire {
    pub(super) plan: Arc<Plan>,
    open: HashMap<String, Conn>,
    slots: Slots,
    /// A node did not answer: what was learned of the cluster may be wrong.
    is_outdated: bool,
    sentinels: Option<Sentinels>,
    /// Who is master, asked once per call.
    master: Option<String>,
    /// In a cluster: whether the store was found to be the one it was, since a connection broke.
    settled: bool,
    /// Whoever asked has gone away: nothing more is sent on their behalf.
    given_up: Arc<AtomicBool>,
    /// How long a reply is waited for, when that is less than the call may take.
    hurry: Option<std::time::Duration>,
}

impl Wire {
    pub(super) fn new(plan: Arc<Plan>) -> Wire {
        let sentinels = match &plan.options.servers {
            Servers::Sentinel { sentinels, master, .. } => {
                let credentials = plan.options.sentinel_credentials.clone();
                // Several may be asked in turn, and the call still has to be made.
                let tls = plan.options.tls.clone();
                let dial = Dial { credentials, tls, database: 0, patience: plan.quarter() };
                Some(Sentinels::new(sentinels, master, dial))
            }
            _ => None,
        };
        Wire {
            plan,
            open: HashMap::new(),
            slots: Slots::default(),
            is_outdated: false,
            sentinels,
            master: None,
            settled: false,
            given_up: Arc::default(),
            hurry: None,
        }
    }

    /// A new call begins.
    pub(super) fn begin(&mut self, given_up: Arc<AtomicBool>) {
        (self.master, self.given_up, self.hurry) = (None, given_up, None);
    }

    /// Makes sure that the store's name is known: scripts are told it.
    pub(super) fn ready(&mut self) -> Result<(), Fault> {
        if self.plan.memory.identity.get().is_some() {
            return Ok(());
        }
        let node = self.node(0)?;
        if !self.plan.is_cluster() {
            self.open_to(&node)?;
        }
        Ok(())
    }

    fn open_to(&mut self, node: &str) -> Result<(), Fault> {
        if !self.open.contains_key(node) {
            let conn = self.connect(node)?;
            self.open.insert(node.to_owned(), conn);
        }
        Ok(())
    }

    /// Runs a script over keys of one slot; waits for replicas if it wrote something that must last.
    pub(super) fn script(&mut self, script: &Script, slot: u16, call: &Call, lasting: Lasting) -> Result<Value, Fault> {
        let reply = match self.ask_lasting(slot, script.by_name(call), lasting) {
            Err(Fault::Answered { error, .. }) if error.code() == "NOSCRIPT" => {
                self.ask_lasting(slot, script.in_full(call), lasting)
            }
            other => other,
        }?;
        lasting.points().here("store.redis.waited");
        Ok(reply)
    }

    /// One command about keys of one slot.
    pub(super) fn ask(&mut self, slot: u16, command: Cmd) -> Result<Value, Fault> {
        self.ask_lasting(slot, command, Lasting::No)
    }

    /// One command that writes what must last.
    pub(super) fn ask_to_keep(&mut self, slot: u16, command: Cmd) -> Result<(), Fault> {
        self.ask_lasting(slot, command, Lasting::Yes).map(|_| ())
    }

    /// Several at once, each about its slot; the replies in their order.
    pub(super) fn ask_all(&mut self, commands: Vec<(u16, Cmd)>) -> Result<Vec<Value>, Fault> {
        let mut by_node: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, (slot, _)) in commands.iter().enumerate() {
            by_node.entry(self.node(*slot)?).or_default().push(at);
        }
        let mut replies = vec![Value::Nil; commands.len()];
        for (node, places) in by_node {
            let together: Vec<Cmd> =
                places.iter().filter_map(|at| commands.get(*at)).map(|(_, command)| command.clone()).collect();
            let answers = self.at(&node, &together, Points::Unnamed)?;
            for (place, answer) in places.into_iter().zip(answers) {
                let (Some(reply), Some((slot, command))) = (replies.get_mut(place), commands.get(place)) else {
                    continue;
                };
                *reply = match answer {
                    // The one that was sent elsewhere goes there alone; so does one that failed, to hear why.
                    Value::ServerError(_) => self.ask(*slot, command.clone())?,
                    answer => answer,
                };
            }
        }
        Ok(replies)
    }

    fn ask_lasting(&mut self, slot: u16, command: Cmd, lasting: Lasting) -> Result<Value, Fault> {
        let wanted = if lasting == Lasting::No { 0 } else { self.plan.options.replicas_to_wait };
        let mut commands = vec![command];
        if wanted > 0 {
            // Half the time of the call: the answer that it was not enough must still arrive.
            let patience = (self.plan.options.deadline.as_millis() / 2).max(1);
            let mut wait = cmd("WAIT");
            wait.arg(wanted).arg(patience);
            commands.push(wait);
        }
        let mut replies = self.routed(slot, &commands, lasting.points())?.into_iter();
        let reply = replies.next().unwrap_or_default();
        if let Some(reached) = replies.next() {
            let reached = count(reached)?;
            if reached < u64::from(wanted) && Lasting::is_done(&reply) {
                return Err(unavailable(format!(
                    "it was written, but {reached} of the {wanted} replicas asked for have it; written again under the \
                     same token it counts once"
                )));
            }
        }
        Ok(reply)
    }

    /// Sends commands to whoever has the slot, and after the cluster's directions.
    fn routed(&mut self, slot: u16, commands: &[Cmd], points: Points) -> Result<Vec<Value>, Fault> {
        let mut asking: Option<String> = None;
        for _ in 0..REDIRECTS {
            let node = asking.clone().map_or_else(|| self.node(slot), Ok)?;
            let mut replies = if asking.take().is_some() {
                let mut all = vec![cmd("ASKING")];
                all.extend_from_slice(commands);
                let mut replies = self.at(&node, &all, points)?;
                replies.remove(0);
                replies
            } else {
                self.at(&node, commands, points)?
            };
            let Some(Value::ServerError(error)) = replies.first() else { return Ok(replies) };
            let (code, detail) = (error.code(), error.details().unwrap_or_default());
            let target = detail.split_ascii_whitespace().nth(1).map(str::to_owned);
            match (self.plan.is_cluster(), code, target) {
                (true, "MOVED", Some(target)) => self.slots.moved(slot, with_host(&target, &node)),
                (true, "ASK", Some(target)) => asking = Some(with_host(&target, &node)),
                _ => {
                    let fault = match replies.swap_remove(0) {
                        Value::ServerError(error) => Fault::Answered { at: node.clone(), error },
                        other => corrupt(format!("{node} answered {other:?}")),
                    };
                    if fault.ends_connection() {
                        self.drop_node(&node);
                    }
                    return Err(fault);
                }
            }
        }
        Err(unavailable("the nodes of the cluster send each other's callers in a circle"))
    }

    /// Sends commands to one node.
    fn at(&mut self, node: &str, commands: &[Cmd], points: Points) -> Result<Vec<Value>, Fault> {
        self.open_to(node)?;
        points.here("store.redis.connected");
        if self.given_up.load(Ordering::Relaxed) {
            return Err(unavailable("its time was over before it was sent"));
        }
        let Some(conn) = self.open.get_mut(node) else { return Err(unavailable(format!("{node} is gone"))) };
        conn.wait_at_most(self.hurry.unwrap_or_else(|| self.plan.deadline()))?;
        let replies = conn.ask(commands, points);
        if replies.is_err() {
            self.drop_node(node);
        }
        replies
    }

    /// A connection that broke may have led to a server that comes back as another.
    fn drop_node(&mut self, node: &str) {
        self.open.remove(node);
        (self.settled, self.is_outdated) = (false, true);
        self.slots = Slots::default();
    }

    fn dial(&self) -> Dial {
        Dial {
            credentials: self.plan.options.credentials.clone(),
            tls: self.plan.options.tls.clone(),
            database: self.plan.database(),
            patience: self.hurry.unwrap_or_else(|| self.plan.deadline()),
        }
    }

    /// Does something in a quarter of the time of the call, so that there is time left to do without it.
    pub(super) fn in_a_hurry<T>(&mut self, work: impl FnOnce(&mut Wire) -> T) -> T {
        let before = self.hurry.replace(self.plan.quarter());
        let done = work(self);
        self.hurry = before;
        done
    }

    /// Opens a connection, and makes sure of whom it leads to.
    fn connect(&mut self, node: &str) -> Result<Conn, Fault> {
        let mut conn = Conn::open(node, &self.dial())?;
        if self.plan.is_cluster() {
            return Ok(conn);
        }
        let role = list(conn.one(cmd("ROLE"))?)?.into_iter().next();
        let role = text(role.unwrap_or_default())?;
        if role != "master" {
            let other = if role == "slave" { "a replica" } else { &role };
            return Err(unavailable(format!("{node} is {other}, not a master that takes writes")));
        }
        let call = self.settling()?;
        let found = match conn.one(SETTLE.by_name(&call)) {
            Err(Fault::Answered { error, .. }) if error.code() == "NOSCRIPT" => conn.one(SETTLE.in_full(&call)),
            other => other,
        };
        self.settle(found?)?;
        Ok(conn)
    }

    /// Which node has a slot.
    pub(super) fn node(&mut self, slot: u16) -> Result<String, Fault> {
        if let Servers::Single { server, .. } = &self.plan.options.servers {
            return Ok(server.clone());
        }
        if let Some(sentinels) = &mut self.sentinels {
            let master = match self.master.take() {
                Some(master) => master,
                None => sentinels.master()?,
            };
            self.open.retain(|node, _| *node == master);
            return Ok(self.master.insert(master).clone());
        }
        if self.slots.is_empty() {
            self.learn()?;
        }
        if !self.settled {
            // Before anything else is asked: is it still the store it was?
            self.settled = true;
            let call = self.settling()?;
            let slot = slots::of(&self.plan.names.store());
            let found = self.script(&SETTLE, slot, &call, Lasting::No).and_then(|found| self.settle(found));
            self.settled = found.is_ok();
            found?;
        }
        let node = self.slots.node(slot).map(str::to_owned);
        node.ok_or_else(|| unavailable(format!("no node of the cluster has slot {slot}")))
    }

    /// Every node that holds data, for looking at its settings.
    pub(super) fn masters(&mut self) -> Result<Vec<String>, Fault> {
        let first = self.node(0)?;
        Ok(if self.plan.is_cluster() { self.slots.nodes() } else { vec![first] })
    }

    /// One command to one node, about no key.
    pub(super) fn ask_node(&mut self, node: &str, command: Cmd) -> Result<Value, Fault> {
        let reply = self.at(node, &[command], Points::Unnamed)?.pop().unwrap_or_default();
        match reply {
            Value::ServerError(error) => Err(Fault::Answered { at: node.to_owned(), error }),
            reply => Ok(reply),
        }
    }
}

/// Whether what a script writes must be on replicas before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasting {
    /// It only reads, or what it writes can be lost.
    No,
    /// It must.
    Yes,
    /// It must, and it is a batch: tests kill the process on its way.
    Batch,
}

impl Lasting {
    fn points(self) -> Points {
        if self == Lasting::Batch { Points::Named } else { Points::Unnamed }
    }

    /// Whether anything was written: a refusal needs no replica.
    fn is_done(reply: &Value) -> bool {
        match reply {
            Value::Int(written) => *written > 0,
            Value::Array(parts) => {
                matches!(parts.first(), Some(Value::BulkString(word)) if word == b"ok" || word == b"again")
            }
            _ => false,
        }
    }
}
