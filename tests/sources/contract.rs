//! What every source must do: the sentences of `ports/source.rs`, each against a source and its other side.

use std::time::{Duration, Instant};

use rollgate::model::reading::Unknown;
use rollgate::model::time::Duration as Length;

use super::world::{Say, World, await_reading, is_number, now, poll};

/// Runs sentences of the contract on one source; a sentence whose fault the other side cannot have is not listed.
#[macro_export]
macro_rules! contract {
    ($name:ident, $world:path, [$($test:ident),* $(,)?]) => {
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

/// What a shared machine may add to a deadline.
const SLACK: Duration = Duration::from_secs(2);

/// 1 and 5.
pub fn a_hang_ends_by_the_deadline_and_is_a_failure(world: &mut impl World) {
    world.say(Say::Number(1.0));
    await_reading(world, is_number(1.0));
    world.hang();
    for _ in 0..2 {
        let started = Instant::now();
        let answer = poll(world);
        let took = started.elapsed();
        assert!(answer.is_err(), "{answer:?}");
        assert!(took < world.deadline() + SLACK, "{took:?}");
    }
    world.recover();
    world.say(Say::Number(2.0));
    await_reading(world, is_number(2.0));
}

/// 2 and 5.
pub fn a_death_is_a_failure_and_no_reading(world: &mut impl World) {
    world.say(Say::Number(1.0));
    await_reading(world, is_number(1.0));
    world.source().acknowledge().unwrap();
    world.die();
    for _ in 0..2 {
        let answer = poll(world);
        let error = answer.expect_err("nobody is there");
        assert_eq!(error.kind(), "unreachable", "{error}");
    }
    world.recover();
    world.say(Say::Number(2.0));
    await_reading(world, is_number(2.0));
}

/// 3.
pub fn what_is_not_a_number_is_unknown(world: &mut impl World) {
    world.say(Say::NotANumber);
    await_reading(world, |reading| reading.unknown == Some(Unknown::NotANumber));
}

/// 3.
pub fn nothing_is_unknown(world: &mut impl World) {
    world.say(Say::Nothing);
    await_reading(world, |reading| reading.unknown == Some(Unknown::Absent));
}

/// 3.
pub fn what_is_partial_is_unknown(world: &mut impl World) {
    world.say(Say::Number(1.0));
    await_reading(world, is_number(1.0));
    world.say(Say::Partial);
    await_reading(world, |reading| reading.unknown == Some(Unknown::SourceError));
}

/// 4: however often it is asked.
pub fn a_reading_is_as_old_as_its_observation(world: &mut impl World) {
    let said = world.say(Say::Number(1.0));
    let came = await_reading(world, is_number(1.0));
    assert_eq!(came.last().map(|(_, at)| *at), Some(said));
    for _ in 0..3 {
        let again = poll(world).unwrap();
        let times: Vec<_> = again.iter().filter_map(super::world::reading).map(|(_, at)| at).collect();
        assert!(times.iter().all(|at| *at == said), "{times:?} {said}");
    }
}

/// 4.
pub fn what_goes_back_in_time_is_handed_on_as_it_is(world: &mut impl World) {
    let first = world.say(Say::Number(1.0));
    await_reading(world, is_number(1.0));
    let second = world.say(Say::Behind(2.0));
    assert!(second < first);
    let came = await_reading(world, is_number(2.0));
    assert_eq!(came.last().map(|(_, at)| *at), Some(second));
}

/// 4.
pub fn what_is_of_the_future_is_handed_on_as_it_is(world: &mut impl World) {
    let said = world.say(Say::Ahead(1.0));
    assert!(said > now() + Length::from_mins(10));
    let came = await_reading(world, is_number(1.0));
    assert_eq!(came.last().map(|(_, at)| *at), Some(said));
}

/// 6.
pub fn what_was_not_acknowledged_comes_again_after_a_crash(world: &mut impl World) {
    let said = world.say(Say::Number(1.0));
    await_reading(world, is_number(1.0));
    world.restart();
    let came = await_reading(world, is_number(1.0));
    assert_eq!(came.last().map(|(_, at)| *at), Some(said));
}

/// 6: whoever could not keep it asks again.
pub fn what_was_not_acknowledged_comes_again_by_the_next_call(world: &mut impl World) {
    let said = world.say(Say::Number(1.0));
    await_reading(world, is_number(1.0));
    world.say(Say::Number(2.0));
    let came = await_reading(world, is_number(2.0));
    let values: Vec<f64> = came.iter().map(|(reading, _)| reading.value).collect();
    assert_eq!((values, came[0].1), (vec![1.0, 2.0], said));
    world.source().acknowledge().unwrap();
    assert_eq!(poll(world).unwrap(), []);
}

/// 6, of sources that hand a thing out once.
pub fn what_was_acknowledged_does_not_come_again(world: &mut impl World) {
    world.say(Say::Number(1.0));
    await_reading(world, is_number(1.0));
    world.source().acknowledge().unwrap();
    world.say(Say::Number(2.0));
    await_reading(world, is_number(2.0));
    world.restart();
    world.say(Say::Number(3.0));
    let came = await_reading(world, is_number(3.0));
    let values: Vec<f64> = came.iter().map(|(reading, _)| reading.value).collect();
    assert_eq!(values, [2.0, 3.0]);
}
