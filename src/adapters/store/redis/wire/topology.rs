//! Which node of a cluster has what. One thread learns it for all; a node that did not answer is asked last.

use std::collections::HashSet;
use std::sync::{MutexGuard, PoisonError};

use redis::{Value, cmd};

use super::super::conn::Conn;
use super::super::fault::{Fault, corrupt, unavailable};
use super::super::options::Servers;
use super::super::slots::Slots;
use super::super::values::{count, list, text};
use super::Wire;

/// What is known of a cluster.
#[derive(Debug, Default)]
pub(super) struct Known {
    slots: Slots,
    /// Nodes that did not answer the last time they were asked who has what.
    silent: HashSet<String>,
}

impl Wire {
    fn known(&self) -> MutexGuard<'_, Known> {
        // Every change is one assignment.
        self.plan.cluster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks any node of the cluster who has what, unless another thread did.
    pub(super) fn learn(&mut self) -> Result<(), Fault> {
        let known = self.known().slots.clone();
        if !known.is_empty() && !self.is_outdated {
            self.slots = known;
            return Ok(());
        }
        let Servers::Cluster { nodes } = &self.plan.options.servers else { return Ok(()) };
        let mut seeds: Vec<String> = nodes.iter().cloned().chain(known.nodes()).collect();
        let silent = self.known().silent.clone();
        seeds.sort_by_key(|seed| silent.contains(seed));
        let mut last: Option<Fault> = None;
        for seed in seeds {
            match self.in_a_hurry(|wire| wire.learn_from(&seed)) {
                Ok(slots) if !slots.is_empty() => {
                    let nodes = slots.nodes();
                    self.open.retain(|node, _| nodes.contains(node));
                    let mut known = self.known();
                    known.silent.remove(&seed);
                    known.slots = slots.clone();
                    drop(known);
                    (self.slots, self.is_outdated) = (slots, false);
                    return Ok(());
                }
                Ok(_) => last = Some(unavailable(format!("{seed} knows no node that has slots"))),
                Err(fault) => {
                    self.known().silent.insert(seed);
                    // One that may answer later is worth waiting for.
                    if last.as_ref().is_none_or(|last| last.lasts() || !fault.lasts()) {
                        last = Some(fault);
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| unavailable("the cluster has no nodes")))
    }

    fn learn_from(&mut self, seed: &str) -> Result<Slots, Fault> {
        let mut conn = match self.open.remove(seed) {
            Some(conn) => conn,
            None => Conn::open(seed, &self.dial())?,
        };
        conn.wait_at_most(self.plan.quarter())?;
        let mut all = cmd("CLUSTER");
        all.arg("SLOTS");
        let mut slots = Slots::default();
        for range in list(conn.one(all)?)? {
            let mut range = list(range)?.into_iter();
            let mut bound = || count(range.next().unwrap_or_default());
            let (first, last) = (bound()?, bound()?);
            let mut node = list(range.next().unwrap_or_default())?.into_iter();
            let host = node.next().unwrap_or_default();
            let host = if host == Value::Nil { String::new() } else { text(host)? };
            let port = text(node.next().unwrap_or_default())?;
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            let slot = |bound| u16::try_from(bound).map_err(|_| corrupt("a cluster has no such slot"));
            slots.put(slot(first)?, slot(last)?, with_host(&format!("{host}:{port}"), seed));
        }
        self.open.insert(seed.to_owned(), conn);
        Ok(slots)
    }
}

/// A node names its own address without a host when it does not know it.
pub(super) fn with_host(target: &str, asked: &str) -> String {
    match target.strip_prefix(':') {
        Some(port) => format!("{}:{port}", asked.rsplit_once(':').map_or(asked, |(host, _)| host)),
        None => target.to_owned(),
    }
}
