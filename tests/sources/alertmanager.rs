//! Alertmanager's webhook.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rollgate::adapters::source::About;
use rollgate::adapters::source::push::alertmanager::{Fires, Mapping, Rule, decode};
use rollgate::adapters::source::push::{Decoded, GroupBy, Matcher, Place, RegionBy};
use rollgate::model::frame::Group;
use rollgate::model::reading::Unknown;
use rollgate::model::time::Time;
use rollgate::ports::source::SourceError;

const AT: Time = Time::from_millis(1_800_000_000_000);
const JSON: &str = "application/json";

fn mapping() -> Mapping {
    let named = |name: &str| Matcher { label: "alertname".to_owned(), one_of: vec![name.to_owned()] };
    let values = BTreeMap::from([("canary".to_owned(), Group::Treatment), ("stable".to_owned(), Group::Control)]);
    let by_label = Place {
        group: GroupBy::Label { label: "track".to_owned(), values },
        region: RegionBy::Label("region".to_owned()),
    };
    let rule = |matching, metric: &str, place, fires| Rule { matching, metric: metric.to_owned(), place, fires };
    Mapping {
        name: "alertmanager".to_owned(),
        about: About { rollout: Some("checkout".to_owned()), environment: None },
        rules: vec![
            rule(vec![named("HighErrors")], "errors_ok", by_label, Fires::Failed),
            rule(vec![named("Watchdog")], "alerting_alive", Place::always(Group::All, ""), Fires::Ok),
        ],
    }
}

fn alert(status: &str, name: &str, more: &str) -> String {
    format!(
        r#"{{"status":"{status}","labels":{{"alertname":"{name}"{more}}},"annotations":{{"summary":"s"}},
            "startsAt":"2026-11-01T00:00:00Z","endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p/g",
            "fingerprint":"d1"}}"#
    )
}

/// As Alertmanager 0.34 words it.
fn webhook(alerts: &[String], truncated: u64) -> String {
    format!(
        r#"{{"version":"4","groupKey":"{{}}:{{}}","truncatedAlerts":{truncated},"receiver":"rollgate","status":"firing",
            "alerts":[{}],"groupLabels":{{}},"commonLabels":{{}},"commonAnnotations":{{}},"externalURL":"http://am",
            "routeLabels":{{}},"notification_reason":"new"}}"#,
        alerts.join(",")
    )
}

fn decoded(alerts: &[String], truncated: u64) -> Decoded {
    decode(webhook(alerts, truncated).as_bytes(), JSON, &mapping(), AT).unwrap()
}

const EU: &str = r#","track":"canary","region":"eu""#;
const US: &str = r#","track":"stable","region":"us""#;

#[test]
fn firing_is_failed_and_resolved_is_ok_in_the_place_the_labels_name() {
    let decoded = decoded(&[alert("firing", "HighErrors", EU), alert("resolved", "HighErrors", US)], 0);
    let [eu, us] = decoded.snapshots.as_slice() else { panic!("{decoded:?}") };
    assert_eq!((eu.region.as_str(), eu.time, eu.source.as_deref()), ("eu", AT, Some("alertmanager")));
    assert_eq!(eu.rollout.as_deref(), Some("checkout"));
    assert_eq!(eu.groups["treatment"]["errors_ok"].value, 1.0);
    assert_eq!((us.region.as_str(), us.groups["control"]["errors_ok"].value), ("us", 0.0));
    assert_eq!((decoded.rejected, decoded.unmapped, decoded.message), (0, 0, None));
}

#[test]
fn an_alert_that_always_fires_is_a_sign_of_life() {
    for (status, value) in [("firing", 0.0), ("resolved", 1.0)] {
        let decoded = decoded(&[alert(status, "Watchdog", "")], 0);
        assert_eq!(decoded.snapshots[0].groups["all"]["alerting_alive"].value, value);
    }
}

#[test]
fn of_several_alerts_for_one_metric_the_worst_stands_in_any_order() {
    let firing = || alert("firing", "HighErrors", &format!(r#"{EU},"pod":"a""#));
    let resolved = || alert("resolved", "HighErrors", &format!(r#"{EU},"pod":"b""#));
    for alerts in [[firing(), resolved()], [resolved(), firing()]] {
        assert_eq!(decoded(&alerts, 0).snapshots[0].groups["treatment"]["errors_ok"].value, 1.0);
    }
}

#[test]
fn what_nobody_asks_for_is_counted_and_is_no_mistake() {
    let strange = [
        alert("firing", "Other", EU),
        alert("firing", "HighErrors", r#","track":"beta","region":"eu""#),
        alert("firing", "HighErrors", r#","track":"canary""#),
    ];
    let decoded = decoded(&strange, 0);
    assert_eq!((decoded.snapshots.len(), decoded.unmapped, decoded.rejected, decoded.message), (0, 3, 0, None));
}

#[test]
fn a_state_that_is_none_costs_its_alert() {
    let decoded = decoded(&[alert("suppressed", "HighErrors", EU), alert("firing", "HighErrors", US)], 0);
    assert_eq!((decoded.snapshots.len(), decoded.rejected), (1, 1));
    assert_eq!(decoded.message.unwrap(), "an alert is `suppressed`, which is neither firing nor resolved");
}

#[test]
fn when_alerts_were_left_out_good_news_is_none() {
    let decoded = decoded(&[alert("resolved", "HighErrors", EU), alert("firing", "HighErrors", US)], 7);
    let [eu, us] = decoded.snapshots.as_slice() else { panic!("{decoded:?}") };
    assert_eq!(eu.groups["treatment"]["errors_ok"].unknown, Some(Unknown::SourceError));
    assert_eq!(us.groups["control"]["errors_ok"].value, 1.0);
    assert!(decoded.message.unwrap().starts_with("7 alerts were left out"));
}

#[rstest::rstest]
#[case::empty("", JSON, "malformed")]
#[case::cut_off(r#"{"version":"4","alerts":["#, JSON, "malformed")]
#[case::no_alerts(r#"{"version":"4"}"#, JSON, "malformed")]
#[case::another_version(r#"{"version":"5","alerts":[]}"#, JSON, "malformed")]
#[case::a_list("[]", JSON, "malformed")]
#[case::a_form("a=b", "application/x-www-form-urlencoded", "refused")]
fn what_is_no_webhook_is_an_error(#[case] body: &str, #[case] content_type: &str, #[case] kind: &str) {
    let error = decode(body.as_bytes(), content_type, &mapping(), AT).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
}

#[test]
fn size_number_and_depth_are_bounded() {
    let malformed = |body: &str| {
        let answer = decode(body.as_bytes(), JSON, &mapping(), AT);
        assert!(matches!(answer, Err(SourceError::Malformed(_))), "{answer:?}");
    };
    malformed(&" ".repeat(5 << 20));
    malformed(&webhook(&vec![r#"{"status":"firing"}"#.to_owned(); 10_001], 0));
    malformed(&format!(r#"{{"version":"4","alerts":{}"#, "[".repeat(100_000)));
}

proptest! {
    #[test]
    fn any_bytes_end_in_an_answer(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&body, JSON, &mapping(), AT);
    }

    /// A good webhook with a piece of it changed is read or refused, and never makes a reading that nobody sent.
    #[test]
    fn a_damaged_webhook_never_becomes_good_news(at in 0_usize..1000, byte in any::<u8>()) {
        let mut body = webhook(&[alert("firing", "HighErrors", EU)], 0).into_bytes();
        let length = body.len();
        body[at % length] = byte;
        if let Ok(decoded) = decode(&body, JSON, &mapping(), AT) {
            for snapshot in &decoded.snapshots {
                for reading in snapshot.groups.values().flat_map(BTreeMap::values) {
                    prop_assert!(reading.unknown.is_some() || reading.value > 0.0, "{snapshot:?}");
                }
            }
        }
    }
}
