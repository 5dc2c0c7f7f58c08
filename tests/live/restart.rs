//! A process ends and another one goes on.

use std::sync::Arc;

use rollgate::control::live::{Controller, Given};
use rollgate::control::{Ask, Command};
use rollgate::model::time::Time;

use crate::bench::{Hands as _, POLICY, Room, entered, frame, minute, policy, rolled_back, second};

/// Another process: the same store, the snapshots recalled from the journal.
fn reopened(room: &Room, now: Time, journal: &[(Time, f64)]) -> Controller {
    let mut controller = room.open(now);
    for (at, value) in journal {
        let frame = frame(&controller, *at, *value);
        controller.recall(*at, &frame);
    }
    controller.recalled();
    controller.lead(Some(room.lease("one")));
    controller.feed(room.ports(), now, Given::Tick);
    controller
}

#[test]
fn a_run_of_breaches_goes_on_over_a_restart() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    let mut journal = Vec::new();
    for at in 0..=5 {
        controller.reads(&room, minute(at), 0.1);
        journal.push((minute(at), 0.1));
    }
    controller.reads(&room, minute(6), 9.0);
    controller.reads(&room, minute(7), 9.0);
    journal.extend([(minute(6), 9.0), (minute(7), 9.0)]);
    drop(controller);
    let mut controller = reopened(&room, second(7 * 60 + 10), &journal);
    assert_eq!(room.count(rolled_back), 0);
    controller.reads(&room, minute(8), 9.0);
    assert_eq!(room.count(rolled_back), 1, "two minutes of breach, a restart in between");
    room.is_the_fold(&controller);
}

#[test]
fn bake_is_never_counted_twice_over_restarts() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    let mut journal = Vec::new();
    for at in 0..=5 {
        controller.reads(&room, minute(at), 0.1);
        journal.push((minute(at), 0.1));
    }
    assert_eq!(room.count(entered), 1);
    // Restarted each minute: no restart may serve what was served before it.
    for at in 6..15 {
        drop(controller);
        controller = reopened(&room, second(at * 60 - 30), &journal);
        controller.reads(&room, minute(at), 0.1);
        journal.push((minute(at), 0.1));
    }
    assert_eq!(room.count(entered), 1, "ten minutes are not served after nine with gaps");
    assert_eq!(room.stage(), "canary");
    room.is_the_fold(&controller);
}

#[test]
fn what_was_recorded_and_not_carried_out_is_carried_out_by_the_next_process() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    // An order written straight into the store by a process that died before it acted.
    use rollgate::control::{Command, Rollout, propose::propose};
    use rollgate::model::operator::{Order, Verb};
    use rollgate::ports::store::Store as _;
    let rollout = Rollout::load(&room.store, &Room::key()).unwrap();
    let order = Order { actor: "ana".into(), reason: "because".to_owned(), verb: Verb::Emergency };
    let command = Command::order(order, "t");
    let proposal = propose(&rollout, &command, minute(1)).unwrap();
    room.store.append(&proposal.batch(&rollout, &command)).unwrap();
    drop(controller);
    let controller = reopened(&room, minute(2), &[]);
    assert_eq!(room.actuator.plans.lock().unwrap().last().unwrap().generation.0, 2);
    assert!(controller.machine().unwrap().state().applied_at.is_some());
    room.is_the_fold(&controller);
}

#[test]
fn a_rollout_whose_policy_is_gone_from_disk_goes_on_under_the_one_in_the_ledger() {
    let room = Room::new();
    let mut controller = room.leader(minute(0));
    controller.starts(&room, minute(0));
    drop(controller);
    let mut controller = Controller::open(room.ports(), &Room::key(), None, minute(1)).unwrap();
    controller.lead(Some(room.lease("one")));
    controller.feed(room.ports(), minute(1), Given::Tick);
    for at in 1..=7 {
        controller.reads(&room, minute(at), 0.1);
    }
    assert_eq!(room.stage(), "canary");
    room.is_the_fold(&controller);
}

/// Samples from before the stage was entered are no evidence for leaving it, however they come in.
#[test]
fn samples_from_before_the_stage_do_not_let_it_be_left_early_after_a_restart() {
    let early = "bake = \"1h\"\nearly_exit = { after = \"2m\", samples = 2000 }";
    let text = POLICY.replacen("bake = \"10m\"", early, 1);
    let (record, compiled) = policy(&text);
    let room = Room::new();
    let open = |now| Controller::open(room.ports(), &Room::key(), Some((&record, Arc::clone(&compiled))), now).unwrap();
    let heard = |controller: &Controller, at| {
        let mut frame = frame(controller, minute(at), 0.1);
        frame.cells.iter_mut().for_each(|cell| cell.samples = Some(400));
        frame
    };
    let mut first = open(minute(0));
    first.lead(Some(room.lease("one")));
    let ask = Ask::Start { policy: Box::new(record.clone()), revision: "r1".into() };
    let start = Command { actor: "ana".into(), reason: "weekly".to_owned(), ask, token: "start".to_owned() };
    first.order(room.ports(), minute(0), &start, false).unwrap();
    for at in 0..=5 {
        let frame = heard(&first, at);
        first.feed(room.ports(), minute(at), Given::Frame(&frame));
    }
    assert_eq!(room.stage(), "canary");
    let mut next = open(minute(6));
    for at in 0..=5 {
        let frame = heard(&first, at);
        next.recall(minute(at), &frame);
    }
    next.recalled();
    next.lead(Some(room.lease("one")));
    for (at, stage) in [(6, "canary"), (7, "canary"), (8, "canary"), (9, "canary"), (10, "full")] {
        let frame = heard(&next, at);
        next.feed(room.ports(), minute(at), Given::Frame(&frame));
        assert_eq!(room.stage(), stage, "at minute {at}");
    }
}
