//! What every store must do, sentence by sentence.

use rollgate::ledger::{Head, verify};
use rollgate::model::ids::{Actor, Digest, Generation};
use rollgate::model::time::Duration;
use rollgate::ports::store::{Authority, Store, StoreError};

use super::world::{World, Writer, exposed, key};

/// Runs the contract on one implementation.
#[macro_export]
macro_rules! contract {
    ($name:ident, $world:path) => {
        $crate::contract!(@all each $name, $world);
    };
    // In one test, for worlds that take seconds to begin.
    (together $name:ident, $world:path) => {
        $crate::contract!(@all together $name, $world);
    };
    (@all $how:ident $name:ident, $world:path) => {
        $crate::contract!(@$how $name, $world, [
            a_chain_nobody_wrote_ends_in_its_genesis,
            what_was_appended_is_read_back_byte_for_byte,
            a_batch_is_all_or_nothing,
            a_batch_that_expects_another_end_is_refused_and_told_the_real_one,
            a_batch_written_twice_counts_once,
            entries_that_do_not_follow_are_never_written,
            an_exposure_of_an_older_or_equal_generation_is_refused,
            features_move_together,
            rollouts_do_not_see_each_other,
            one_lease_at_a_time_and_the_fence_only_grows,
            a_lease_that_is_over_is_free_and_its_holder_is_refused,
            without_a_lease_one_writes_only_while_nobody_leads_or_to_take_back,
            a_holder_renews_and_gives_back,
            policies_and_decisions_are_kept_as_they_were_put,
            the_newest_checkpoint_before_an_entry_is_found,
            pruning_keeps_a_checkpoint_from_which_the_chain_verifies,
            pruning_at_an_entry_that_is_not_there_is_refused,
            an_exported_chain_is_restored_once,
            everything_is_there_after_another_process_opens_it,
            a_thousand_entries_in_one_second_keep_their_order,
        ]);
    };
    (@together $name:ident, $world:path, [$($test:ident),* $(,)?]) => {
        #[test]
        #[expect(clippy::disallowed_macros, reason = "read when it fails: which sentence it was")]
        fn $name() {
            let worlds = $world();
            $(
                eprintln!("{}", stringify!($test));
                $crate::contract::$test(&mut worlds.next());
            )*
        }
    };
    (@each $name:ident, $world:path, [$($test:ident),* $(,)?]) => {
        mod $name {
            $(
                #[test]
                fn $test() {
                    $crate::contract::$test(&mut $world());
                }
            )*
        }
    };
}

fn all(store: &dyn Store, writer: &Writer) -> Vec<rollgate::ledger::Entry> {
    store.entries(&writer.key, 0, 10_000).unwrap()
}

pub fn a_chain_nobody_wrote_ends_in_its_genesis(world: &mut impl World) {
    let store = world.store();
    assert_eq!(store.head(&key("a")).unwrap(), Head::genesis(&key("a")));
    assert_ne!(Head::genesis(&key("a")), Head::genesis(&key("b")));
    assert!(store.keys().unwrap().is_empty());
    assert!(store.entries(&key("a"), 0, 10).unwrap().is_empty());
    assert_eq!(store.checkpoint(&key("a"), u64::MAX).unwrap(), None);
    assert_eq!(store.exposed(&key("a")).unwrap().generation, Generation(0));
}

pub fn what_was_appended_is_read_back_byte_for_byte(world: &mut impl World) {
    let mut writer = Writer::new("a");
    let batch = writer.batch("t1", 5);
    let appended = world.store().append(&batch).unwrap();
    assert_eq!((appended.head.clone(), appended.again), (writer.head.clone(), false));
    assert_eq!(world.store().head(&writer.key).unwrap(), appended.head);
    assert_eq!(all(world.store(), &writer), batch.entries);
    let middle = world.store().entries(&writer.key, 2, 2).unwrap();
    assert_eq!(middle, batch.entries[1..3]);
    assert_eq!(world.store().keys().unwrap(), [writer.key]);
}

pub fn a_batch_is_all_or_nothing(world: &mut impl World) {
    let mut writer = Writer::new("a");
    let mut first = writer.batch("t1", 1);
    first.exposed = Some(exposed(5, 10.0));
    world.store().append(&first).unwrap();
    // The exposure is refused, so neither the entries nor the policy may be there.
    let mut second = writer.batch("t2", 3);
    second.exposed = Some(exposed(5, 50.0));
    second.policies = vec![(Digest::new("d1"), "text".to_owned())];
    second.decisions = vec![("d-1".to_owned(), "record".to_owned())];
    assert!(world.store().append(&second).is_err());
    assert_eq!(all(world.store(), &writer), first.entries);
    assert_eq!(world.store().exposed(&writer.key).unwrap(), exposed(5, 10.0));
    assert_eq!(world.store().policy(&Digest::new("d1")).unwrap(), None);
    assert_eq!(world.store().decision("d-1").unwrap(), None);
    // And its token was not used up.
    second.exposed = Some(exposed(6, 50.0));
    assert!(!world.store().append(&second).unwrap().again);
}

pub fn a_batch_that_expects_another_end_is_refused_and_told_the_real_one(world: &mut impl World) {
    let mut writer = Writer::new("a");
    let mut late = writer.clone();
    let batch = writer.batch("t1", 2);
    world.store().append(&batch).unwrap();
    let refused = world.store().append(&late.batch("t2", 1));
    assert_eq!(refused, Err(StoreError::Conflict(writer.head.clone())));
    assert_eq!(all(world.store(), &writer), batch.entries);
}

pub fn a_batch_written_twice_counts_once(world: &mut impl World) {
    let mut writer = Writer::new("a");
    let batch = writer.batch("t1", 2);
    world.store().append(&batch).unwrap();
    let again = world.store().append(&batch).unwrap();
    assert_eq!((again.head, again.again, again.end), (writer.head.clone(), true, 2));
    assert_eq!(all(world.store(), &writer).len(), 2);
    // Whatever was written since, and whatever it says the second time: it is known where it ended.
    assert_eq!(world.store().append(&writer.batch("t2", 3)).unwrap().end, 5);
    let anew = writer.batch("t1", 1);
    for _ in 0..2 {
        let again = world.store().append(&anew).unwrap();
        assert_eq!((again.head.seq, again.again, again.end), (5, true, 2));
    }
    // The same token on another rollout is another batch.
    let other = Writer::new("b").batch("t1", 1);
    assert!(!world.store().append(&other).unwrap().again);
}

pub fn entries_that_do_not_follow_are_never_written(world: &mut impl World) {
    let mut writer = Writer::new("a");
    let mut batch = writer.batch("t1", 3);
    batch.entries.remove(1);
    assert!(matches!(world.store().append(&batch), Err(StoreError::Corrupt { .. })));
    let mut batch = Writer::new("b").batch("t2", 1);
    batch.key = writer.key.clone();
    batch.expected = Head::genesis(&writer.key);
    assert!(matches!(world.store().append(&batch), Err(StoreError::Corrupt { .. })));
    assert!(world.store().keys().unwrap().is_empty());
}

pub fn an_exposure_of_an_older_or_equal_generation_is_refused(world: &mut impl World) {
    let mut writer = Writer::new("a");
    let mut first = writer.batch("t1", 1);
    first.exposed = Some(exposed(7, 10.0));
    world.store().append(&first).unwrap();
    for generation in [0, 6, 7] {
        let mut late = writer.clone().batch(&format!("g{generation}"), 1);
        late.exposed = Some(exposed(generation, 50.0));
        let carried = Generation(generation);
        let stale = StoreError::StaleGeneration { carried, held: Generation(7) };
        assert_eq!(world.store().append(&late), Err(stale));
    }
    let mut next = writer.batch("t3", 1);
    next.exposed = Some(exposed(8, 0.0));
    world.store().append(&next).unwrap();
    assert_eq!(world.store().exposed(&writer.key).unwrap(), exposed(8, 0.0));
}

pub fn features_move_together(world: &mut impl World) {
    let mut writer = Writer::new("a");
    for (generation, traffic) in [(1, 10.0), (2, 50.0), (3, 0.0)] {
        let mut batch = writer.batch(&format!("t{generation}"), 1);
        batch.exposed = Some(exposed(generation, traffic));
        world.store().append(&batch).unwrap();
        let found = world.store().exposed(&writer.key).unwrap();
        assert_eq!(found, exposed(generation, traffic));
        assert_eq!(found.exposures.len(), 3);
    }
}

pub fn rollouts_do_not_see_each_other(world: &mut impl World) {
    let (mut one, mut two) = (Writer::new("a"), Writer::new("ab"));
    let (first, second) = (one.batch("t", 2), two.batch("t", 3));
    world.store().append(&first).unwrap();
    world.store().append(&second).unwrap();
    assert_eq!(all(world.store(), &one), first.entries);
    assert_eq!(all(world.store(), &two), second.entries);
    assert_eq!(world.store().keys().unwrap(), [one.key, two.key]);
}

const TERM: Duration = Duration::from_secs(5);

pub fn one_lease_at_a_time_and_the_fence_only_grows(world: &mut impl World) {
    let (ana, ben) = (Actor::new("ana"), Actor::new("ben"));
    assert_eq!(world.store().leader().unwrap(), None);
    let first = world.store().acquire(&ana, TERM).unwrap();
    assert_eq!(world.store().leader().unwrap().unwrap().token, first);
    let refused = world.store().acquire(&ben, TERM);
    assert_eq!(refused, Err(StoreError::NotLeader { holder: Some(ana.clone()) }));
    assert_eq!(world.store().acquire(&ana, TERM).unwrap(), first, "one's own lease is given again");
    world.store().release(&first).unwrap();
    let second = world.store().acquire(&ben, TERM).unwrap();
    assert!(second.fence > first.fence);
}

pub fn a_lease_that_is_over_is_free_and_its_holder_is_refused(world: &mut impl World) {
    let (ana, ben) = (Actor::new("ana"), Actor::new("ben"));
    let mut writer = Writer::new("a");
    let first = world.store().acquire(&ana, TERM).unwrap();
    let mut batch = writer.batch("t1", 1);
    batch.authority = Authority::Leader(first.clone());
    world.store().append(&batch).unwrap();
    world.pass(TERM);
    let mut late = writer.clone().batch("t2", 1);
    late.authority = Authority::Leader(first.clone());
    assert_eq!(world.store().append(&late), Err(StoreError::NotLeader { holder: None }));
    assert_eq!(world.store().renew(&first, TERM), Err(StoreError::NotLeader { holder: None }));
    let second = world.store().acquire(&ben, TERM).unwrap();
    // The paused holder wakes up with an old fence: nothing it carries is taken.
    let stale = StoreError::StaleGeneration { carried: first.fence, held: second.fence };
    assert_eq!(world.store().append(&late), Err(stale.clone()));
    assert_eq!(world.store().renew(&first, TERM), Err(stale));
    assert_eq!(all(world.store(), &writer).len(), 1);
}

pub fn without_a_lease_one_writes_only_while_nobody_leads_or_to_take_back(world: &mut impl World) {
    let mut writer = Writer::new("a");
    world.store().append(&writer.batch("t1", 1)).unwrap();
    let ana = Actor::new("ana");
    world.store().acquire(&ana, TERM).unwrap();
    let refused = world.store().append(&writer.clone().batch("t2", 1));
    assert_eq!(refused, Err(StoreError::NotLeader { holder: Some(ana) }));
    let mut back = writer.batch("t3", 1);
    back.authority = Authority::RollBack;
    world.store().append(&back).unwrap();
    world.pass(TERM);
    world.store().append(&writer.batch("t4", 1)).unwrap();
}

pub fn a_holder_renews_and_gives_back(world: &mut impl World) {
    let ana = Actor::new("ana");
    let token = world.store().acquire(&ana, TERM).unwrap();
    for _ in 0..3 {
        world.pass(Duration::from_secs(4));
        world.store().renew(&token, TERM).unwrap();
    }
    world.store().release(&token).unwrap();
    assert_eq!(world.store().leader().unwrap(), None);
    world.store().release(&token).unwrap();
}

pub fn policies_and_decisions_are_kept_as_they_were_put(world: &mut impl World) {
    let mut batch = Writer::new("a").batch("t", 1);
    batch.policies = vec![(Digest::new("d1"), "one".to_owned())];
    batch.decisions = vec![("d-1".to_owned(), "{\"decision\":\"hold\"}".to_owned())];
    world.store().append(&batch).unwrap();
    world.store().put_policy(&Digest::new("d2"), "two").unwrap();
    world.store().put_policy(&Digest::new("d1"), "something else").unwrap();
    assert_eq!(world.store().policy(&Digest::new("d1")).unwrap().as_deref(), Some("one"));
    assert_eq!(world.store().policies().unwrap(), [Digest::new("d1"), Digest::new("d2")]);
    assert_eq!(world.store().decision("d-1").unwrap().as_deref(), Some("{\"decision\":\"hold\"}"));
    assert_eq!(world.store().policy(&Digest::new("d3")).unwrap(), None);
}

pub fn the_newest_checkpoint_before_an_entry_is_found(world: &mut impl World) {
    let mut writer = Writer::new("a");
    let mut checkpoints = Vec::new();
    for at in 0..3 {
        let mut batch = writer.batch(&format!("t{at}"), 10);
        batch.checkpoint = Some(writer.checkpoint());
        checkpoints.push(writer.checkpoint());
        world.store().append(&batch).unwrap();
    }
    let found = |at_most| world.store().checkpoint(&writer.key, at_most).unwrap();
    assert_eq!(found(9), None);
    assert_eq!(found(10).as_ref(), Some(&checkpoints[0]));
    assert_eq!(found(29).as_ref(), Some(&checkpoints[1]));
    assert_eq!(found(u64::MAX).as_ref(), Some(&checkpoints[2]));
}

pub fn pruning_keeps_a_checkpoint_from_which_the_chain_verifies(world: &mut impl World) {
    let mut writer = Writer::new("a");
    world.store().append(&writer.batch("t1", 20)).unwrap();
    let base = writer.checkpoint();
    let rest = writer.batch("t2", 5);
    world.store().append(&rest).unwrap();
    assert_eq!(world.store().prune(&base).unwrap(), 20);
    assert_eq!(all(world.store(), &writer), rest.entries);
    assert_eq!(world.store().checkpoint(&writer.key, u64::MAX).unwrap(), Some(base.clone()));
    let verified = verify(&writer.key, Some(&base), &rest.entries).unwrap();
    assert_eq!((verified.from, verified.entries, verified.head), (20, 5, writer.head.clone()));
    assert!(verify(&writer.key, None, &rest.entries).is_err(), "without its checkpoint it has no beginning");
    world.store().append(&writer.batch("t3", 1)).unwrap();
}

pub fn pruning_at_an_entry_that_is_not_there_is_refused(world: &mut impl World) {
    let mut writer = Writer::new("a");
    world.store().append(&writer.batch("t1", 3)).unwrap();
    let mut elsewhere = writer.clone();
    elsewhere.entries(2);
    assert_eq!(world.store().prune(&elsewhere.checkpoint()), Err(StoreError::Conflict(writer.head.clone())));
    assert_eq!(all(world.store(), &writer).len(), 3);
}

pub fn an_exported_chain_is_restored_once(world: &mut impl World) {
    let mut writer = Writer::new("a");
    writer.entries(4);
    let base = writer.checkpoint();
    let entries = writer.entries(3);
    let exposed = exposed(2, 10.0);
    world.store().restore(&writer.key, Some(&base), &entries, &exposed).unwrap();
    assert_eq!(all(world.store(), &writer), entries);
    assert_eq!(world.store().exposed(&writer.key).unwrap(), exposed);
    let twice = world.store().restore(&writer.key, Some(&base), &entries, &exposed);
    assert_eq!(twice, Err(StoreError::Conflict(writer.head.clone())));
    let broken = world.store().restore(&key("b"), None, &entries, &exposed);
    assert!(matches!(broken, Err(StoreError::Corrupt { .. })));
    world.store().append(&writer.batch("t", 1)).unwrap();
}

pub fn everything_is_there_after_another_process_opens_it(world: &mut impl World) {
    let mut writer = Writer::new("a");
    let mut batch = writer.batch("t1", 3);
    batch.exposed = Some(exposed(1, 10.0));
    batch.policies = vec![(Digest::new("d1"), "one".to_owned())];
    batch.checkpoint = Some(writer.checkpoint());
    world.store().append(&batch).unwrap();
    let token = world.store().acquire(&Actor::new("ana"), TERM).unwrap();
    world.reopen();
    assert_eq!(all(world.store(), &writer), batch.entries);
    assert_eq!(world.store().exposed(&writer.key).unwrap(), exposed(1, 10.0));
    assert_eq!(world.store().policy(&Digest::new("d1")).unwrap().as_deref(), Some("one"));
    assert_eq!(world.store().checkpoint(&writer.key, u64::MAX).unwrap(), batch.checkpoint);
    assert_eq!(world.store().leader().unwrap().unwrap().token, token);
    assert!(world.store().append(&batch).unwrap().again, "the token is remembered");
}

pub fn a_thousand_entries_in_one_second_keep_their_order(world: &mut impl World) {
    let mut writer = Writer::new("a");
    let batches: Vec<_> = (0..20).map(|at| writer.batch(&format!("t{at}"), 50)).collect();
    for batch in &batches {
        world.store().append(batch).unwrap();
    }
    let found = all(world.store(), &writer);
    let seqs: Vec<u64> = found.iter().map(|entry| entry.record().seq).collect();
    assert_eq!(seqs, (1..=1000).collect::<Vec<_>>());
    assert_eq!(found.first().unwrap().record().at, found.last().unwrap().record().at);
    assert_eq!(verify(&writer.key, None, &found).unwrap().entries, 1000);
}
