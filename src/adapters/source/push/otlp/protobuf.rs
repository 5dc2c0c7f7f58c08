//! OTLP as protobuf.

use std::borrow::Cow;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
    exponential_histogram_data_point::Buckets, metric, number_data_point,
};
use prost::Message as _;

use crate::ports::source::SourceError;

use super::buckets::{Half, Histogram, Totals};
use super::point::{Attribute, Data, Point, Temporality, is_missing, time};

/// Hands every point of `body` to `take`.
pub(super) fn each_point(body: &[u8], take: &mut dyn FnMut(&Point<'_>)) -> Result<(), SourceError> {
    // How deep messages may nest is bounded by prost itself.
    let request = ExportMetricsServiceRequest::decode(body)
        .map_err(|error| SourceError::Malformed(format!("this is no protobuf of OTLP metrics: {error}")))?;
    for resource in &request.resource_metrics {
        let above = resource.resource.as_ref().map_or(Vec::new(), |resource| attributes(&resource.attributes));
        for scope in &resource.scope_metrics {
            let scoped = scope.scope.as_ref().map_or(Vec::new(), |scope| attributes(&scope.attributes));
            for metric in &scope.metrics {
                of_metric(metric, &scoped, &above, take);
            }
        }
    }
    Ok(())
}

/// A 200 that may say what was not taken.
pub(super) fn answer(rejected: u64, message: String) -> Vec<u8> {
    let said = rejected > 0 || !message.is_empty();
    let partial_success = said.then(|| ExportMetricsPartialSuccess {
        rejected_data_points: i64::try_from(rejected).unwrap_or(i64::MAX),
        error_message: message,
    });
    ExportMetricsServiceResponse { partial_success }.encode_to_vec()
}

fn of_metric(metric: &Metric, scope: &[Attribute<'_>], resource: &[Attribute<'_>], take: &mut dyn FnMut(&Point<'_>)) {
    let mut give = |own: &[KeyValue], nanos: u64, flags: u32, data: Data| {
        take(&Point {
            metric: &metric.name,
            own: attributes(own),
            scope,
            resource,
            time: time(nanos),
            missing: is_missing(u64::from(flags)),
            data,
        });
    };
    match &metric.data {
        None => {}
        Some(metric::Data::Gauge(gauge)) => {
            for point in &gauge.data_points {
                let data = number(point).map_or(NO_VALUE, Data::Gauge);
                give(&point.attributes, point.time_unix_nano, point.flags, data);
            }
        }
        Some(metric::Data::Sum(sum)) => {
            let temporality = Temporality::from_number(i64::from(sum.aggregation_temporality));
            for point in &sum.data_points {
                let monotonic = sum.is_monotonic;
                let data = number(point).map_or(NO_VALUE, |value| Data::Sum { value, monotonic, temporality });
                give(&point.attributes, point.time_unix_nano, point.flags, data);
            }
        }
        Some(metric::Data::Histogram(all)) => {
            let temporality = Temporality::from_number(i64::from(all.aggregation_temporality));
            for point in &all.data_points {
                let data = histogram(explicit(point), temporality);
                give(&point.attributes, point.time_unix_nano, point.flags, data);
            }
        }
        Some(metric::Data::ExponentialHistogram(all)) => {
            let temporality = Temporality::from_number(i64::from(all.aggregation_temporality));
            for point in &all.data_points {
                let data = histogram(exponential(point), temporality);
                give(&point.attributes, point.time_unix_nano, point.flags, data);
            }
        }
        Some(metric::Data::Summary(summary)) => {
            for point in &summary.data_points {
                give(&point.attributes, point.time_unix_nano, point.flags, SUMMARY);
            }
        }
    }
}

/// A point without a value.
pub(super) const NO_VALUE: Data = Data::Unusable("it has no value");
/// A kind that is of the past.
pub(super) const SUMMARY: Data = Data::Unusable("it is a summary; send a histogram");

/// A histogram, or what is wrong with it.
pub(super) fn histogram(histogram: Result<Histogram, &'static str>, temporality: Temporality) -> Data {
    histogram.map_or_else(Data::Unusable, |histogram| Data::Histogram { histogram, temporality })
}

fn number(point: &NumberDataPoint) -> Option<f64> {
    match point.value? {
        number_data_point::Value::AsDouble(value) => Some(value),
        number_data_point::Value::AsInt(value) => Some(value as f64),
    }
}

fn explicit(point: &HistogramDataPoint) -> Result<Histogram, &'static str> {
    let totals = Totals { count: point.count, sum: point.sum, min: point.min, max: point.max };
    Histogram::explicit(totals, &point.explicit_bounds, &point.bucket_counts)
}

fn exponential(point: &ExponentialHistogramDataPoint) -> Result<Histogram, &'static str> {
    let totals = Totals { count: point.count, sum: point.sum, min: point.min, max: point.max };
    let half = |buckets: &Option<Buckets>| {
        buckets.as_ref().map_or_else(Half::default, |buckets| Half {
            offset: i64::from(buckets.offset),
            counts: buckets.bucket_counts.clone(),
        })
    };
    let zero = (point.zero_count, point.zero_threshold);
    Histogram::exponential(totals, i64::from(point.scale), zero, &half(&point.positive), &half(&point.negative))
}

fn attributes(all: &[KeyValue]) -> Vec<Attribute<'_>> {
    all.iter().map(|pair| (pair.key.as_str(), text(pair))).collect()
}

/// The text of a plain value.
fn text(pair: &KeyValue) -> Option<Cow<'_, str>> {
    match pair.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(Cow::Borrowed(text.as_str())),
        any_value::Value::BoolValue(value) => Some(Cow::Owned(value.to_string())),
        any_value::Value::IntValue(value) => Some(Cow::Owned(value.to_string())),
        any_value::Value::DoubleValue(value) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}
