//! Sources against the real thing where there is one, and against doubles for what the real thing cannot be made to do.

#![expect(clippy::disallowed_methods, reason = "the other side is played here: its files, its clocks, its processes")]
#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]

mod alertmanager;
mod contract;
mod docs;
mod google;
mod growing_file;
mod otlp;
mod prometheus_double;
mod prometheus_real;
#[path = "../prometheus_support/mod.rs"]
mod prometheus_support;
mod redis_stream;
#[path = "../redis_support/mod.rs"]
mod redis_support;
mod rotated;
mod run;
mod world;

contract!(
    of_a_real_prometheus,
    crate::prometheus_real::world,
    [
        a_hang_ends_by_the_deadline_and_is_a_failure,
        a_death_is_a_failure_and_no_reading,
        what_is_not_a_number_is_unknown,
        nothing_is_unknown,
        a_reading_is_as_old_as_its_observation,
        what_was_not_acknowledged_comes_again_after_a_crash,
    ]
);
contract!(
    of_a_prometheus_that_lies,
    crate::prometheus_double::world,
    [
        a_hang_ends_by_the_deadline_and_is_a_failure,
        a_death_is_a_failure_and_no_reading,
        what_is_not_a_number_is_unknown,
        nothing_is_unknown,
        what_is_partial_is_unknown,
        a_reading_is_as_old_as_its_observation,
        what_goes_back_in_time_is_handed_on_as_it_is,
        what_is_of_the_future_is_handed_on_as_it_is,
        what_was_not_acknowledged_comes_again_after_a_crash,
    ]
);
contract!(
    of_a_growing_file,
    crate::growing_file::world,
    [
        a_hang_ends_by_the_deadline_and_is_a_failure,
        a_death_is_a_failure_and_no_reading,
        what_is_not_a_number_is_unknown,
        nothing_is_unknown,
        what_is_partial_is_unknown,
        a_reading_is_as_old_as_its_observation,
        what_goes_back_in_time_is_handed_on_as_it_is,
        what_is_of_the_future_is_handed_on_as_it_is,
        what_was_not_acknowledged_comes_again_after_a_crash,
        what_was_not_acknowledged_comes_again_by_the_next_call,
        what_was_acknowledged_does_not_come_again,
    ]
);
contract!(
    of_a_redis_stream,
    crate::redis_stream::world,
    [
        a_hang_ends_by_the_deadline_and_is_a_failure,
        a_death_is_a_failure_and_no_reading,
        what_is_not_a_number_is_unknown,
        nothing_is_unknown,
        what_is_partial_is_unknown,
        a_reading_is_as_old_as_its_observation,
        what_goes_back_in_time_is_handed_on_as_it_is,
        what_is_of_the_future_is_handed_on_as_it_is,
        what_was_not_acknowledged_comes_again_after_a_crash,
        what_was_not_acknowledged_comes_again_by_the_next_call,
        what_was_acknowledged_does_not_come_again,
    ]
);
