//! What the ledger is told of how things look, although the store was away, somebody else wrote, or another led.

use rollgate::control::live::Given;
use rollgate::control::{Command, Direct};
use rollgate::model::event::What;
use rollgate::model::ids::Actor;
use rollgate::model::operator::{Order, Verb};

use crate::bench::{Hands as _, POLICY, Room, in_canary, minute, rolled_back};

/// The last word of the ledger on the only check.
fn said(room: &Room) -> Option<String> {
    room.entries().iter().rev().find_map(|entry| match &entry.record().what {
        What::FindingChanged { to, .. } => Some(to.clone()),
        _ => None,
    })
}

fn told_of_silence(what: &What) -> bool {
    matches!(what, What::UnknownTooLong { .. })
}

#[test]
fn what_was_not_said_in_an_outage_is_made_up_for() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    room.store_is_away(true);
    controller.reads(&room, minute(6), 9.0);
    room.store_is_away(false);
    let before = room.entries().len();
    controller.waits(&room, minute(7));
    assert_eq!(said(&room).as_deref(), Some("pending"), "{:?}", room.events());
    let answers = room.entries().split_off(before);
    assert!(answers.iter().any(|entry| matches!(entry.record().what, What::DecisionChanged { .. })));
    room.is_the_fold(&controller);
}

#[test]
fn whoever_was_to_be_woken_in_an_outage_is_woken_when_it_is_over_and_once() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    room.store_is_away(true);
    controller.waits(&room, minute(20));
    assert_eq!(room.count(told_of_silence), 0);
    room.store_is_away(false);
    controller.waits(&room, minute(30));
    assert_eq!(room.count(told_of_silence), 1, "{:?}", room.events());
    assert_eq!(said(&room).as_deref(), Some("unknown"));
    room.is_the_fold(&controller);
}

#[test]
fn what_another_overtook_is_said_after_it() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    let order = Order { actor: "bob".into(), reason: "wait".to_owned(), verb: Verb::RollBack { to: None } };
    let direct = Direct::new(&room.store, &room.actuator);
    use rollgate::control::Operate as _;
    direct.carry_out(&Room::key(), &Command::order(order, "bob-1"), minute(6), false).unwrap();
    // It has not looked since: what it says comes after the roll back, and of the same reading.
    controller.reads(&room, minute(6), 9.0);
    assert_eq!((room.count(rolled_back), said(&room).as_deref()), (1, Some("pending")), "{:?}", room.events());
    room.is_the_fold(&controller);
}

#[test]
fn whoever_takes_over_says_what_the_one_before_it_could_not() {
    let room = Room::new();
    let mut leader = in_canary(&room);
    let mut follower = room.open(minute(5));
    follower.reads(&room, minute(5), 0.1);
    room.store_is_away(true);
    leader.reads(&room, minute(6), 9.0);
    drop(leader);
    room.store_is_away(false);
    follower.reads(&room, minute(6), 9.0);
    let before = room.entries().len();
    follower.lead(Some(room.lease("one")));
    follower.feed(room.ports(), minute(6), Given::Tick);
    assert_eq!(said(&room).as_deref(), Some("pending"), "{:?}", room.events());
    // What is said is not said again.
    let after = room.entries().len();
    follower.feed(room.ports(), minute(6), Given::Tick);
    assert!(after > before && room.entries().len() == after);
    room.is_the_fold(&follower);
}

/// A person's `advance`, at the very moment at which a breach is found: nobody is told that it was done.
#[test]
fn an_advance_that_finds_a_breach_is_refused_and_the_breach_taken_back() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    let frame = |at| crate::bench::frame(&controller, minute(at), 9.0);
    let frames = [frame(6), frame(7), frame(8)];
    // Heard before this process began, and looked at now.
    for frame in &frames {
        controller.recall(frame.time, frame);
    }
    controller.recalled();
    let outcome = controller.told(&room, minute(8), Verb::Advance);
    assert!(outcome.refused.is_some_and(|why| why.contains("latched")), "{:?}", room.events());
    room.is_taken_back();
    room.is_the_fold(&controller);
}

/// A clock was ahead, so the roll back and the resume are of one instant for the ledger: what was said between the two is
/// of before, and not heard as the last word on what is seen since.
#[test]
fn what_was_said_before_a_resume_is_not_taken_for_what_is_said_of_after_it() {
    let room = Room::new();
    let warns = POLICY
        .trim_start()
        .replace("\n[[stages]]\nname = \"off\"", "p2 = { above = \"1%\" }\n\n[[stages]]\nname = \"off\"");
    let mut controller = room.open_under(&warns, minute(0));
    controller.lead(Some(room.lease("one")));
    controller.starts_under(&warns, &room, minute(0));
    for at in 0..=5 {
        controller.reads(&room, minute(at), 0.1);
    }
    controller.told(&room, minute(5), Verb::Advance);
    controller.told(&room, minute(100), Verb::RollBack { to: Some("canary".into()) });
    for (at, errors) in [(6, 2.0), (7, 2.0), (8, 0.1)] {
        controller.reads(&room, minute(at), errors);
    }
    assert_eq!(said(&room).as_deref(), Some("clearing"), "{:?}", room.events());
    let entered_at = controller.rollout().state.entered_at;
    controller.told(&room, minute(8), Verb::Resume);
    assert_eq!(controller.rollout().state.entered_at, entered_at, "the clock was ahead of now");
    let before = room.entries().len();
    room.store_is_away(true);
    for (at, errors) in [(9, 2.0), (10, 2.0), (11, 0.1)] {
        controller.reads(&room, minute(at), errors);
    }
    room.store_is_away(false);
    controller.waits(&room, minute(12));
    let since = room.entries().split_off(before);
    let says = |what: &What| matches!(what, What::FindingChanged { to, .. } if to == "clearing");
    assert!(since.iter().any(|entry| says(&entry.record().what)), "{:?}", room.events());
    room.is_the_fold(&controller);
}

/// A long stage has many entries: heartbeats, denials, mutes.
#[test]
fn whoever_starts_again_knows_what_was_said_however_long_ago_in_the_stage() {
    let room = Room::new();
    let mut first = in_canary(&room);
    first.reads(&room, minute(6), 9.0);
    assert_eq!(said(&room).as_deref(), Some("pending"));
    let denial = || What::Refused {
        verb: "advance".to_owned(),
        by: Actor::new("eve"),
        reason: String::new(),
        why: "no token".to_owned(),
    };
    // More than are read at once.
    for _ in 0..2100 {
        first.note(room.ports(), minute(6), denial()).unwrap();
    }
    drop(first);
    let mut next = room.open(minute(7));
    next.recalled();
    next.lead(Some(room.lease("one")));
    next.reads(&room, minute(7), 0.1);
    assert_eq!(said(&room).as_deref(), Some("ok"), "the ledger's word is still of before");
    room.is_the_fold(&next);
}
