//! Debian's Prometheus, scraping a page of the test's own.

use std::collections::BTreeMap;
use std::time::Duration;

use rollgate::adapters::source::prometheus::{Config, Prometheus, Query};
use rollgate::model::frame::Group;
use rollgate::model::reading::Unknown;
use rollgate::model::snapshot::WireReading;
use rollgate::model::time::{Duration as Length, Time};
use rollgate::ports::source::Source;

use super::prometheus_support::{self, Page};
use super::world::{METRIC, Say, World, await_reading, eventually, is_number, now};

pub struct Real {
    /// Gone once its service has died.
    page: Option<Page>,
    server: prometheus_support::Prometheus,
    hangs: bool,
    source: Prometheus,
    queries: Vec<Query>,
}

const DEADLINE: Length = Length::from_secs(2);

pub fn world() -> Real {
    real(vec![Query::new(METRIC, Group::Treatment, METRIC)])
}

fn real(queries: Vec<Query>) -> Real {
    let page = Page::start();
    let server = prometheus_support::Prometheus::start(&page);
    let source = source(&server.url(), &queries);
    Real { page: Some(page), server, hangs: false, source, queries }
}

fn source(url: &str, queries: &[Query]) -> Prometheus {
    Prometheus::new(Config { deadline: DEADLINE, ..Config::new("prometheus", url, queries.to_vec()) }).unwrap()
}

impl Real {
    fn show(&self, series: &str, value: &str) {
        self.page.as_ref().unwrap().show(series, value);
    }

    /// The reading of [`METRIC`] once it is `wanted`, and when it was observed.
    fn awaited(&mut self, wanted: impl Fn(&WireReading) -> bool) -> (WireReading, Time) {
        await_reading(self, wanted).pop().unwrap()
    }
}

impl World for Real {
    fn source(&mut self) -> &mut dyn Source {
        &mut self.source
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(2)
    }

    /// With a time of its own, as a sender would give it: it is then not Prometheus that stamps it.
    fn say(&mut self, what: Say) -> Time {
        let at = now();
        let value = match what {
            Say::Number(value) => value.to_string(),
            Say::NotANumber => "NaN".to_owned(),
            Say::Nothing => {
                self.page.as_ref().unwrap().clear();
                return at;
            }
            other => panic!("a real Prometheus cannot say {other:?}"),
        };
        self.show(METRIC, &format!("{value} {}", at.as_millis()));
        at
    }

    fn hang(&mut self) {
        self.server.stop();
        self.hangs = true;
    }

    fn die(&mut self) {
        self.server.kill();
    }

    fn recover(&mut self) {
        match std::mem::take(&mut self.hangs) {
            true => self.server.resume(),
            false => self.server.restart(),
        }
    }

    fn restart(&mut self) {
        self.source = source(&self.server.url(), &self.queries);
    }
}

#[test]
fn a_target_that_dies_is_absent_at_once() {
    let mut real = world();
    real.show(METRIC, "1");
    real.awaited(is_number(1.0));
    real.page = None;
    real.awaited(|reading| reading.unknown == Some(Unknown::Absent));
}

/// "A dead source looks alive for five minutes": what is pushed leaves no mark of its end.
#[test]
fn a_sender_that_dies_grows_old_though_prometheus_still_answers() {
    let mut real = real(vec![Query::new(METRIC, Group::Treatment, "sum(error_rate) / 2")]);
    let said = real.say(Say::Number(4.0));
    let (_, observed) = real.awaited(is_number(2.0));
    assert_eq!(observed, said);
    real.page = None;
    let later = eventually("a second", || Some(now()).filter(|now| now.since(said) > Length::from_secs(1)));
    let (reading, observed) = real.awaited(|_| true);
    assert_eq!((reading.value, reading.unknown, observed), (2.0, None, said));
    let asked = real.source.poll(now()).unwrap();
    assert!(asked[0].time >= later, "it was asked at its own now");
}

/// Between two scrapes an expression would give another value at every instant, and all of them of one observation.
#[test]
fn asking_twice_between_two_samples_gives_the_same_reading_twice() {
    let mut real = real(vec![Query::new(METRIC, Group::Treatment, "rate(hits_total[5s])")]);
    let mut seen: BTreeMap<Time, Vec<u64>> = BTreeMap::new();
    let mut hits = 0;
    eventually("three samples asked twice", || {
        hits += 7;
        real.show("hits_total", &hits.to_string());
        for snapshot in real.source.poll(now()).unwrap() {
            let (reading, at) = super::world::reading(&snapshot).unwrap();
            if reading.unknown.is_none() {
                seen.entry(at).or_default().push(reading.value.to_bits());
            }
        }
        (seen.values().filter(|values| values.len() > 1).count() >= 3).then_some(())
    });
    for (at, values) in seen {
        assert!(values.iter().all(|value| *value == values[0]), "{at}: {values:?}");
    }
}

#[test]
fn the_series_furthest_behind_tells_the_age_and_the_instant() {
    let mut real = real(vec![Query::new(METRIC, Group::Treatment, "sum(errors) / sum(hits) + (never or vector(0))")]);
    let ago = |seconds| now() - Length::from_secs(seconds);
    let (first, second, third) = (ago(30), ago(20), ago(10));
    real.show("errors", &format!("2 {}", first.as_millis()));
    real.show("hits", &format!("4 {}", first.as_millis()));
    let (_, observed) = real.awaited(is_number(0.5));
    assert_eq!(observed, first);
    real.show("hits", &format!("8 {}", second.as_millis()));
    real.show("errors", &format!("100 {}", third.as_millis()));
    // The newest of one is not the newest of both: what is known of both is known as of `second`.
    let seen = eventually("the later samples", || {
        let (reading, observed) = real.awaited(|_| true);
        (observed > first).then_some((reading.value, observed))
    });
    assert_eq!(seen, (0.25, second));
}

#[test]
fn what_prometheus_refuses_costs_one_reading_and_is_quoted() {
    let queries = [
        ("good", "vector(3)"),
        ("broken", "sum(error_rate"),
        ("ranged", "error_rate[1m]"),
        ("text", "\"a\""),
        ("several", "error_rate or label_replace(vector(1), \"pod\", \"b\", \"\", \"\")"),
        ("infinite", "vector(1) / 0"),
        ("not_a_number", "vector(0) / 0"),
        ("absent", "nobody"),
        ("one_too_many", "error_rate * on () (error_rate or up)"),
    ];
    let mut real = real(queries.map(|(metric, promql)| Query::new(metric, Group::Treatment, promql)).to_vec());
    real.show("error_rate{pod=\"a\"}", "1");
    let snapshot = eventually("a scrape", || {
        let snapshot = real.source.poll(now()).unwrap().remove(0);
        (snapshot.groups["treatment"]["ranged"].unknown == Some(Unknown::WrongType)
            && real.source.problems().iter().any(|problem| problem.contains("2 series")))
        .then_some(snapshot)
    });
    let unknown = |metric: &str| snapshot.groups["treatment"][metric].unknown;
    assert_eq!(snapshot.groups["treatment"]["good"].value, 3.0);
    for (metric, why) in [
        ("good", None),
        ("broken", Some(Unknown::SourceError)),
        ("ranged", Some(Unknown::WrongType)),
        ("text", Some(Unknown::WrongType)),
        ("several", Some(Unknown::SourceError)),
        ("infinite", Some(Unknown::Infinite)),
        ("not_a_number", Some(Unknown::NotANumber)),
        ("absent", Some(Unknown::Absent)),
        ("one_too_many", Some(Unknown::SourceError)),
    ] {
        assert_eq!(unknown(metric), why, "{metric}: {:?}", real.source.problems());
    }
    let problems = real.source.problems().join("\n");
    for words in [
        "`broken` of treatment: it answers 400: bad_data: invalid parameter \"query\": 1:15: parse error: unclosed left parenthesis",
        "`ranged` of treatment: the answer is a matrix",
        "`text` of treatment: the answer is a string",
        "`one_too_many` of treatment: it answers 422: execution: ",
        "pod=\"b\"",
    ] {
        assert!(problems.contains(words), "{words}\n{problems}");
    }
}

#[test]
fn counts_and_ages_are_asked_as_said() {
    let mut real = real(vec![Query {
        samples: Some("sum(hits)".to_owned()),
        age: Some("vector(42.5)".to_owned()),
        ..Query::new(METRIC, Group::Treatment, "max(errors)")
    }]);
    real.show("errors", "1");
    real.show("hits", "1200");
    let (reading, observed) = real.awaited(|reading| reading.samples.is_some());
    assert_eq!((reading.value, reading.samples), (1.0, Some(1200)));
    let age = now().since(observed);
    assert!(age >= Length::from_millis(42_500) && age < Length::from_secs(60), "{age}");
}
