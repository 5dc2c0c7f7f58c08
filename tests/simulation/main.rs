//! The machine, several controllers, a store, sources and people, in virtual time and under faults, all from a seed.
//!
//! What must hold is checked after every step (`oracle`, `watch`); a seed that breaks it says how to replay it:
//! `ROLLGATE_SEED=123 cargo test --test simulation replay -- --nocapture`.

#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]
#![expect(clippy::disallowed_macros, reason = "totals and traces for whoever runs it")]
#![expect(clippy::disallowed_methods, reason = "a seed to replay, and how many to try, are given by the environment")]

mod bake;
mod disk;
mod ears;
mod faults;
mod laws;
mod line;
mod mischief;
mod mutants;
mod node;
mod oracle;
mod outside;
mod policies;
mod rng;
mod shelf;
mod sources;
mod watch;
mod world;

use faults::Tally;
use mutants::Mutant;
use world::{Plan, Sim};

/// What came of a seed.
struct Played {
    violation: Option<String>,
    trace: Vec<String>,
    tally: Tally,
    ledger: Vec<String>,
    advanced: u64,
    taken_back: u64,
    steps: u64,
}

fn play(seed: u64, mutant: Option<Mutant>, traced: bool) -> Played {
    let sim = Sim::new(Plan { mutant, traced, ..Plan::of(seed) });
    sim.play();
    let mut world = sim.lock();
    let lines =
        world.disk.chains.values().flat_map(|chain| chain.entries.values()).map(|entry| entry.line().to_owned());
    Played {
        ledger: lines.collect(),
        violation: world.violation.take(),
        trace: std::mem::take(&mut world.trace),
        tally: world.tally.clone(),
        advanced: world.oracle.books.values().map(|book| book.advanced).sum(),
        taken_back: world.oracle.books.values().map(|book| book.taken_back).sum(),
        steps: world.steps,
    }
}

/// How many seeds one block plays: a fifth of what is asked for.
fn block() -> u64 {
    let wanted = std::env::var("ROLLGATE_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(500);
    std::cmp::max(wanted, 5_u64) / 5
}

/// Plays one block of seeds, and stops at the first that breaks a rule.
fn play_block(nth: u64) {
    let (mut tally, mut advanced, mut taken_back, mut steps) = (Tally::new(), 0, 0, 0);
    let mut broken = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for seed in nth * block()..(nth + 1) * block() {
        let played = play(seed, None, false);
        match played.violation {
            // All of them by kind, for whoever mends more than one.
            Some(violation) if std::env::var("ROLLGATE_SURVEY").is_ok() => {
                let kind = violation.chars().filter(|c| !c.is_ascii_digit()).take(70).collect();
                broken.entry(kind).or_default().push(seed);
            }
            Some(violation) => fail(seed, &violation),
            None => {}
        }
        tally.add(&played.tally);
        advanced += played.advanced;
        taken_back += played.taken_back;
        steps += played.steps;
    }
    for (kind, seeds) in broken {
        println!("{:>5} {kind}: {:?}", seeds.len(), &seeds[..seeds.len().min(8)]);
    }
    println!(
        "{} seeds: {steps} steps, {advanced} advances, {taken_back} roll backs, and these faults:\n{tally}",
        block()
    );
    let never = tally.never();
    assert!(block() < 100 || never.is_empty(), "these faults never happened, and prove nothing: {never:?}");
    assert!(advanced > 0 && taken_back > 0, "worlds in which nothing moves prove nothing");
}

fn fail(seed: u64, violation: &str) -> ! {
    let trace = play(seed, None, true).trace;
    let last = trace[trace.len().saturating_sub(60)..].join("\n");
    panic!(
        "seed {seed}: {violation}\n\n{last}\n\nthe whole of it:\n  \
         ROLLGATE_SEED={seed} cargo test --test simulation replay -- --nocapture\n"
    );
}

#[rstest::rstest]
fn every_rule_holds_under_every_fault(#[values(0, 1, 2, 3, 4)] nth: u64) {
    play_block(nth);
}

/// Plays the seed that the environment names, and tells everything. Without one it tells of the first.
#[test]
fn replay() {
    let seed = std::env::var("ROLLGATE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    let played = play(seed, None, true);
    println!("{}\n\n{}", played.trace.join("\n"), played.tally);
    assert_eq!(played.violation, None, "seed {seed}");
}

#[test]
fn the_same_seed_is_the_same_world_to_the_last_byte() {
    for seed in 0..10 {
        let (one, other) = (play(seed, None, true), play(seed, None, true));
        assert_eq!(one.ledger, other.ledger, "seed {seed}");
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_ne!(one.ledger, play(seed + 1, None, false).ledger, "seed {seed}");
    }
}

/// A world in which one rule is broken is found out, by the law that is about it.
#[rstest::rstest]
#[case::the_store_ignores_the_fence(Mutant::StoreIgnoresTheFence, "I9")]
#[case::the_store_forgets_tokens(Mutant::StoreForgetsTokens, "")]
#[case::the_store_lies(Mutant::StoreLies, "")]
#[case::the_store_loses(Mutant::StoreLoses, "")]
#[case::the_store_takes_no_remarks(Mutant::StoreTakesNoRemarks, "the ledger says that")]
#[case::the_actuator_takes_older(Mutant::ActuatorTakesOlder, "I9")]
#[case::the_actuator_takes_higher(Mutant::ActuatorTakesHigher, "of two plans of generation")]
#[case::the_actuator_takes_back_up(Mutant::ActuatorTakesBackUp, "I5")]
#[case::the_actuator_spares_the_unkept(Mutant::ActuatorSparesTheUnkept, "has not acted on it")]
#[case::the_keeper_stays(Mutant::KeeperStays, "")]
#[case::all_lead(Mutant::AllLead, "and never led")]
#[case::the_spool_forgets(Mutant::SpoolForgets, "")]
#[case::the_unkept_is_forgotten(Mutant::UnkeptIsForgotten, "I15")]
#[case::nobody_is_told(Mutant::NobodyIsTold, "tells nobody")]
#[case::readings_are_stamped_anew(Mutant::ReadingsAreStampedAnew, "")]
#[case::null_is_zero(Mutant::NullIsZero, "I2")]
#[case::null_is_good_time(Mutant::NullIsZero, "were good")]
#[case::what_is_stamped_anew_is_good_time(Mutant::ReadingsAreStampedAnew, "were good")]
#[case::orders_have_no_name(Mutant::OrdersHaveNoName, "I8")]
#[case::freezes_are_ignored(Mutant::FreezesAreIgnored, "in a freeze")]
#[case::approvals_are_ignored(Mutant::ApprovalsAreIgnored, "without approval")]
#[case::baselines_are_taken_young(Mutant::BaselinesAreTakenYoung, "begins on a baseline of")]
#[case::baselines_never_age(Mutant::BaselinesNeverAge, "nothing is known of before the rollout")]
#[case::baselines_are_not_asked(Mutant::BaselinesAreNotAsked, "")]
#[case::control_is_not_asked(Mutant::ControlIsNotAsked, "control")]
#[case::faults_are_open(Mutant::FaultsAreOpen, "a script fails")]
#[case::scripts_are_not_asked(Mutant::ScriptsAreNotAsked, "")]
#[case::exits_need_no_samples(Mutant::ExitsNeedNoSamples, "leaves early with")]
#[case::counters_are_not_asked(Mutant::CountersAreNotAsked, "")]
#[case::bounds_are_loose(Mutant::BoundsAreLoose, "")]
#[case::silence_is_short(Mutant::SilenceIsShort, "for silence after leading for")]
fn a_broken_rule_is_found_out(#[case] mutant: Mutant, #[case] by: &str) {
    let mut others = std::collections::BTreeMap::<String, u64>::new();
    let known = mutant.found_by().iter().copied();
    for seed in known.chain(mutant.first_seed()..mutant.first_seed() + 600) {
        let Some(violation) = play(seed, Some(mutant), false).violation else { continue };
        if violation.contains(by) {
            println!("{mutant:?}: seed {seed}: {violation}");
            return;
        }
        others.entry(violation.chars().take(90).collect()).or_insert(seed);
    }
    panic!("no seed finds it; these find something else: {others:#?}");
}
