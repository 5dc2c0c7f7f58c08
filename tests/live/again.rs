//! An order that is given twice: it counts once, and is answered as it was the first time.

use rollgate::control::live::{Controller, Given};
use rollgate::control::{Ask, Command, Direct, Operate as _, PolicyRecord};
use rollgate::model::event::What;
use rollgate::model::operator::{Order, Verb};
use rollgate::ports::store::Store as _;

use crate::bench::{Hands as _, POLICY, Room, minute, policy};

fn order(verb: Verb, token: &str) -> Command {
    Command::order(Order { actor: "ana".into(), reason: "because".to_owned(), verb }, token)
}

fn adopt(policy: PolicyRecord, token: &str) -> Command {
    let ask = Ask::Adopt { policy: Box::new(policy) };
    Command { actor: "ana".into(), reason: "because".to_owned(), ask, token: token.to_owned() }
}

fn started(room: &Room) -> Controller {
    let mut controller = room.leader(minute(0));
    controller.starts(room, minute(0));
    controller
}

/// Seed 8011 of the simulation: its answer was lost, and the second was that it had been carried out.
#[test]
fn a_policy_that_was_turned_away_is_turned_away_again() {
    let room = Room::new();
    let mut controller = started(&room);
    let moved = policy(&POLICY.replace("\"off\"", "\"dark\"")).0;
    let first = controller.order(room.ports(), minute(1), &adopt(moved.clone(), "a"), false).unwrap();
    assert!(first.refused.is_some(), "{:?}", room.events());
    // Somebody writes in between: that is none of its entries.
    controller.told(&room, minute(2), Verb::Pause);
    let again = controller.order(room.ports(), minute(3), &adopt(moved.clone(), "a"), false).unwrap();
    assert_eq!((&again.refused, &again.entries), (&first.refused, &first.entries));
    assert!(again.notes.iter().any(|note| note.contains("refused before")), "{:?}", again.notes);
    let elsewhere = room.open(minute(4)).order(room.ports(), minute(4), &adopt(moved, "a"), false);
    assert!(elsewhere.is_err(), "it does not lead, and knows nothing of it");
    room.is_the_fold(&controller);
}

#[test]
fn an_order_that_was_carried_out_is_not_refused_when_it_comes_again() {
    let room = Room::new();
    let mut controller = started(&room);
    controller.told(&room, minute(1), Verb::Pause);
    let resume = order(Verb::Resume, "a");
    let first = controller.order(room.ports(), minute(2), &resume, false).unwrap();
    assert_eq!(first.refused, None);
    // There is nothing to resume any more.
    let again = controller.order(room.ports(), minute(3), &resume, false).unwrap();
    assert_eq!((&again.refused, &again.entries[..]), (&None, &first.entries[..1]), "{:?}", room.events());
    assert!(again.notes.iter().any(|note| note.contains("carried out before")), "{:?}", again.notes);
    let anew = controller.order(room.ports(), minute(3), &order(Verb::Resume, "b"), false).unwrap();
    assert!(anew.refused.is_some());
    room.is_the_fold(&controller);
}

#[test]
fn straight_on_the_store_an_order_is_answered_as_before_as_well() {
    let room = Room::new();
    let mut controller = started(&room);
    controller.told(&room, minute(1), Verb::Pause);
    room.store.release(&room.lease("one")).unwrap();
    let direct = Direct::new(&room.store, &room.actuator);
    let (resume, key) = (order(Verb::Resume, "a"), Room::key());
    let carried_out = direct.carry_out(&key, &resume, minute(2), false).unwrap();
    assert_eq!(carried_out.refused, None);
    let again = direct.carry_out(&key, &resume, minute(3), false).unwrap();
    assert_eq!((again.refused, again.plan, again.entries.len()), (None, None, 1));
    let refused = direct.carry_out(&key, &order(Verb::Resume, "b"), minute(3), false).unwrap();
    direct.carry_out(&key, &order(Verb::Pause, "c"), minute(4), false).unwrap();
    let again = direct.carry_out(&key, &order(Verb::Resume, "b"), minute(5), false).unwrap();
    assert!(again.refused.is_some() && again.refused == refused.refused);
    assert_eq!(room.count(|what| matches!(what, What::Refused { .. })), 1);
}

/// What an order came to is what was written for it, not what others wrote while it raced them.
#[test]
fn the_entries_of_an_order_are_its_own() {
    let room = Room::new();
    let mut controller = started(&room);
    controller.feed(room.ports(), minute(1), Given::Tick);
    // It has only just looked.
    let direct = Direct::new(&room.store, &room.actuator);
    let back = order(Verb::RollBack { to: None }, "another's");
    let others = direct.carry_out(&Room::key(), &back, minute(1), false).unwrap();
    let outcome = controller.order(room.ports(), minute(1), &order(Verb::Pause, "a"), false).unwrap();
    let shared = outcome.entries.iter().filter(|entry| others.entries.contains(entry)).count();
    assert_eq!((shared, outcome.refused), (0, None), "{:?}", outcome.entries);
    controller.feed(room.ports(), minute(3), Given::Tick);
    room.is_the_fold(&controller);
}

/// Seed 172 of the simulation: she was told that it was refused, and it was done.
#[test]
fn an_order_is_not_refused_because_a_policy_that_waited_is_turned_away_on_the_way() {
    let room = Room::new();
    let pinned = format!("pin = true\n{}", POLICY.trim_start());
    let (record, compiled) = policy(&pinned);
    let mut controller = Controller::open(room.ports(), &Room::key(), Some((&record, compiled)), minute(0)).unwrap();
    controller.lead(Some(room.lease("one")));
    let ask = Ask::Start { policy: Box::new(record), revision: "r1".into() };
    let start = Command { actor: "ana".into(), reason: "weekly".to_owned(), ask, token: "start".to_owned() };
    controller.order(room.ports(), minute(0), &start, false).unwrap();
    let (moved, compiled) = policy(&pinned.replace("\"canary\"", "\"half\""));
    controller.feed(room.ports(), minute(1), Given::Policy(&moved, compiled));
    controller.reads(&room, minute(1), 0.1);
    for _ in 0..2 {
        let advance = order(Verb::Advance, "a");
        let outcome = controller.order(room.ports(), minute(1), &advance, false).unwrap();
        assert_eq!((outcome.refused, room.stage().as_str()), (None, "canary"), "{:?}", room.events());
    }
    assert_eq!(room.count(|what| matches!(what, What::PolicyRejected { .. })), 1, "{:?}", room.events());
    room.is_the_fold(&controller);
}
