//! OTLP as JSON: keys in lower camel case, enums as integers, 64-bit integers as texts (and, from some senders, as
//! numbers). What is not known is passed over; a point that cannot be read is one point less.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::adapters::source::shown::shown;
use crate::ports::source::SourceError;

use super::buckets::{Half, Histogram, Totals};
use super::point::{Attribute, Data, Point, Temporality, is_missing, time};
use super::protobuf::{NO_VALUE, SUMMARY, histogram};

/// Hands every point of `body` to `take`.
pub(super) fn each_point(body: &[u8], take: &mut dyn FnMut(&Point<'_>)) -> Result<(), SourceError> {
    let refused = |why: &str| SourceError::Malformed(format!("this is no JSON of OTLP metrics: {why}"));
    // How deep it may nest is bounded by serde_json itself.
    let request: Value = serde_json::from_slice(body).map_err(|error| refused(&shown(&error.to_string())))?;
    if !request.is_object() {
        return Err(refused("it is no object"));
    }
    if request.get("resource_metrics").is_some() {
        return Err(refused("its keys are in snake case; write `resourceMetrics`"));
    }
    for resource in list(&request, "resourceMetrics") {
        let above = resource.get("resource").map_or(Vec::new(), attributes);
        for scope in list(resource, "scopeMetrics") {
            let scoped = scope.get("scope").map_or(Vec::new(), attributes);
            for metric in list(scope, "metrics") {
                of_metric(metric, &scoped, &above, take);
            }
        }
    }
    Ok(())
}

/// A 200 that may say what was not taken.
pub(super) fn answer(rejected: u64, message: &str) -> Vec<u8> {
    let body = match rejected > 0 || !message.is_empty() {
        true => json!({"partialSuccess": {"rejectedDataPoints": rejected.to_string(), "errorMessage": message}}),
        false => json!({}),
    };
    body.to_string().into_bytes()
}

fn of_metric(metric: &Value, scope: &[Attribute<'_>], resource: &[Attribute<'_>], take: &mut dyn FnMut(&Point<'_>)) {
    let name = metric.get("name").and_then(Value::as_str).unwrap_or_default();
    let kinds = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"];
    let Some((kind, all)) = kinds.iter().find_map(|kind| Some((*kind, metric.get(kind)?))) else { return };
    let temporality = all.get("aggregationTemporality").and_then(Value::as_i64).unwrap_or_default();
    let temporality = Temporality::from_number(temporality);
    let monotonic = all.get("isMonotonic").and_then(Value::as_bool).unwrap_or_default();
    for point in list(all, "dataPoints") {
        let data = match kind {
            "gauge" => number(point).map_or(NO_VALUE, Data::Gauge),
            "sum" => number(point).map_or(NO_VALUE, |value| Data::Sum { value, monotonic, temporality }),
            "histogram" => histogram(explicit(point), temporality),
            "exponentialHistogram" => histogram(exponential(point), temporality),
            _ => SUMMARY,
        };
        take(&Point {
            metric: name,
            own: attributes(point),
            scope,
            resource,
            time: point.get("timeUnixNano").and_then(unsigned).and_then(time),
            missing: point.get("flags").and_then(unsigned).is_some_and(is_missing),
            data,
        });
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(point: &Value) -> Option<f64> {
    let whole = || point.get("asInt").and_then(signed).map(|value| value as f64);
    point.get("asDouble").and_then(float).or_else(whole)
}

fn explicit(point: &Value) -> Result<Histogram, &'static str> {
    let bounds: Option<Vec<f64>> = list(point, "explicitBounds").iter().map(float).collect();
    let bounds = bounds.ok_or("its bounds are no numbers")?;
    Histogram::explicit(totals(point)?, &bounds, &counts(point)?)
}

fn exponential(point: &Value) -> Result<Histogram, &'static str> {
    let half = |key: &str| -> Result<Half, &'static str> {
        let Some(half) = point.get(key) else { return Ok(Half::default()) };
        let offset = half.get("offset").and_then(signed).unwrap_or_default();
        Ok(Half { offset, counts: counts(half)? })
    };
    let scale = point.get("scale").and_then(signed).unwrap_or_default();
    let zeros = point.get("zeroCount").and_then(unsigned).unwrap_or_default();
    let threshold = point.get("zeroThreshold").and_then(float).unwrap_or_default();
    Histogram::exponential(totals(point)?, scale, (zeros, threshold), &half("positive")?, &half("negative")?)
}

fn totals(point: &Value) -> Result<Totals, &'static str> {
    let count = match point.get("count") {
        None => 0,
        Some(count) => unsigned(count).ok_or("its count is no number")?,
    };
    let told = |key: &str| point.get(key).and_then(float);
    Ok(Totals { count, sum: told("sum"), min: told("min"), max: told("max") })
}

fn counts(point: &Value) -> Result<Vec<u64>, &'static str> {
    let counts: Option<Vec<u64>> = list(point, "bucketCounts").iter().map(unsigned).collect();
    counts.ok_or("its bucket counts are no numbers")
}

fn unsigned(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn signed(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// JSON has neither NaN nor infinity; protobuf's mapping writes them as texts.
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok().filter(|value: &f64| value.is_finite()),
        },
        value => value.as_f64(),
    }
}

fn attributes(of: &Value) -> Vec<Attribute<'_>> {
    let pair = |pair| -> Option<Attribute<'_>> {
        let pair: &Value = pair;
        Some((pair.get("key")?.as_str()?, pair.get("value").and_then(text)))
    };
    list(of, "attributes").iter().filter_map(pair).collect()
}

/// The text of a plain value.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value.as_object()?.iter().next()? {
        (_, Value::String(text)) => Some(Cow::Borrowed(text.as_str())),
        (_, Value::Bool(value)) => Some(Cow::Owned(value.to_string())),
        (_, Value::Number(value)) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}
