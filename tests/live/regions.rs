//! Regions that are taken back one by one, and controllers that do so apart.

use rollgate::control::live::{Controller, Given};
use rollgate::control::{Ask, Command};
use rollgate::model::frame::{Cell, Frame, Group, RegionIx};
use rollgate::model::operator::Verb;
use rollgate::model::time::Time;

use crate::bench::{Hands as _, POLICY, Room, minute, policy, rolled_back, second};

/// Two regions, each on its own, and a stage between the lowest and the one that shows something.
fn text() -> String {
    let small = "name = \"small\"\ntraffic = \"1%\"\nbake = \"5m\"\n\n[[stages]]\nname = \"canary\"";
    let text = POLICY.trim_start().replace("name = \"canary\"", small);
    format!("regions = [\"eu\", \"us\"]\non_breach = \"region\"\n{text}")
}

fn open(room: &Room) -> Controller {
    let (record, policy) = policy(&text());
    Controller::open(room.ports(), &Room::key(), Some((&record, policy)), minute(0)).unwrap()
}

fn both(controller: &Controller, at: Time, eu: f64, us: f64) -> Frame {
    let catalogue = &controller.machine().unwrap().policy().catalogue;
    let metric = catalogue.find("error_rate").unwrap();
    let cell = |(region, value)| Cell {
        slot: catalogue.slot(RegionIx(region), Group::Treatment, metric),
        observed: at,
        value,
        samples: None,
        unknown: None,
    };
    Frame { time: at, exposure: None, cells: [(0, eu), (1, us)].into_iter().map(cell).collect() }
}

fn reads(controller: &mut Controller, room: &Room, at: Time, eu: f64, us: f64) {
    let frame = both(controller, at, eu, us);
    controller.feed(room.ports(), at, Given::Frame(&frame));
}

/// Seed 1740 of the simulation: the ledger had it in `small` for ever, and nobody saw it any more.
#[test]
fn what_one_controller_took_back_further_than_another_is_so_in_the_ledger() {
    let room = Room::new();
    let mut leader = open(&room);
    leader.lead(Some(room.lease("one")));
    let ask = Ask::Start { policy: Box::new(policy(&text()).0), revision: "r1".into() };
    let start = Command { actor: "ana".into(), reason: "weekly".to_owned(), ask, token: "start".to_owned() };
    leader.order(room.ports(), minute(0), &start, false).unwrap();
    let mut other = open(&room);
    for at in 0..=11 {
        reads(&mut leader, &room, minute(at), 0.1, 0.1);
        reads(&mut other, &room, minute(at), 0.1, 0.1);
    }
    assert_eq!((room.stage().as_str(), other.rollout().state.stage.as_str()), ("canary", "canary"));
    for at in 12..=13 {
        reads(&mut other, &room, minute(at), 9.0, 0.1);
    }
    leader.told(&room, second(13 * 60 + 30), Verb::RollBack { to: Some("small".into()) });
    let before = leader.rollout().state.generation;
    room.store_is_away(true);
    // It has not heard of the order, and sees the breach last.
    reads(&mut other, &room, minute(14), 9.0, 0.1);
    let shown = room.actuator.plans.lock().unwrap().last().unwrap().clone();
    assert_eq!(shown.generation, before, "two decided apart");
    room.store_is_away(false);
    other.waits(&room, minute(15));
    leader.waits(&room, minute(16));
    assert_eq!((room.count(rolled_back), room.stage().as_str()), (2, "off"));
    assert!(leader.rollout().state.generation > before && leader.rollout().state.applied_at.is_some());
    room.is_the_fold(&leader);
    room.is_the_fold(&other);
}
