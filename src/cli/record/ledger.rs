//! What the ledger says of the time that is recorded.

use crate::cli::operate::explained;
use crate::cli::reach::{Reach, for_each};
use crate::control::load::genesis;
use crate::control::{Operate as _, PolicyRecord};
use crate::fixture::record::Told;
use crate::fixture::record::opening::Begins;
use crate::ledger::hash::Key;
use crate::model::state::RolloutState;

/// Entries, and the state before the first of them.
pub(super) struct Ledger {
    pub(super) base: RolloutState,
    pub(super) told: Vec<Told>,
}

/// Who acts when nobody asked.
const MACHINE: &str = "rollgate";

/// All there is; nothing without anybody to ask.
pub(super) fn told(reach: Option<&Reach>, key: &Key) -> anyhow::Result<Ledger> {
    let mut told = Vec::new();
    let mut first = None;
    let Some(reach) = reach else { return Ok(Ledger { base: genesis(), told }) };
    for_each(reach, key, |entry| {
        let record = entry.record();
        first.get_or_insert(record.seq);
        let by_itself = record.actor.as_str() == MACHINE;
        told.push(Told { event: record.event(), by: record.actor.clone(), reason: record.reason.clone(), by_itself });
    })?;
    let base = match (reach, first) {
        // What retention dropped is folded into the checkpoint it left.
        (Reach::Store(session), Some(first)) if first > 1 => session
            .store
            .checkpoint(key, first.saturating_sub(1))
            .map_err(|error| explained(error.into()))?
            .map_or_else(genesis, |base| base.state().clone()),
        _ => genesis(),
    };
    Ok(Ledger { base, told })
}

/// The policy that judged it at its beginning.
pub(super) fn policy(reach: Option<&Reach>, begins: &Begins) -> anyhow::Result<Option<Box<PolicyRecord>>> {
    let (Some(reach), Some(digest)) = (reach, &begins.policy) else { return Ok(None) };
    let record = match reach {
        Reach::Store(session) => session.direct().policy(digest),
        Reach::Controller(client) => client.policy(digest),
    };
    Ok(record.map_err(explained)?.map(Box::new))
}
