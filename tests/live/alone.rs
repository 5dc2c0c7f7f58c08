//! Without the lease, and without the store.

use rollgate::control::live::{Controller, Given};
use rollgate::control::{Command, OperateError, Phase};
use rollgate::model::operator::{Order, Verb};
use rollgate::ports::spool::Spool as _;
use rollgate::ports::store::StoreError;

use crate::bench::{Hands as _, POLICY, Room, entered, frame, in_canary, minute, rolled_back, second};

#[test]
fn without_the_lease_nothing_advances_and_nothing_is_recorded() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    controller.lead(None);
    let before = room.entries().len();
    for at in 6..40 {
        controller.reads(&room, minute(at), 0.1);
    }
    assert_eq!((room.stage().as_str(), room.entries().len()), ("canary", before));
}

#[test]
fn without_the_store_nothing_advances() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    room.store_is_away(true);
    for at in 6..40 {
        controller.reads(&room, minute(at), 0.1);
    }
    room.store_is_away(false);
    assert_eq!((room.stage().as_str(), room.count(entered)), ("canary", 1));
    // It is back: the advance that was due is made, once.
    controller.waits(&room, minute(40));
    controller.reads(&room, minute(41), 0.1);
    assert_eq!((room.stage().as_str(), room.count(entered)), ("full", 2));
    room.is_the_fold(&controller);
}

#[test]
fn without_the_store_a_breach_is_taken_back_and_recorded_when_it_returns() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    room.store_is_away(true);
    for at in 6..12 {
        controller.reads(&room, minute(at), 9.0);
    }
    assert_eq!(room.spool.waiting().unwrap().orders.len(), 1);
    let last = room.actuator.plans.lock().unwrap().last().unwrap().clone();
    assert_eq!(last.generation.0, 3);
    assert_eq!(controller.stands(minute(12)).phase, Phase::RollingBack);
    room.store_is_away(false);
    controller.waits(&room, minute(13));
    room.is_taken_back();
    assert!(room.spool.waiting().unwrap().orders.is_empty());
    room.is_the_fold(&controller);
}

#[test]
fn a_follower_takes_a_breach_back_at_once_when_nobody_leads() {
    let room = Room::new();
    let mut leader = in_canary(&room);
    let mut follower = room.open(minute(5));
    room.gives_up("one");
    leader.lead(None);
    for at in 6..9 {
        follower.reads(&room, minute(at), 9.0);
    }
    room.is_taken_back();
}

/// The leader's own source may be silent.
#[test]
fn a_follower_leaves_a_breach_to_whoever_leads_for_a_moment_and_then_takes_it_back_itself() {
    let room = Room::new();
    let mut leader = in_canary(&room);
    let mut follower = room.open(minute(5));
    for at in 6..9 {
        follower.reads(&room, minute(at), 9.0);
    }
    assert_eq!(room.count(rolled_back), 0, "the leader has the lease");
    follower.waits(&room, second(8 * 60 + 3));
    room.is_taken_back();
    leader.waits(&room, second(8 * 60 + 5));
    assert!(leader.rollout().state.applied_at.is_some(), "whoever leads confirms it");
    room.is_the_fold(&leader);
}

#[test]
fn whoever_never_saw_a_reading_takes_nothing_back() {
    let room = Room::new();
    let _leader = in_canary(&room);
    let mut blind = room.open(minute(5));
    room.store_is_away(true);
    blind.waits(&room, minute(120));
    room.store_is_away(false);
    assert_eq!(room.count(rolled_back), 0);
    assert!(room.spool.waiting().unwrap().orders.is_empty());
}

#[test]
fn a_leader_that_was_overtaken_steps_down_and_stands_where_the_other_led() {
    let room = Room::new();
    let mut old = in_canary(&room);
    room.gives_up("one");
    let mut new = room.open(minute(6));
    new.lead(Some(room.lease("two")));
    new.reads(&room, minute(6), 0.1);
    new.told(&room, minute(7), Verb::Pause);
    for at in 6..30 {
        old.reads(&room, minute(at), 0.1);
    }
    assert_eq!((room.stage().as_str(), room.count(entered)), ("canary", 1));
    assert!(!old.leads());
    assert!(old.machine().unwrap().state().paused.is_some());
    room.is_the_fold(&new);
}

#[test]
fn an_order_that_cannot_be_recorded_did_not_happen_but_a_roll_back_does() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    room.store_is_away(true);
    let order = |verb: Verb, token: &str| {
        Command::order(Order { actor: "ana".into(), reason: "because".to_owned(), verb }, token)
    };
    let paused = controller.order(room.ports(), minute(6), &order(Verb::Pause, "a"), false);
    assert!(matches!(paused, Err(OperateError::Store(StoreError::Unavailable(_)))), "{paused:?}");
    assert!(controller.machine().unwrap().state().paused.is_none());
    let back = controller.order(room.ports(), minute(6), &order(Verb::Emergency, "b"), false).unwrap();
    assert!(back.applied.is_some_and(|applied| applied.is_ok()));
    assert!(back.notes.iter().any(|note| note.contains("spool") || note.contains("waits")), "{:?}", back.notes);
    room.store_is_away(false);
    controller.feed(room.ports(), second(380), Given::Tick);
    controller.waits(&room, minute(8));
    room.is_taken_back();
    room.is_the_fold(&controller);
}

/// What nobody hears takes the rollout back after two minutes.
const SILENCE: &str = "on_unknown = \"rollback\", unknown_after = \"2m\"";

/// In canary at minute 5 under that policy, and another controller that heard what it heard.
fn two_in_canary(room: &Room) -> (Controller, Controller) {
    let text = POLICY.replace("on_unknown = \"hold\"", SILENCE);
    let mut leader = room.open_under(&text, minute(0));
    leader.lead(Some(room.lease("one")));
    leader.starts_under(&text, room, minute(0));
    let mut follower = room.open_under(&text, minute(0));
    for at in 0..=5 {
        leader.reads(room, minute(at), 0.1);
        follower.reads(room, minute(at), 0.1);
    }
    assert_eq!(room.stage(), "canary");
    (leader, follower)
}

#[test]
fn a_follower_that_hears_nothing_leaves_the_silence_to_whoever_leads() {
    let room = Room::new();
    let (mut leader, mut follower) = two_in_canary(&room);
    for at in 6..14 {
        leader.reads(&room, minute(at), 0.1);
        follower.waits(&room, minute(at));
    }
    assert_eq!(room.count(rolled_back), 0);
    // Not even when nobody can be asked: the others may hear what it does not.
    room.store_is_away(true);
    follower.waits(&room, minute(30));
    assert!(room.spool.waiting().unwrap().orders.is_empty());
}

#[test]
fn whoever_takes_over_listens_before_silence_takes_anything_back() {
    let room = Room::new();
    let (leader, mut follower) = two_in_canary(&room);
    follower.waits(&room, minute(12));
    drop(leader);
    room.gives_up("one");
    follower.lead(Some(room.lease("two")));
    follower.feed(room.ports(), minute(12), Given::Tick);
    follower.waits(&room, second(13 * 60 + 50));
    assert_eq!(room.count(rolled_back), 0, "it followed, and need not have heard anything");
    follower.waits(&room, second(14 * 60 + 10));
    // Nobody hears anything.
    room.is_taken_back();
    room.is_the_fold(&follower);
}

#[test]
fn whoever_starts_again_listens_before_silence_takes_anything_back() {
    let room = Room::new();
    drop(two_in_canary(&room));
    let mut next = room.open_under(&POLICY.replace("on_unknown = \"hold\"", SILENCE), minute(15));
    for at in 0..=5 {
        let frame = frame(&next, minute(at), 0.1);
        next.recall(minute(at), &frame);
    }
    next.recalled();
    next.lead(Some(room.lease("one")));
    next.feed(room.ports(), minute(15), Given::Tick);
    next.waits(&room, second(16 * 60 + 50));
    assert_eq!(room.count(rolled_back), 0, "nobody listened while it was down");
    next.waits(&room, second(17 * 60 + 10));
    room.is_taken_back();
    room.is_the_fold(&next);
}

#[test]
fn whoever_led_when_the_store_went_takes_back_for_silence_all_the_same() {
    let room = Room::new();
    let (mut leader, _follower) = two_in_canary(&room);
    room.store_is_away(true);
    leader.waits(&room, minute(6));
    leader.lead(None);
    leader.waits(&room, minute(12));
    assert_eq!(room.spool.waiting().unwrap().orders.len(), 1);
    room.store_is_away(false);
    leader.waits(&room, minute(13));
    room.is_taken_back();
}

/// A breach that whoever leads does not see is a breach: its own source may be the wrong one.
#[test]
fn a_follower_that_sees_a_breach_takes_it_back_although_the_leader_sees_none() {
    let room = Room::new();
    let (mut leader, mut follower) = two_in_canary(&room);
    for at in 6..9 {
        leader.reads(&room, minute(at), 0.1);
        follower.reads(&room, minute(at), 9.0);
    }
    follower.waits(&room, second(8 * 60 + 3));
    leader.waits(&room, second(8 * 60 + 5));
    room.is_taken_back();
    room.is_the_fold(&leader);
}
