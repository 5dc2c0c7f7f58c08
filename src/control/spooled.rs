//! Carrying out what waited in the spool, as soon as a store takes it again.

use crate::ledger::hash::Key;
use crate::model::ids::Actor;
use crate::model::operator::{Order, Verb};
use crate::model::time::Time;
use crate::ports::crash;
use crate::ports::spool::{Spool, Spooled};

use super::command::{Command, Operate, OperateError};
use super::direct::Direct;

/// Who writes down what was done alone and that no order accounts for.
const SPOOL: &str = "rollgate-spool";
/// By so many generations a ledger may be behind: a controller takes back a few times alone, never often.
const MOST_BEHIND: u32 = 16;

/// Carries out every order of `spool`, oldest first, and empties it; one sentence each. An order that was carried out
/// before (a crash came between that and emptying the spool) is known by its name and counts once.
///
/// # Errors
/// The store's: then everything still waits.
pub fn replay(direct: &Direct<'_>, spool: &dyn Spool, now: Time) -> Result<Vec<String>, OperateError> {
    let waiting = spool.waiting()?;
    let mut told: Vec<String> = waiting.damage.iter().map(|what| format!("{}: {what}", spool.place())).collect();
    if waiting.orders.is_empty() && told.is_empty() {
        return Ok(told);
    }
    for order in &waiting.orders {
        let keys: Vec<Key> = direct.rollouts()?.into_iter().filter(|key| is_meant(order, key)).collect();
        if keys.is_empty() {
            let (verb, by) = (order.order.verb.name(), &order.order.actor);
            told.push(format!("{verb} by {by}, given at {}: passed over, no such rollout is in this store", order.at));
        }
        for key in &keys {
            told.push(carry_out(direct, order, key, now)?);
        }
    }
    crash::here("spool.replayed");
    spool.clear(&waiting)?;
    Ok(told)
}

/// Whether `order` is about `key`.
#[must_use]
pub fn is_meant(order: &Spooled, key: &Key) -> bool {
    order.rollout.as_ref().is_none_or(|rollout| *rollout == key.rollout)
        && order.environment.as_ref().is_none_or(|environment| *environment == key.environment)
}

/// Carries one order out; a sentence on what came of it.
///
/// # Errors
/// The store's: then it still waits.
pub fn carry_out(direct: &Direct<'_>, spooled: &Spooled, key: &Key, now: Time) -> Result<String, OperateError> {
    let mut order = spooled.order.clone();
    order.reason = format!("{} (given at {}, waited in the spool)", order.reason, spooled.at);
    let what = format!("{key}: {} by {}, given at {}", order.verb.name(), order.actor, spooled.at);
    let command = Command::order(order, spooled.id.clone());
    let outcome = direct.carry_out(key, &command, now, false)?;
    let further = follow(direct, spooled, key, now)?;
    Ok(match outcome.refused {
        Some(why) => format!("{what}: refused, {why}{further}"),
        None => format!("{what}: carried out{further}"),
    })
}

/// Whoever carried the order out alone did so under a generation of its own. Where the ledger's is older still (it had
/// the order from another controller already, so it counted once), every receiver would refuse what the ledger says next:
/// the ledger takes back as often as was taken back.
fn follow(direct: &Direct<'_>, spooled: &Spooled, key: &Key, now: Time) -> Result<&'static str, OperateError> {
    let Some(acted) = spooled.acted else { return Ok("") };
    let mut further = "";
    for nth in 1..=MOST_BEHIND {
        let stands = direct.rollout(key)?.state.generation;
        if stands >= acted {
            break;
        }
        let reason = format!("generation {acted} was carried out while the store refused");
        let order = Order { actor: Actor::new(SPOOL), reason, verb: Verb::RollBack { to: None } };
        direct.carry_out(key, &Command::order(order, format!("{}-{nth}", spooled.id)), now, false)?;
        further = "; the ledger was behind what is shown, and took back again";
    }
    Ok(further)
}
