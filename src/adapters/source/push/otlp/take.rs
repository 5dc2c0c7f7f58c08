//! The one number that a rule takes of a point.

use crate::model::frame::Kind;
use crate::model::reading::Unknown;
use crate::model::snapshot::WireReading;

use super::buckets::Histogram;
use super::point::{Data, Point, Temporality};
use super::{Rule, Take};

const GROWS: &str = "it is a total that only grows; make the policy's metric `kind = \"counter\"`, or send deltas";
const DELTA: &str = "it is an increase, and the policy's counter takes totals; send it cumulative";
const SINCE_START: &str = "it covers all the time since its process started; send the histogram as deltas";
const UNSPECIFIED: &str = "it does not say whether it is a delta or a total";

/// The reading that `rule` takes of `point`, or why it cannot.
pub(super) fn reading(rule: &Rule, point: &Point<'_>) -> Result<WireReading, &'static str> {
    if point.missing {
        return Ok(WireReading::missing(Unknown::Absent));
    }
    match (&point.data, rule.take) {
        (Data::Unusable(why), _) => Err(why),
        (Data::Gauge(value), Take::Value) => match rule.kind {
            Kind::Gauge => Ok(number(*value, rule)),
            Kind::Counter => Err("it is a gauge, and the policy's counter takes totals"),
        },
        (Data::Sum { value, monotonic, temporality }, Take::Value) => {
            fits(rule.kind, *monotonic, *temporality)?;
            Ok(number(*value, rule))
        }
        (Data::Histogram { histogram, temporality }, Take::Count) => {
            fits(rule.kind, true, *temporality)?;
            Ok(number(histogram.count as f64, rule))
        }
        (Data::Histogram { histogram, temporality }, Take::Sum) => {
            fits(rule.kind, true, *temporality)?;
            histogram.sum.map(|sum| number(sum, rule)).ok_or("it has no sum")
        }
        (Data::Histogram { histogram, temporality }, Take::Quantile(share)) => {
            quantile(rule, histogram, *temporality, share)
        }
        (Data::Histogram { .. }, Take::Value) => Err("it is a histogram; take a quantile, the count or the sum of it"),
        (Data::Gauge(_) | Data::Sum { .. }, _) => Err("it is no histogram; take its value"),
    }
}

/// Whether a sum is what a metric of this kind takes.
const fn fits(kind: Kind, monotonic: bool, temporality: Temporality) -> Result<(), &'static str> {
    match (kind, temporality) {
        (_, Temporality::Unspecified) => Err(UNSPECIFIED),
        (Kind::Counter, Temporality::Delta) => Err(DELTA),
        (Kind::Gauge, Temporality::Cumulative) if monotonic => Err(GROWS),
        (Kind::Counter, Temporality::Cumulative) if !monotonic => {
            Err("it is a sum that may fall, which is a gauge to the policy")
        }
        _ => Ok(()),
    }
}

fn quantile(
    rule: &Rule,
    histogram: &Histogram,
    temporality: Temporality,
    share: f64,
) -> Result<WireReading, &'static str> {
    match (rule.kind, temporality) {
        (Kind::Counter, _) => return Err("a quantile is no total; make the policy's metric a gauge"),
        (_, Temporality::Cumulative) => return Err(SINCE_START),
        (_, Temporality::Unspecified) => return Err(UNSPECIFIED),
        (Kind::Gauge, Temporality::Delta) => {}
    }
    let reading = match histogram.quantile(share) {
        Ok(value) => number(value, rule),
        Err(why) => WireReading::missing(why),
    };
    Ok(WireReading { samples: Some(histogram.count), ..reading })
}

fn number(value: f64, rule: &Rule) -> WireReading {
    let value = value * rule.factor;
    match value {
        value if value.is_nan() => WireReading::missing(Unknown::NotANumber),
        value if value.is_infinite() => WireReading::missing(Unknown::Infinite),
        value => WireReading::number(value),
    }
}
