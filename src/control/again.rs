//! An order that is given twice takes effect once, and is answered as it was the first time: whoever did not hear that it
//! was refused must not hear that it was carried out, nor the other way round.

use crate::ledger::Entry;
use crate::model::event::What;
use crate::ports::store::{Store, StoreError};

use super::command::{Ask, Command, Outcome};
use super::load::PAGE;

/// What came of `command` the first time goes into `outcome`; `end` is the last entry that was written then.
///
/// # Errors
/// The store's: nobody knows what came of it, and it may be asked once more.
pub(super) fn answer(store: &dyn Store, command: &Command, end: u64, outcome: &mut Outcome) -> Result<(), StoreError> {
    let from = end.saturating_add(1).saturating_sub(PAGE as u64);
    let then = store.entries(&outcome.key, from, PAGE)?;
    let theirs = then.into_iter().rev().find(|entry| entry.record().seq <= end && is_of(entry, command));
    outcome.refused = theirs.as_ref().and_then(|entry| command.why_refused(&entry.record().what)).cloned();
    outcome.after.clone_from(&outcome.before);
    outcome.entries = theirs.into_iter().collect();
    (outcome.plan, outcome.waits) = (None, Vec::new());
    outcome.notes.push(match outcome.refused {
        None => "this very order was carried out before".to_owned(),
        Some(_) => "this very order was refused before".to_owned(),
    });
    Ok(())
}

/// Whether an entry bears the name and the reason of whoever gave the command, whatever the spool added to that, and is
/// about what they asked for: policies come and go with other commands than `adopt`.
fn is_of(entry: &Entry, command: &Command) -> bool {
    let of_policies = matches!(entry.record().what, What::PolicyChanged { .. } | What::PolicyRejected { .. });
    if of_policies && !matches!(command.ask, Ask::Adopt { .. }) {
        return false;
    }
    let (record, reason) = (entry.record(), command.reason.as_str());
    let same = record.reason.starts_with(reason) || reason.starts_with(&record.reason);
    record.actor == command.actor && !record.reason.is_empty() && same
}
