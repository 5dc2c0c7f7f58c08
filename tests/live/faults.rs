//! What the simulation found, one test each: lost confirmations, clocks, orders given twice, spools that refuse.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rollgate::control::live::{Controller, Given, Ports};
use rollgate::control::{Ask, Command, OperateError, PolicyRecord};
use rollgate::ledger::hash::Key;
use rollgate::model::event::What;
use rollgate::model::ids::Generation;
use rollgate::model::operator::{Order, Verb};
use rollgate::model::plan::{Action, Plan};
use rollgate::model::time::Time;
use rollgate::ports::actuator::{Actuator, ActuatorError};
use rollgate::ports::spool::{Spool, Spooled, Waiting};
use rollgate::ports::store::{Store as _, StoreError};

use crate::bench::{Hands as _, POLICY, Room, entered, frame, in_canary, minute, policy, rolled_back, second};

fn order(verb: Verb, token: &str) -> Command {
    Command::order(Order { actor: "ana".into(), reason: "because".to_owned(), verb }, token)
}

fn last_generation(room: &Room) -> Generation {
    room.actuator.plans.lock().unwrap().last().unwrap().generation
}

/// An actuator that fails while it is told to, and takes the store away when it is told to.
struct Wilful<'a> {
    room: &'a Room,
    fails: AtomicBool,
    takes_the_store_away: AtomicBool,
}

impl<'a> Wilful<'a> {
    fn new(room: &'a Room) -> Wilful<'a> {
        Wilful { room, fails: AtomicBool::new(false), takes_the_store_away: AtomicBool::new(false) }
    }

    fn ports(&'a self) -> Ports<'a> {
        Ports { actuator: self, ..self.room.ports() }
    }

    /// An emergency at minute six, which cannot be carried out.
    fn fails_in_an_emergency(&self, controller: &mut Controller) {
        self.fails.store(true, Ordering::SeqCst);
        controller.order(self.ports(), minute(6), &order(Verb::Emergency, "a"), false).unwrap();
        assert_eq!(last_generation(self.room), Generation(2), "canary is still shown");
    }
}

impl Actuator for Wilful<'_> {
    fn apply(&self, key: &Key, plan: &Plan) -> Result<Vec<String>, ActuatorError> {
        if self.takes_the_store_away.swap(false, Ordering::SeqCst) {
            self.room.store_is_away(true);
        }
        if self.fails.load(Ordering::SeqCst) {
            return Err(ActuatorError::Failed("it does not answer".to_owned()));
        }
        self.room.actuator.apply(key, plan)
    }
}

/// A spool without room.
#[derive(Default)]
struct Full(Mutex<u32>);

impl Spool for Full {
    fn place(&self) -> String {
        "nowhere".to_owned()
    }

    fn push(&self, _: &Spooled) -> Result<(), StoreError> {
        *self.0.lock().unwrap() += 1;
        Err(StoreError::Full("no room".to_owned()))
    }

    fn waiting(&self) -> Result<Waiting, StoreError> {
        Ok(Waiting::default())
    }

    fn clear(&self, _: &Waiting) -> Result<bool, StoreError> {
        Ok(true)
    }
}

#[test]
fn what_a_dead_process_spooled_is_in_the_ledger_before_anything_moves() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    room.store_is_away(true);
    controller.order(room.ports(), minute(6), &order(Verb::Emergency, "a"), false).unwrap();
    drop(controller);
    room.store_is_away(false);
    let mut next = room.open(minute(7));
    next.lead(Some(room.lease("one")));
    for at in 7..40 {
        next.reads(&room, minute(at), 0.1);
    }
    assert_eq!((room.count(rolled_back), room.count(entered), room.stage().as_str()), (1, 1, "off"));
    room.is_the_fold(&next);
}

#[test]
fn an_actuator_that_fails_while_the_store_refuses_is_asked_again() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    let actuator = Wilful::new(&room);
    room.store_is_away(true);
    actuator.fails_in_an_emergency(&mut controller);
    actuator.fails.store(false, Ordering::SeqCst);
    controller.feed(actuator.ports(), second(362), Given::Tick);
    assert_eq!(last_generation(&room), Generation(3), "the store is still away");
}

/// Seed 46163 of the simulation.
#[test]
fn a_clock_that_is_set_back_a_little_puts_nothing_off() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    let actuator = Wilful::new(&room);
    room.store_is_away(true);
    actuator.fails_in_an_emergency(&mut controller);
    actuator.fails.store(false, Ordering::SeqCst);
    controller.feed(actuator.ports(), second(340), Given::Tick);
    controller.feed(actuator.ports(), second(341), Given::Tick);
    assert_eq!(last_generation(&room), Generation(3), "the actuator is asked again a second later");
    room.store_is_away(false);
    controller.feed(actuator.ports(), second(342), Given::Tick);
    assert!(controller.trouble().is_none(), "so is the store");
    room.is_the_fold(&controller);
}

/// Seed 18033 of the simulation: a roll back that was never shown, a start after it, and then the store went.
#[test]
fn a_recorded_start_from_nothing_is_carried_out_without_the_store() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    let actuator = Wilful::new(&room);
    actuator.fails_in_an_emergency(&mut controller);
    let ask = Ask::Start { policy: Box::new(policy(POLICY).0), revision: "r2".into() };
    let start = Command { actor: "ana".into(), reason: "again".to_owned(), ask, token: "again".to_owned() };
    controller.order(actuator.ports(), minute(6), &start, false).unwrap();
    assert_eq!(last_generation(&room), Generation(2), "the start is not carried out either");
    room.store_is_away(true);
    actuator.fails.store(false, Ordering::SeqCst);
    for at in 362..365 {
        controller.feed(actuator.ports(), second(at), Given::Tick);
    }
    assert_eq!(last_generation(&room), Generation(4));
}

#[test]
fn a_confirmation_that_could_not_be_recorded_is_made_up_for() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    let actuator = Wilful::new(&room);
    actuator.takes_the_store_away.store(true, Ordering::SeqCst);
    let _: Result<_, _> = controller.order(actuator.ports(), minute(6), &order(Verb::Advance, "a"), false);
    assert_eq!(room.store.leader(), Err(StoreError::Unavailable("it is away".to_owned())));
    room.store_is_away(false);
    controller.feed(actuator.ports(), second(370), Given::Tick);
    controller.feed(actuator.ports(), second(380), Given::Tick);
    assert!(controller.rollout().state.applied_at.is_some(), "{:?}", room.events());
    room.is_the_fold(&controller);
}

#[test]
fn an_order_to_a_deposed_leader_is_written_by_nobodys_right() {
    let room = Room::new();
    let mut old = in_canary(&room);
    room.store.release(&room.lease("one")).unwrap();
    room.lease("two");
    let before = room.entries().len();
    let told = old.order(room.ports(), minute(6), &order(Verb::Pause, "a"), false);
    assert!(matches!(told, Err(OperateError::Store(StoreError::NotLeader { .. }))), "{told:?}");
    assert_eq!(room.entries().len(), before);
}

#[test]
fn a_clock_that_was_ahead_and_is_set_back_blinds_nobody() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    controller.reads(&room, minute(16), 0.1);
    for at in 7..=9 {
        controller.reads(&room, minute(at), 9.0);
    }
    assert_eq!((room.count(rolled_back), room.stage().as_str()), (1, "off"));
    room.is_the_fold(&controller);
}

#[test]
fn a_stage_that_a_wrong_clock_entered_is_guarded_all_the_same() {
    let room = Room::new();
    let mut wrong = in_canary(&room);
    wrong.reads(&room, minute(16), 0.1);
    wrong.told(&room, minute(16), Verb::Advance);
    assert_eq!(room.stage(), "full");
    let mut right = room.open(minute(7));
    right.lead(Some(room.lease("one")));
    // The first reading is of the very instant the clock was found out; the run begins behind it.
    for at in 7..=10 {
        right.reads(&room, minute(at), 9.0);
    }
    assert_eq!((room.count(rolled_back), room.stage().as_str()), (1, "off"));
    room.is_the_fold(&right);
}

#[test]
fn the_same_order_twice_without_the_store_is_done_once() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    room.store_is_away(true);
    for at in [360, 363] {
        controller.order(room.ports(), second(at), &order(Verb::Emergency, "a"), false).unwrap();
    }
    assert_eq!(last_generation(&room), Generation(3));
    room.store_is_away(false);
    controller.waits(&room, minute(8));
    assert_eq!(room.count(rolled_back), 1);
    assert_eq!(controller.rollout().state.generation, last_generation(&room));
    room.is_the_fold(&controller);
}

#[test]
fn orders_follow_what_was_done_alone_without_a_hole() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    room.store_is_away(true);
    controller.order(room.ports(), minute(6), &order(Verb::RollBack { to: None }, "a"), false).unwrap();
    room.store_is_away(false);
    // The store is back, and nobody has noticed yet.
    controller.order(room.ports(), minute(6), &order(Verb::Emergency, "b"), false).unwrap();
    controller.waits(&room, minute(8));
    assert_eq!((room.count(rolled_back), controller.rollout().state.generation), (2, Generation(4)));
    assert!(room.spool.waiting().unwrap().orders.is_empty());
    room.is_the_fold(&controller);
}

#[test]
fn a_policy_is_adopted_once_by_one_order() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    let edited = |bake: &str| policy(&POLICY.replace("bake = \"10m\"", &format!("bake = \"{bake}\""))).0;
    let adopt = |policy: PolicyRecord, token: &str| Command {
        actor: "ana".into(),
        reason: "because".to_owned(),
        ask: Ask::Adopt { policy: Box::new(policy) },
        token: token.to_owned(),
    };
    let (one, other) = (edited("11m"), edited("12m"));
    for command in [adopt(one.clone(), "a"), adopt(other.clone(), "b"), adopt(one, "a")] {
        controller.order(room.ports(), minute(6), &command, false).unwrap();
    }
    assert_eq!(controller.rollout().state.policy, Some(other.digest));
    room.is_the_fold(&controller);
}

#[test]
fn a_breach_from_before_the_stage_is_not_held_against_it_after_a_restart() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    controller.told(&room, minute(5), Verb::RollBack { to: None });
    let breaches: Vec<Time> = (6..=9).map(minute).collect();
    for at in &breaches {
        controller.reads(&room, *at, 9.0);
    }
    controller.told(&room, minute(10), Verb::Resume);
    controller.told(&room, second(601), Verb::Advance);
    assert_eq!(room.stage(), "canary");
    drop(controller);
    let mut next = room.open(second(610));
    for at in breaches {
        let frame = frame(&next, at, 9.0);
        next.recall(at, &frame);
    }
    next.recalled();
    next.lead(Some(room.lease("one")));
    next.reads(&room, second(620), 0.1);
    assert_eq!((room.count(rolled_back), room.stage().as_str()), (1, "canary"));
}

#[test]
fn one_breach_that_two_controllers_took_back_is_recorded_as_taken_back_once() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    for at in 6..=8 {
        controller.reads(&room, minute(at), 9.0);
    }
    assert_eq!(room.count(rolled_back), 1);
    let verb = Verb::RollBack { to: Some("off".into()) };
    let order = Order { actor: "rollgate".into(), reason: "the same breach".to_owned(), verb };
    let key = Room::key();
    let kept = Spooled {
        id: "another's".to_owned(),
        at: minute(8),
        rollout: Some(key.rollout),
        environment: Some(key.environment),
        acted: Some(Generation(3)),
        order,
    };
    room.spool.push(&kept).unwrap();
    let mut other = room.open(minute(9));
    other.feed(room.ports(), minute(9), Given::Tick);
    assert_eq!((room.count(rolled_back), room.count(|what| matches!(what, What::Refused { .. }))), (1, 1));
    assert!(room.spool.waiting().unwrap().orders.is_empty());
}

#[test]
fn a_ledger_that_is_behind_what_is_shown_catches_up() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    controller.order(room.ports(), minute(6), &order(Verb::Emergency, "a"), false).unwrap();
    // Another controller, cut off, was given the same order and carried it out once more.
    let key = Room::key();
    let Ask::Order(verb) = order(Verb::Emergency, "a").ask else { unreachable!() };
    let kept = Spooled {
        id: "a".to_owned(),
        at: minute(6),
        rollout: Some(key.rollout),
        environment: Some(key.environment),
        acted: Some(Generation(4)),
        order: Order { actor: "ana".into(), reason: "because".to_owned(), verb },
    };
    room.spool.push(&kept).unwrap();
    let mut other = room.open(minute(7));
    other.feed(room.ports(), minute(7), Given::Tick);
    assert_eq!(other.rollout().state.generation, Generation(4));
    controller.waits(&room, minute(8));
    assert!(controller.rollout().state.applied_at.is_some());
    room.is_the_fold(&controller);
}

#[test]
fn a_roll_back_that_the_spool_refuses_is_handed_in_from_memory() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    let spool = Full::default();
    let ports = Ports { spool: &spool, ..room.ports() };
    room.store_is_away(true);
    for at in 6..=8 {
        let frame = frame(&controller, minute(at), 9.0);
        controller.feed(ports, minute(at), Given::Frame(&frame));
    }
    assert_eq!((*spool.0.lock().unwrap(), last_generation(&room)), (1, Generation(3)));
    room.store_is_away(false);
    controller.feed(ports, minute(9), Given::Tick);
    assert_eq!((room.count(rolled_back), room.stage().as_str()), (1, "off"));
    room.is_the_fold(&controller);
}

/// Seed 26558 of the simulation: a controller that was held up in the middle of an input finds a stage that was entered
/// meanwhile.
#[test]
fn what_others_began_during_an_input_bakes_from_the_next_look() {
    let room = Room::new();
    let mut held_up = room.leader(minute(0));
    held_up.starts(&room, minute(0));
    held_up.reads(&room, minute(1), 0.1);
    room.store.release(&room.lease("one")).unwrap();
    let mut other = room.open(minute(9));
    other.lead(Some(room.lease("two")));
    other.starts(&room, minute(9));
    room.store.release(&room.lease("two")).unwrap();
    held_up.lead(Some(room.lease("one")));
    // This input began at minute 5, and the answer to it comes after minute 9.
    held_up.reads(&room, minute(5), 0.1);
    for at in 9..=13 {
        held_up.reads(&room, minute(at), 0.1);
    }
    assert_eq!(room.stage(), "off", "four of five minutes are served");
    held_up.reads(&room, minute(14), 0.1);
    assert_eq!(room.stage(), "canary");
    room.is_the_fold(&held_up);
}

/// Seed 9566 of the simulation: somebody took it back to where nobody sees it, and died before anything had it.
#[test]
fn a_roll_back_shows_nobody_more_than_what_another_had_left() {
    let room = Room::new();
    let mut controller = in_canary(&room);
    controller.told(&room, minute(6), Verb::Advance);
    assert_eq!((room.stage().as_str(), last_generation(&room)), ("full", Generation(3)));
    let action = Action::Expose {
        features: vec!["new_checkout".into()],
        stage: "off".into(),
        traffic: 0.0,
        audience: Vec::new(),
        region: None,
    };
    let alone = Plan { generation: Generation(3), urgent: true, takes_back: true, actions: vec![action] };
    room.actuator.apply(&Room::key(), &alone).unwrap();
    controller.told(&room, minute(7), Verb::RollBack { to: Some("canary".into()) });
    assert_eq!((room.stage().as_str(), last_generation(&room)), ("off", Generation(5)), "{:?}", room.events());
    assert!(controller.rollout().state.applied_at.is_some());
    room.is_the_fold(&controller);
    // A person who knows better may go up from there.
    controller.told(&room, minute(8), Verb::Resume);
    assert!(controller.rollout().state.applied_at.is_some());
}

#[test]
fn a_policy_that_waited_for_the_stage_waits_on_when_the_stage_could_not_be_recorded() {
    let room = Room::new();
    let pinned = format!("pin = true\n{}", POLICY.trim_start());
    let (record, first) = policy(&pinned);
    let mut controller = Controller::open(room.ports(), &Room::key(), Some((&record, first)), minute(0)).unwrap();
    controller.lead(Some(room.lease("one")));
    let ask = Ask::Start { policy: Box::new(record.clone()), revision: "r1".into() };
    let start = Command { actor: "ana".into(), reason: "weekly".to_owned(), ask, token: "start".to_owned() };
    controller.order(room.ports(), minute(0), &start, false).unwrap();
    let (edited, compiled) = policy(&pinned.replace("bake = \"10m\"", "bake = \"11m\""));
    controller.feed(room.ports(), minute(0), Given::Policy(&edited, compiled));
    for at in 0..=4 {
        controller.reads(&room, minute(at), 0.1);
    }
    room.store_is_away(true);
    controller.reads(&room, minute(5), 0.1);
    assert_eq!(
        controller.machine().unwrap().policy().digest,
        record.digest,
        "nothing was recorded, so nothing happened"
    );
    room.store_is_away(false);
    for at in 6..=11 {
        controller.reads(&room, minute(at), 0.1);
    }
    assert_eq!((room.stage().as_str(), controller.rollout().state.policy.clone()), ("canary", Some(edited.digest)));
    room.is_the_fold(&controller);
}

/// Seed 6504 of the simulation: the start was refused, and the ledger had its policy in force all the same.
#[test]
fn a_start_under_another_policy_than_the_one_that_waits_is_judged_by_its_own() {
    let room = Room::new();
    let pinned = format!("pin = true\n{}", POLICY.trim_start());
    let (record, first) = policy(&pinned);
    let mut controller = Controller::open(room.ports(), &Room::key(), Some((&record, first)), minute(0)).unwrap();
    controller.lead(Some(room.lease("one")));
    let start = |policy: &PolicyRecord, name: &str| Command {
        actor: "ana".into(),
        reason: "weekly".to_owned(),
        ask: Ask::Start { policy: Box::new(policy.clone()), revision: name.into() },
        token: name.to_owned(),
    };
    controller.order(room.ports(), minute(0), &start(&record, "r1"), false).unwrap();
    let (waiting, compiled) = policy(&pinned.replace("bake = \"10m\"", "bake = \"11m\""));
    controller.feed(room.ports(), minute(1), Given::Policy(&waiting, compiled));
    let (named, _) = policy(&pinned.replace("bake = \"10m\"", "bake = \"12m\""));
    let outcome = controller.order(room.ports(), minute(2), &start(&named, "r2"), false).unwrap();
    assert_eq!(outcome.refused, None);
    for at in 3..=9 {
        controller.reads(&room, minute(at), 0.1);
    }
    let judges = controller.machine().unwrap().policy().digest.clone();
    assert_eq!((controller.rollout().state.policy.clone(), judges), (Some(named.digest.clone()), named.digest));
    assert_eq!((room.stage().as_str(), controller.rollout().state.revision.clone()), ("canary", Some("r2".into())));
    room.is_the_fold(&controller);
}

#[test]
fn a_mute_that_ran_out_while_another_led_is_ended_by_whoever_leads() {
    let room = Room::new();
    let mut leader = in_canary(&room);
    let mut follower = room.open(minute(5));
    let until = minute(7);
    leader.told(&room, minute(6), Verb::Mute { check: "error_rate.p0".into(), until, force: true });
    for at in [second(362), minute(8)] {
        follower.feed(room.ports(), at, Given::Tick);
        assert_eq!(follower.machine().unwrap().state(), &follower.rollout().state);
    }
    assert!(!follower.rollout().state.mutes.is_empty());
}
