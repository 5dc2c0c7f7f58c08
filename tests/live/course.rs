//! The ordinary course: a revision starts, bakes, advances, is taken back.

use std::sync::atomic::Ordering;

use rollgate::model::event::What;
use rollgate::model::operator::Verb;

use crate::bench::{Hands as _, Room, entered, minute, rolled_back, second};

#[test]
fn a_policy_is_recorded_before_anything_starts_under_it() {
    let room = Room::new();
    let controller = room.leader(minute(0));
    assert_eq!(room.events().first().map(String::as_str), Some("\"policy-changed\""));
    room.is_the_fold(&controller);
}

#[test]
fn a_served_bake_advances_and_the_exposure_is_confirmed() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    let outcome = controller.starts(&room, minute(0));
    assert_eq!(outcome.refused, None);
    assert_eq!(room.stage(), "off");
    for at in 0..=5 {
        controller.reads(&room, minute(at), 0.1);
    }
    assert_eq!(room.stage(), "canary");
    assert_eq!(room.count(entered), 1);
    assert_eq!(room.count(|what| matches!(what, What::Applied { .. })), 2);
    room.is_the_fold(&controller);
}

#[test]
fn a_breach_that_lasts_takes_it_back_once() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    for at in 0..=5 {
        controller.reads(&room, minute(at), 0.1);
    }
    for at in 6..20 {
        controller.reads(&room, minute(at), 9.0);
    }
    assert_eq!(room.count(rolled_back), 1);
    assert_eq!(room.stage(), "off");
    let plans = room.actuator.plans.lock().unwrap();
    assert_eq!(plans.iter().map(|plan| plan.generation.0).collect::<Vec<_>>(), [1, 2, 3]);
    drop(plans);
    room.is_the_fold(&controller);
}

#[test]
fn silence_holds_however_long_it_lasts() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    for at in 0..=5 {
        controller.reads(&room, minute(at), 0.1);
    }
    controller.waits(&room, minute(600));
    assert_eq!((room.stage().as_str(), room.count(entered)), ("canary", 1));
    assert_eq!(room.count(|what| matches!(what, What::UnknownTooLong { .. })), 1);
    room.is_the_fold(&controller);
}

#[test]
fn a_reply_that_is_lost_is_not_an_advance_that_is_lost_or_done_twice() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    for at in 0..5 {
        controller.reads(&room, minute(at), 0.1);
    }
    room.store.loses_reply.store(true, Ordering::SeqCst);
    controller.reads(&room, minute(5), 0.1);
    controller.waits(&room, second(310));
    assert_eq!((room.stage().as_str(), room.count(entered)), ("canary", 1));
    room.is_the_fold(&controller);
    assert_eq!(room.actuator.plans.lock().unwrap().last().unwrap().generation.0, 2);
}

#[test]
fn orders_are_judged_with_the_readings_at_hand() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    // Nobody sees the change in the first stage: there is nothing to look at yet.
    controller.told(&room, second(1), Verb::Advance);
    let blind = controller.told(&room, second(2), Verb::Advance);
    assert!(blind.refused.is_some_and(|why| why.contains("error_rate")));
    controller.reads(&room, second(3), 0.1);
    let seen = controller.told(&room, second(4), Verb::Advance);
    assert_eq!((seen.refused, room.stage().as_str()), (None, "full"));
    assert!(seen.applied.is_some_and(|applied| applied.is_ok()));
    room.is_the_fold(&controller);
}

#[test]
fn the_same_order_given_twice_counts_once() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    controller.told(&room, minute(1), Verb::Emergency);
    let again = controller.told(&room, minute(1), Verb::Emergency);
    assert_eq!(room.count(rolled_back), 1);
    assert!(again.notes.iter().any(|note| note.contains("before")));
    room.is_the_fold(&controller);
}

#[test]
fn a_dry_run_writes_nothing_and_says_what_would_be() {
    use rollgate::control::Command;
    use rollgate::model::operator::Order;
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    let before = room.entries().len();
    let order = Order { actor: "ana".into(), reason: "look".to_owned(), verb: Verb::Emergency };
    let outcome = controller.order(room.ports(), minute(1), &Command::order(order, "t"), true).unwrap();
    assert!(outcome.plan.is_some());
    assert_eq!(room.entries().len(), before);
    room.is_the_fold(&controller);
}
