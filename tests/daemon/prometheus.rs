//! A real Prometheus that scrapes a service whose treatment group starts failing, and a controller that asks it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::Place;
use crate::prometheus_support::http::{Reply, Server};
use crate::prometheus_support::{Page, Prometheus};

/// How often Prometheus looks.
const SCRAPE: Duration = Duration::from_millis(200);
/// How often the controller asks Prometheus, and so evaluates.
const EVERY: Duration = Duration::from_secs(1);
/// For how long the value must be beyond its bound.
const FOR: Duration = Duration::from_secs(2);
/// Threads that wake late, a busy machine, the poll of this test.
const SLACK: Duration = Duration::from_millis(500);

const POLICY: &str = r#"
schema   = 1
rollout  = "checkout"
features = ["checkout"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "10s", on_unknown = "hold" }
[thresholds.error_rate]
p0 = { above = "5%", for = "2s" }
[[stages]]
name = "off"
[[stages]]
name    = "canary"
traffic = "10%"
bake    = "1h"
"#;

/// A service whose canary fails this often, in percent.
fn fails(service: &Page, percent: f64) {
    service.show("error_percent{variant=\"canary\"}", &percent.to_string());
}

#[test]
fn a_service_that_starts_failing_is_rolled_back_within_two_intervals_after_its_for() {
    let service = Page::start();
    fails(&service, 1.0);
    service.show("error_percent{variant=\"stable\"}", "1");
    let prometheus = Prometheus::start(&service);
    let place = Place::empty();
    place.policy("checkout", POLICY);
    place.write(
        "rollgate.toml",
        &format!(
            "[[sources]]\nkind = \"prometheus\"\nname = \"prometheus\"\nurl = \"{}\"\nevery = \"1s\"\n\
             groups = {{ treatment = \"canary\", control = \"stable\" }}\n\
             [sources.queries]\nerror_rate = 'error_percent{{variant=\"$group\"}}'\n",
            prometheus.url()
        ),
    );
    let controller = place.run("");
    controller.to_canary("checkout");
    let state = |view: &Value| view["decision"]["findings"][0]["state"].clone();
    let good = controller.view_where("checkout", "it reads Prometheus", |view| state(view) == "ok");
    assert_eq!(good["sources"][0]["problem"], Value::Null, "{good:#}");
    fails(&service, 50.0);
    let flipped = Instant::now();
    controller.view_where("checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    let took = flipped.elapsed();
    // Beyond its bound for Prometheus: one scrape at the latest after the service began to fail. Seen by the controller:
    // one asking later. Beyond for its `for`: two seconds after it was first seen. Two intervals are the promise.
    let most = SCRAPE + FOR + 2 * EVERY + SLACK;
    #[expect(clippy::disallowed_macros, reason = "a figure for whoever runs it")]
    {
        eprintln!(
            "failing to rolled back: {took:?}; at most {most:?} = {SCRAPE:?} + {FOR:?} + 2 x {EVERY:?} + {SLACK:?}"
        );
    }
    assert!(took >= FOR, "{took:?}: not before its `for`");
    assert!(took <= most, "{took:?}, more than {most:?}");
    controller.ends();
    place.assert_sound("rolled back by Prometheus");
}

#[test]
fn a_prometheus_that_hangs_holds_its_rollout_and_delays_no_other_ones_roll_back() {
    let hangs = Server::start(|_| Reply::Hang);
    let place = Place::empty();
    place.policy(
        "checkout",
        &POLICY.replace("rollout  = \"checkout\"", "rollout  = \"slow\"").replace("[\"checkout\"]", "[\"slow\"]"),
    );
    place.policy("search", &POLICY.replace("checkout", "search").replace(", for = \"2s\"", ""));
    place.write(
        "rollgate.toml",
        &format!(
            "[[sources]]\nkind = \"prometheus\"\nname = \"hangs\"\nrollout = \"slow\"\nurl = \"{}\"\nevery = \"1s\"\n\
             deadline = \"1s\"\n[sources.queries]\nerror_rate = 'error_percent'\n",
            hangs.url()
        ),
    );
    let controller = place.run("");
    controller.to_canary("search");
    controller.to_canary("slow");
    let started = Instant::now();
    controller.reads("search", 9.0);
    controller.view_within(Duration::from_secs(1), "search", "it rolls back", |view| view["phase"] == "rolled_back");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    let slow = controller.view_where("slow", "its source is shown", |view| view["sources"][0]["problem"].is_string());
    assert_eq!((&slow["phase"], &slow["stage"]), (&"hold".into(), &"canary".into()), "{slow:#}");
    controller.ends();
}
