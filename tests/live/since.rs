//! What was observed before a stage was entered says nothing of it, whichever clock is wrong, and however long it took to
//! hear of it.

use rollgate::control::live::{Controller, Given};
use rollgate::model::time::{Duration, Time};

use crate::bench::{Hands as _, POLICY, Room, frame, minute, rolled_back, second};

/// The first breach takes it back.
fn at_once() -> String {
    POLICY.replace(", for = \"2m\"", "")
}

fn hears(controller: &mut Controller, room: &Room, now: Time, observed: Time, value: f64) {
    let frame = frame(controller, observed, value);
    controller.feed(room.ports(), now, Given::Frame(&frame));
}

/// Somebody leads by a clock that is so many seconds ahead, and enters canary at minute 5.
fn entered_by(room: &Room, ahead: i64) -> Controller {
    let now = |at: i64| second(60 * at + ahead);
    let mut leader = room.open_under(&at_once(), now(0));
    leader.lead(Some(room.lease("one")));
    leader.starts_under(&at_once(), room, now(0));
    for at in 0..=5 {
        leader.reads(room, now(at), 0.1);
    }
    assert_eq!(room.stage(), "canary");
    leader
}

/// The store takes its time, and somebody enters a stage meanwhile: to whoever asked, that is in the future.
#[test]
fn a_reading_that_waited_while_the_store_did_not_answer_is_none_of_the_stage_that_was_entered_meanwhile() {
    let room = Room::new();
    let mut follower = room.open_under(&at_once(), minute(0));
    let _leader = entered_by(&room, 0);
    follower.feed(room.ports(), second(280), Given::Tick);
    assert_eq!(follower.rollout().state.stage.as_str(), "canary", "it asked at 280 s, and was answered after 300 s");
    hears(&mut follower, &room, second(310), second(281), 9.0);
    follower.waits(&room, second(320));
    assert_eq!(room.count(rolled_back), 0, "it was seen before canary was");
    hears(&mut follower, &room, second(321), second(321), 9.0);
    follower.waits(&room, second(325));
    room.is_taken_back();
}

/// Readings that come in ahead of a clock tell by how much it is behind.
#[test]
fn a_clock_that_is_behind_takes_nothing_back_for_what_was_observed_before_the_stage() {
    let room = Room::new();
    let mut follower = room.open_under(&at_once(), minute(0));
    let behind = |at: Time| at - Duration::from_secs(3);
    for at in 1..=4 {
        hears(&mut follower, &room, behind(minute(at)), minute(at), 0.1);
    }
    follower.waits(&room, behind(minute(5)));
    let _leader = entered_by(&room, 0);
    follower.waits(&room, behind(second(301)));
    assert_eq!(follower.rollout().state.stage.as_str(), "canary");
    hears(&mut follower, &room, behind(second(301)), Time::from_millis(minute(5).as_millis() - 50), 9.0);
    follower.waits(&room, second(310));
    assert_eq!(room.count(rolled_back), 0, "it was seen before canary was");
    hears(&mut follower, &room, second(311), second(311), 9.0);
    follower.waits(&room, second(315));
    room.is_taken_back();
}

/// By its stamp the stage begins in a while; nobody waits for that.
#[rstest::rstest]
#[case::of_three_seconds(3)]
#[case::of_ten_minutes(600)]
fn a_breach_in_a_stage_that_a_clock_ahead_entered_is_taken_back(#[case] ahead: i64) {
    let room = Room::new();
    let mut follower = room.open_under(&at_once(), minute(0));
    for at in 1..=4 {
        hears(&mut follower, &room, minute(at), minute(at), 0.1);
    }
    follower.waits(&room, minute(5));
    let _leader = entered_by(&room, ahead);
    // It looks once a second, and again at once when it does not know since when to count.
    follower.waits(&room, second(301) + Duration::from_millis(10));
    assert_eq!(follower.rollout().state.stage.as_str(), "canary");
    hears(&mut follower, &room, second(302) + Duration::from_millis(60), second(302), 9.0);
    follower.waits(&room, second(306));
    room.is_taken_back();
}
