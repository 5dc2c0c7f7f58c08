//! A ledger that a controller sends, read page by page and verified here: what was changed on the way, or by whoever
//! sends it, breaks a seal or the chain.

use crate::control::{OperateError, keep};
use crate::daemon::client::Client;
use crate::daemon::wire::CheckBody;
use crate::engine;
use crate::ledger::export::End;
use crate::ledger::hash::Key;
use crate::ledger::verify::Walk;
use crate::ledger::{Checkpoint, Entry, Head, Verified};
use crate::model::state::RolloutState;

use super::operate::explained;

/// A ledger that was read.
pub(super) struct Sent {
    /// As far as it is whole.
    pub(super) chain: Verified,
    /// The fold of what was read.
    pub(super) state: RolloutState,
    /// What is wrong with what was sent, found here.
    pub(super) broken: Option<String>,
    /// What the controller says is wrong with its store.
    pub(super) theirs: Vec<String>,
}

/// What the first page says.
struct Begun {
    check: CheckBody,
    base: Option<Checkpoint>,
    page: (Vec<String>, Option<u64>),
}

/// Reads a ledger up to entry `until`; every line that is sound so far is handed to `each`, the checkpoint it begins at
/// first.
pub(super) fn read(
    client: &Client,
    key: &Key,
    until: u64,
    each: &mut dyn FnMut(&str) -> std::io::Result<()>,
) -> anyhow::Result<Sent> {
    let begun = match begin(client, key)? {
        Ok(begun) => begun,
        Err(sent) => return Ok(*sent),
    };
    let Begun { check, base, page: (mut lines, mut next) } = begun;
    let mut reader = Reader { key, check: &check, state: state_of(base.as_ref()), walk: Walk::new(key, None) };
    if let Some(base) = &base {
        reader.walk = Walk::new(key, Some(base));
        each(base.line())?;
    }
    loop {
        for line in &lines {
            match reader.line(line, until) {
                Ok(true) => each(line)?,
                Ok(false) => return Ok(reader.end(None)),
                Err(broken) => return Ok(reader.end(Some(broken))),
            }
        }
        let Some(from) = next else { break };
        (lines, next) = client.lines(key, from).map_err(explained)?;
    }
    let missing = reader.missing(until);
    Ok(reader.end(missing))
}

fn state_of(base: Option<&Checkpoint>) -> RolloutState {
    base.map_or_else(crate::control::load::genesis, |base| base.state().clone())
}

/// The checkpoint that the chain begins at comes with the controller's own check. Pruning between the two looks like a
/// hole, so it is asked once more.
fn begin(client: &Client, key: &Key) -> anyhow::Result<Result<Begun, Box<Sent>>> {
    let mut again = true;
    loop {
        let check = client.check(key).map_err(explained)?;
        let base = match check.base() {
            Ok(base) => base,
            Err(why) => {
                let chain = Verified { entries: 0, from: 0, head: Head::genesis(key) };
                let broken = Some(format!("the checkpoint that it begins at: {why}"));
                let sent = Sent { chain, state: state_of(None), broken, theirs: check.problems };
                return Ok(Err(Box::new(sent)));
            }
        };
        let page = client.lines(key, 0).map_err(explained)?;
        let first = page.0.first().and_then(|line| Entry::parse(line).ok()).map(|entry| entry.record().seq);
        let due = base.as_ref().map_or(0, |base| base.head().seq).saturating_add(1);
        if first.is_none_or(|first| first == due) || !std::mem::take(&mut again) {
            return Ok(Ok(Begun { check, base, page }));
        }
    }
}

struct Reader<'a> {
    key: &'a Key,
    check: &'a CheckBody,
    state: RolloutState,
    walk: Result<Walk, crate::ledger::Broken>,
}

impl Reader<'_> {
    /// Whether the line is one that was wanted.
    fn line(&mut self, line: &str, until: u64) -> Result<bool, String> {
        let walk = self.walk.as_mut().map_err(|broken| broken.to_string())?;
        let due = walk.head().seq.saturating_add(1);
        let entry = Entry::parse(line).map_err(|why| format!("entry {due}: {why}"))?;
        if entry.record().seq > until && due > until {
            return Ok(false);
        }
        walk.step(&entry).map_err(|broken| broken.to_string())?;
        let head = &self.check.head;
        if walk.head().seq == head.seq && walk.head().hash != head.hash {
            let (said, sent) = (head.hash.short(), walk.head().hash.short());
            return Err(format!("entry {}: the controller says that it ends in {said}, and sent {sent}", head.seq));
        }
        let before = std::mem::replace(&mut self.state, state_of(None));
        self.state = engine::fold(before, &entry.record().event());
        Ok(true)
    }

    /// What should have been sent and was not.
    fn missing(&self, until: u64) -> Option<String> {
        let walk = match &self.walk {
            Ok(walk) => walk,
            Err(broken) => return Some(broken.to_string()),
        };
        let due = until.min(self.check.head.seq);
        (walk.head().seq < due).then(|| format!("entries end at {}, and should end at {due}", walk.head().seq))
    }

    fn end(self, broken: Option<String>) -> Sent {
        let nothing = Verified { entries: 0, from: 0, head: Head::genesis(self.key) };
        let chain = self.walk.map_or(nothing, |walk| walk.end());
        Sent { chain, state: self.state, broken, theirs: self.check.problems.clone() }
    }
}

/// Writes one chain as an export, as it comes in. Where it breaks, the line that says where it ends is not written: nobody
/// takes what there is for all of it.
pub(super) fn export(client: &Client, key: &Key, until: u64, out: &mut dyn std::io::Write) -> anyhow::Result<Sent> {
    let sent = read(client, key, until, &mut |line| writeln!(out, "{line}"))?;
    if sent.broken.is_none() {
        writeln!(out, "{}", End { end: sent.chain.head.clone(), key: key.clone() }.line())?;
    }
    Ok(sent)
}

/// Every policy that a controller has.
pub(super) fn policies(client: &Client) -> anyhow::Result<Vec<crate::control::PolicyRecord>> {
    use crate::control::Operate as _;
    let read = || -> Result<Vec<_>, OperateError> {
        let mut found = Vec::new();
        for digest in client.policies()? {
            found.extend(client.policy(&digest)?);
        }
        Ok(found)
    };
    read().map_err(explained)
}

/// A whole store as its controller sends it: each chain up to where what is exposed was said to be so.
pub(super) fn export_all(client: &Client, out: &mut dyn std::io::Write) -> anyhow::Result<Vec<(Key, Sent)>> {
    keep::export_policies(policies(client)?, out)?;
    let (mut all, mut exposures) = (Vec::new(), Vec::new());
    for row in client.rows().map_err(explained)? {
        let standing = row.standing;
        let sent = match standing.last_entry.0 {
            // Nothing was ever recorded: it is not in the store.
            0 => continue,
            until => export(client, &standing.key, until, out)?,
        };
        let generation = sent.state.generation;
        let exposed = crate::ports::store::Exposed { generation, exposures: standing.exposures };
        exposures.push((standing.key.clone(), exposed));
        all.push((standing.key, sent));
    }
    keep::export_exposures(exposures, out)?;
    Ok(all)
}
