//! OTLP metrics, as protobuf and as JSON.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exponential_histogram_data_point::Buckets,
    metric::Data, number_data_point::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message as _;
use rollgate::adapters::source::About;
use rollgate::adapters::source::push::otlp::{Mapping, Rule, Take, answer, decode};
use rollgate::adapters::source::push::{Decoded, GroupBy, Matcher, Place, RegionBy};
use rollgate::model::frame::{Group, Kind};
use rollgate::model::reading::Unknown;
use rollgate::model::snapshot::WireReading;
use rollgate::model::time::Time;

const AT: Time = Time::from_millis(1_800_000_000_000);
const NANOS: u64 = 1_799_999_999_123_456_789;
const SENT: Time = Time::from_millis(1_799_999_999_123);
const JSON: &str = "application/json; charset=utf-8";
const PROTOBUF: &str = "application/x-protobuf";

const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;

fn rule(from: &str, kind: Kind, take: Take) -> Rule {
    Rule {
        from: from.to_owned(),
        matching: Vec::new(),
        metric: "m".to_owned(),
        place: Place::always(Group::Treatment, ""),
        kind,
        take,
        factor: 1.0,
    }
}

fn mapping(rules: Vec<Rule>) -> Mapping {
    let about = About { rollout: Some("checkout".to_owned()), environment: None };
    Mapping { name: "otlp".to_owned(), about, rules }
}

fn pair(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    pair(key, Any::StringValue(value.to_owned()))
}

fn point(value: Value, attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint { attributes, time_unix_nano: NANOS, value: Some(value), ..NumberDataPoint::default() }
}

fn request(metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let resource = Resource { attributes: vec![text("region", "eu"), text("track", "stable")], ..Resource::default() };
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics,
            ..ResourceMetrics::default()
        }],
    }
}

fn metric(data: Data) -> Metric {
    Metric { name: "x".to_owned(), data: Some(data), ..Metric::default() }
}

fn gauge(points: Vec<NumberDataPoint>) -> Data {
    Data::Gauge(Gauge { data_points: points })
}

fn sum(value: Value, aggregation_temporality: i32, is_monotonic: bool) -> Data {
    Data::Sum(Sum { data_points: vec![point(value, vec![])], aggregation_temporality, is_monotonic })
}

fn histogram(aggregation_temporality: i32) -> Data {
    let point = HistogramDataPoint {
        time_unix_nano: NANOS,
        count: 40,
        sum: Some(4.5),
        bucket_counts: vec![20, 20, 0],
        explicit_bounds: vec![0.1, 0.2],
        ..HistogramDataPoint::default()
    };
    Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality })
}

fn exponential(aggregation_temporality: i32) -> Data {
    let point = ExponentialHistogramDataPoint {
        time_unix_nano: NANOS,
        count: 30,
        sum: Some(100.0),
        zero_count: 10,
        positive: Some(Buckets { offset: 0, bucket_counts: vec![10, 10] }),
        ..ExponentialHistogramDataPoint::default()
    };
    Data::ExponentialHistogram(ExponentialHistogram { data_points: vec![point], aggregation_temporality })
}

/// The same thing sent both ways must read the same, and is returned once.
fn both_ways(request: &ExportMetricsServiceRequest, mapping: &Mapping) -> Decoded {
    let json = serde_json::to_vec(request).unwrap();
    let protobuf = decode(&request.encode_to_vec(), PROTOBUF, mapping, AT).unwrap();
    let json = decode(&json, JSON, mapping, AT).unwrap();
    assert_eq!(protobuf, json);
    protobuf
}

fn taken(data: Data, kind: Kind, take: Take) -> Result<WireReading, String> {
    let decoded = both_ways(&request(vec![metric(data)]), &mapping(vec![rule("x", kind, take)]));
    match decoded.rejected {
        0 => {
            assert_eq!(decoded.snapshots[0].time, SENT);
            Ok(decoded.snapshots[0].groups["treatment"]["m"])
        }
        _ => Err(decoded.message.unwrap()),
    }
}

#[rstest::rstest]
#[case::a_gauge(gauge(vec![point(Value::AsDouble(0.5), vec![])]), Kind::Gauge, 0.5)]
#[case::a_whole_gauge(gauge(vec![point(Value::AsInt(-3), vec![])]), Kind::Gauge, -3.0)]
#[case::an_increase(sum(Value::AsInt(7), DELTA, true), Kind::Gauge, 7.0)]
#[case::a_level(sum(Value::AsInt(7), CUMULATIVE, false), Kind::Gauge, 7.0)]
#[case::a_total(sum(Value::AsDouble(7.0), CUMULATIVE, true), Kind::Counter, 7.0)]
fn numbers_are_taken_where_they_mean_what_the_policy_means(#[case] data: Data, #[case] kind: Kind, #[case] value: f64) {
    assert_eq!(taken(data, kind, Take::Value).unwrap(), WireReading::number(value));
}

#[rstest::rstest]
#[case::a_total_as_a_value(sum(Value::AsInt(7), CUMULATIVE, true), Kind::Gauge, Take::Value, "only grows")]
#[case::an_increase_as_a_total(sum(Value::AsInt(7), DELTA, true), Kind::Counter, Take::Value, "send it cumulative")]
#[case::a_level_as_a_total(sum(Value::AsInt(7), CUMULATIVE, false), Kind::Counter, Take::Value, "may fall")]
#[case::a_gauge_as_a_total(gauge(vec![point(Value::AsInt(1), vec![])]), Kind::Counter, Take::Value, "takes totals")]
#[case::of_no_temporality(sum(Value::AsInt(7), 0, true), Kind::Gauge, Take::Value, "does not say")]
#[case::a_histogram_as_a_value(histogram(DELTA), Kind::Gauge, Take::Value, "it is a histogram")]
#[case::a_gauge_as_a_histogram(gauge(vec![point(Value::AsInt(1), vec![])]), Kind::Gauge, Take::Count, "no histogram")]
#[case::a_quantile_since_the_start(
    histogram(CUMULATIVE),
    Kind::Gauge,
    Take::Quantile(0.5),
    "since its process started"
)]
#[case::a_quantile_as_a_total(histogram(DELTA), Kind::Counter, Take::Quantile(0.5), "no total")]
#[case::a_growing_count_as_a_value(histogram(CUMULATIVE), Kind::Gauge, Take::Count, "only grows")]
#[case::a_summary(
    Data::Summary(Summary { data_points: vec![SummaryDataPoint { time_unix_nano: NANOS, ..SummaryDataPoint::default() }] }),
    Kind::Gauge,
    Take::Value,
    "it is a summary"
)]
#[case::without_a_value(
    gauge(vec![NumberDataPoint { time_unix_nano: NANOS, ..NumberDataPoint::default() }]),
    Kind::Gauge,
    Take::Value,
    "it has no value"
)]
fn what_would_mean_something_else_is_turned_away(
    #[case] data: Data,
    #[case] kind: Kind,
    #[case] take: Take,
    #[case] words: &str,
) {
    let why = taken(data, kind, take).unwrap_err();
    assert!(why.starts_with("`x`: ") && why.contains(words), "{why}");
}

#[rstest::rstest]
#[case::a_quantile(histogram(DELTA), Kind::Gauge, Take::Quantile(0.5), 0.1, Some(40))]
#[case::a_count(histogram(DELTA), Kind::Gauge, Take::Count, 40.0, None)]
#[case::a_sum(histogram(DELTA), Kind::Gauge, Take::Sum, 4.5, None)]
#[case::a_growing_count(histogram(CUMULATIVE), Kind::Counter, Take::Count, 40.0, None)]
#[case::an_exponential_quantile(exponential(DELTA), Kind::Gauge, Take::Quantile(1.0), 4.0, Some(30))]
#[case::an_exponential_sum(exponential(CUMULATIVE), Kind::Counter, Take::Sum, 100.0, None)]
fn histograms_give_a_quantile_a_count_or_a_sum(
    #[case] data: Data,
    #[case] kind: Kind,
    #[case] take: Take,
    #[case] value: f64,
    #[case] samples: Option<u64>,
) {
    assert_eq!(taken(data, kind, take).unwrap(), WireReading { samples, ..WireReading::number(value) });
}

#[test]
fn a_point_that_says_it_has_no_value_is_unknown() {
    let missing = NumberDataPoint { flags: 1, time_unix_nano: NANOS, ..NumberDataPoint::default() };
    let reading = taken(gauge(vec![missing]), Kind::Gauge, Take::Value).unwrap();
    assert_eq!(reading, WireReading::missing(Unknown::Absent));
}

#[test]
fn numbers_that_are_none_are_unknown_in_both_encodings() {
    for (value, text, why) in [
        (f64::NAN, "NaN", Unknown::NotANumber),
        (f64::INFINITY, "Infinity", Unknown::Infinite),
        (f64::NEG_INFINITY, "-Infinity", Unknown::Infinite),
    ] {
        let mapping = mapping(vec![rule("x", Kind::Gauge, Take::Value)]);
        let protobuf = request(vec![metric(gauge(vec![point(Value::AsDouble(value), vec![])]))]).encode_to_vec();
        let json = format!(
            r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"x","gauge":{{"dataPoints":[
                {{"timeUnixNano":"{NANOS}","asDouble":"{text}"}}]}}}}]}}]}}]}}"#
        );
        for (body, content_type) in [(protobuf.as_slice(), PROTOBUF), (json.as_bytes(), JSON)] {
            let decoded = decode(body, content_type, &mapping, AT).unwrap();
            assert_eq!(decoded.snapshots[0].groups["treatment"]["m"].unknown, Some(why), "{content_type}");
        }
    }
}

#[test]
fn json_as_it_stands_in_the_wild_is_read() {
    let body = r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"n","value":{"intValue":"5"}}]},
        "scopeMetrics":[{"scope":{"name":"s","attributes":[{"key":"on","value":{"boolValue":true}}]},
        "metrics":[{"name":"x","unit":"1","metadata":[],"sum":{"aggregationTemporality":2,"isMonotonic":true,
        "dataPoints":[{"startTimeUnixNano":"1","timeUnixNano":1799999999123456789,"asInt":"9007199254740993",
        "attributes":[{"key":"list","value":{"arrayValue":{"values":[]}}}],"exemplars":[{"traceId":"5b8efff798038103"}],
        "flags":0,"new":{}}]}}]}]}],"unknown":1}"#;
    let matching = |label: &str, value: &str| Matcher { label: label.to_owned(), one_of: vec![value.to_owned()] };
    let rule = Rule {
        matching: vec![matching("n", "5"), matching("on", "true")],
        factor: 0.5,
        ..rule("x", Kind::Counter, Take::Value)
    };
    let decoded = decode(body.as_bytes(), JSON, &mapping(vec![rule]), AT).unwrap();
    assert_eq!((decoded.snapshots[0].time, decoded.rejected), (SENT, 0));
    assert_eq!(decoded.snapshots[0].groups["treatment"]["m"].value, 4_503_599_627_370_496.0);
}

#[test]
fn attributes_of_the_point_come_before_those_above_it_and_say_group_and_region() {
    let values = BTreeMap::from([("canary".to_owned(), Group::Treatment), ("stable".to_owned(), Group::Control)]);
    let place = Place {
        group: GroupBy::Label { label: "track".to_owned(), values },
        region: RegionBy::Label("region".to_owned()),
    };
    let rules = vec![Rule { place, ..rule("x", Kind::Gauge, Take::Value) }];
    let points = vec![
        point(Value::AsInt(1), vec![text("track", "canary")]),
        point(Value::AsInt(2), vec![]),
        point(Value::AsInt(3), vec![text("track", "beta")]),
    ];
    let decoded = both_ways(&request(vec![metric(gauge(points))]), &mapping(rules));
    let [snapshot] = decoded.snapshots.as_slice() else { panic!("{decoded:?}") };
    assert_eq!((snapshot.region.as_str(), snapshot.source.as_deref()), ("eu", Some("otlp")));
    assert_eq!(snapshot.groups["treatment"]["m"].value, 1.0);
    assert_eq!(snapshot.groups["control"]["m"].value, 2.0);
    assert_eq!((decoded.unmapped, decoded.rejected), (1, 0));
}

#[test]
fn several_series_for_one_reading_are_unknown_and_named() {
    let points = ["a", "b"].map(|pod| point(Value::AsInt(1), vec![text("pod", pod)])).to_vec();
    let decoded = both_ways(&request(vec![metric(gauge(points))]), &mapping(vec![rule("x", Kind::Gauge, Take::Value)]));
    assert_eq!(decoded.snapshots[0].groups["treatment"]["m"].unknown, Some(Unknown::SourceError));
    assert_eq!(decoded.rejected, 2);
    let message = decoded.message.unwrap();
    assert!(message.contains(r#"pod="a""#) && message.contains(r#"pod="b""#), "{message}");
}

#[test]
fn several_instants_of_one_series_are_several_snapshots() {
    let mut points = vec![point(Value::AsInt(1), vec![]), point(Value::AsInt(2), vec![])];
    points[1].time_unix_nano = NANOS + 1_000_000_000;
    let decoded = both_ways(&request(vec![metric(gauge(points))]), &mapping(vec![rule("x", Kind::Gauge, Take::Value)]));
    assert_eq!((decoded.snapshots.len(), decoded.rejected), (2, 0));
    assert!(decoded.snapshots[0].time < decoded.snapshots[1].time);
}

#[test]
fn a_point_without_a_time_is_of_its_arrival() {
    let timeless = NumberDataPoint { value: Some(Value::AsInt(1)), ..NumberDataPoint::default() };
    let decoded =
        both_ways(&request(vec![metric(gauge(vec![timeless]))]), &mapping(vec![rule("x", Kind::Gauge, Take::Value)]));
    assert_eq!(decoded.snapshots[0].time, AT);
}

#[test]
fn what_was_not_taken_is_answered_in_the_encoding_of_the_question() {
    let data = sum(Value::AsInt(7), DELTA, true);
    let decoded = both_ways(&request(vec![metric(data)]), &mapping(vec![rule("x", Kind::Counter, Take::Value)]));
    let (content_type, body) = answer(&decoded, PROTOBUF).unwrap();
    assert_eq!(content_type, PROTOBUF);
    let partial = ExportMetricsServiceResponse::decode(body.as_slice()).unwrap().partial_success.unwrap();
    assert_eq!((partial.rejected_data_points, Some(partial.error_message)), (1, decoded.message.clone()));
    let (content_type, body) = answer(&decoded, JSON).unwrap();
    assert_eq!(content_type, "application/json");
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["partialSuccess"]["rejectedDataPoints"], "1");
    assert_eq!(answer(&Decoded::default(), JSON).unwrap().1, b"{}");
    assert!(answer(&Decoded::default(), PROTOBUF).unwrap().1.is_empty());
}

#[rstest::rstest]
#[case::no_protobuf(b"\xff\xff\xff".as_slice(), PROTOBUF, "malformed")]
#[case::json_as_protobuf(b"{}".as_slice(), PROTOBUF, "malformed")]
#[case::no_json(b"{".as_slice(), JSON, "malformed")]
#[case::a_list(b"[]".as_slice(), JSON, "malformed")]
#[case::snake_case(br#"{"resource_metrics":[]}"#.as_slice(), JSON, "malformed")]
#[case::another_encoding(b"".as_slice(), "text/plain", "refused")]
fn what_is_no_otlp_is_an_error(#[case] body: &[u8], #[case] content_type: &str, #[case] kind: &str) {
    let error = decode(body, content_type, &mapping(vec![]), AT).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
}

#[test]
fn size_number_and_depth_are_bounded() {
    let mapping = mapping(vec![rule("x", Kind::Gauge, Take::Value)]);
    let points = vec![NumberDataPoint::default(); 100_001];
    let many = request(vec![metric(gauge(points))]).encode_to_vec();
    for (body, content_type) in [
        (vec![b' '; 5 << 20], JSON),
        (vec![0; 5 << 20], PROTOBUF),
        (many, PROTOBUF),
        ("[".repeat(100_000).into_bytes(), JSON),
    ] {
        assert_eq!(decode(&body, content_type, &mapping, AT).unwrap_err().kind(), "malformed");
    }
    // A value of a value of a value.
    let mut value = AnyValue { value: Some(Any::BoolValue(true)) };
    for _ in 0..200 {
        let array = opentelemetry_proto::tonic::common::v1::ArrayValue { values: vec![value] };
        value = AnyValue { value: Some(Any::ArrayValue(array)) };
    }
    let deep = KeyValue { key: "k".to_owned(), value: Some(value), ..KeyValue::default() };
    let body = request(vec![metric(gauge(vec![point(Value::AsInt(1), vec![deep])]))]).encode_to_vec();
    assert_eq!(decode(&body, PROTOBUF, &mapping, AT).unwrap_err().kind(), "malformed");
}

fn every_take() -> Mapping {
    let takes = [Take::Value, Take::Count, Take::Sum, Take::Quantile(0.99)];
    let kinds = [Kind::Gauge, Kind::Counter];
    let rules = takes.into_iter().flat_map(|take| kinds.map(|kind| rule("x", kind, take)));
    mapping(rules.collect())
}

proptest! {
    #[test]
    fn any_bytes_end_in_an_answer(body in prop::collection::vec(any::<u8>(), 0..400)) {
        for content_type in [PROTOBUF, JSON] {
            let _ = decode(&body, content_type, &every_take(), AT);
        }
    }

    /// Good pushes with bytes changed, cut and doubled reach further in than noise does.
    #[test]
    fn damaged_pushes_end_in_an_answer(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        json in any::<bool>(),
    ) {
        let metrics = [histogram(DELTA), exponential(CUMULATIVE), sum(Value::AsInt(7), DELTA, true)].map(metric);
        let good = request(metrics.to_vec());
        let mut body = if json { serde_json::to_vec(&good).unwrap() } else { good.encode_to_vec() };
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(cut.index(body.len() * 2));
        let content_type = if json { JSON } else { PROTOBUF };
        if let Ok(decoded) = decode(&body, content_type, &every_take(), AT) {
            for snapshot in &decoded.snapshots {
                for reading in snapshot.groups.values().flat_map(BTreeMap::values) {
                    prop_assert!(reading.value.is_finite(), "{snapshot:?}");
                }
            }
        }
    }

    /// However a histogram is made, a quantile lies within what was measured, or is unknown.
    #[test]
    fn a_quantile_lies_within_its_bounds(
        counts in prop::collection::vec(0_u64..1000, 2..20),
        share in 0.0_f64..=1.0,
    ) {
        let bounds: Vec<f64> = (1..counts.len()).map(|at| at as f64).collect();
        let point = HistogramDataPoint {
            time_unix_nano: NANOS,
            count: counts.iter().sum(),
            explicit_bounds: bounds,
            bucket_counts: counts.clone(),
            ..HistogramDataPoint::default()
        };
        let data = Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: DELTA });
        let reading = taken(data, Kind::Gauge, Take::Quantile(share)).unwrap();
        match reading.unknown {
            None => prop_assert!((0.0..=(counts.len() - 1) as f64).contains(&reading.value)),
            Some(Unknown::Infinite) => prop_assert!(*counts.last().unwrap() > 0),
            Some(why) => prop_assert!(why == Unknown::Absent && counts.iter().all(|count| *count == 0)),
        }
    }
}
