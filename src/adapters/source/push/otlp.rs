//! Metrics as OpenTelemetry sends them: OTLP over HTTP, as protobuf or as JSON.
//!
//! What a rule takes depends on what the policy's metric is:
//!
//! | the policy's metric | takes | turns away |
//! |---|---|---|
//! | a gauge | gauges, sums that may fall, sums of deltas (the increase of one interval), a histogram of deltas | totals that only grow: they would read as a value that only grows |
//! | `kind = "counter"` | totals: cumulative sums that only grow, count and sum of a cumulative histogram | deltas: the policy would subtract one increase from another |
//!
//! A quantile of a cumulative histogram is one since the process started, in which a fresh fault drowns; it is turned
//! away. A point that says `NO_RECORDED_VALUE` is an unknown reading. Several series for one reading are unknown, too:
//! nothing is added up here.

mod buckets;
mod json;
mod point;
mod protobuf;
mod take;

use std::collections::BTreeMap;

use crate::adapters::source::sheet::{About, Sheet};
use crate::adapters::source::shown::shown;
use crate::model::frame::{Group, Kind};
use crate::model::reading::Unknown;
use crate::model::snapshot::WireReading;
use crate::model::time::Time;
use crate::ports::source::SourceError;

use super::mapping::{Matcher, Place};
use super::{Decoded, Rejections, media_type, within_limit};
use point::Point;

/// The most points in one push.
const MAX_POINTS: u64 = 100_000;

/// Which series are which readings.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    /// The source's name; every snapshot carries it.
    pub name: String,
    /// What the readings are about.
    pub about: About,
    /// A point may be asked for by several: a quantile and a count of one histogram.
    pub rules: Vec<Rule>,
}

/// A series and the reading it gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The metric's name there: `http.server.request.duration`.
    pub from: String,
    /// Attributes the point must carry: its own, or its scope's, or its resource's.
    pub matching: Vec<Matcher>,
    /// The metric in the policy.
    pub metric: String,
    /// Group and region, by attributes.
    pub place: Place,
    /// What the policy's metric is.
    pub kind: Kind,
    /// What is taken of the point.
    pub take: Take,
    /// Factor from the unit there to the policy's: 1000 from seconds to milliseconds.
    pub factor: f64,
}

/// What is taken of a point.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Take {
    /// The number of a gauge or a sum.
    #[default]
    Value,
    /// How many measurements are in a histogram.
    Count,
    /// What they add up to.
    Sum,
    /// The value below which this share of them lies: 0.95. Its sample count goes with it.
    Quantile(f64),
}

/// A reading in the making, with what tells its series from another.
struct Taken {
    rule: usize,
    group: Group,
    region: String,
    time: Time,
    series: String,
    reading: WireReading,
}

/// Reads a push that arrived at `received_at`, which is the time of points that carry none.
///
/// # Errors
/// It is neither OTLP metrics as protobuf nor as JSON. Single points that cannot be taken are counted instead.
pub fn decode(body: &[u8], content_type: &str, mapping: &Mapping, received_at: Time) -> Result<Decoded, SourceError> {
    within_limit(body)?;
    let mut decoder =
        Decoder { mapping, received_at, points: 0, unmapped: 0, taken: Vec::new(), rejections: Rejections::default() };
    match encoding(content_type)? {
        Encoding::Protobuf => protobuf::each_point(body, &mut |point| decoder.point(point))?,
        Encoding::Json => json::each_point(body, &mut |point| decoder.point(point))?,
    }
    if decoder.points > MAX_POINTS {
        return Err(SourceError::Malformed(format!("there are more than {MAX_POINTS} points in it")));
    }
    Ok(decoder.finish())
}

/// What to answer a push with, in the encoding it came in: the content type and the body of a 200.
///
/// # Errors
/// The content type is none of OTLP's.
pub fn answer(decoded: &Decoded, content_type: &str) -> Result<(&'static str, Vec<u8>), SourceError> {
    let message = decoded.message.clone().unwrap_or_default();
    Ok(match encoding(content_type)? {
        Encoding::Protobuf => ("application/x-protobuf", protobuf::answer(decoded.rejected, message)),
        Encoding::Json => ("application/json", json::answer(decoded.rejected, &message)),
    })
}

enum Encoding {
    Protobuf,
    Json,
}

fn encoding(content_type: &str) -> Result<Encoding, SourceError> {
    match media_type(content_type).as_str() {
        "application/x-protobuf" => Ok(Encoding::Protobuf),
        "application/json" => Ok(Encoding::Json),
        other => {
            let why =
                format!("`{}` is no encoding of OTLP; send application/x-protobuf or application/json", shown(other));
            Err(SourceError::Refused(why))
        }
    }
}

struct Decoder<'a> {
    mapping: &'a Mapping,
    received_at: Time,
    points: u64,
    unmapped: u64,
    taken: Vec<Taken>,
    rejections: Rejections,
}

impl Decoder<'_> {
    fn point(&mut self, point: &Point<'_>) {
        self.points += 1;
        if self.points > MAX_POINTS {
            return;
        }
        let mut asked = false;
        let mut refused = None;
        for (at, rule) in self.mapping.rules.iter().enumerate() {
            if rule.from != point.metric || !rule.matching.iter().all(|matcher| matcher.matches(point)) {
                continue;
            }
            let Some((group, region)) = rule.place.of(point) else { continue };
            asked = true;
            match take::reading(rule, point) {
                Ok(reading) => {
                    let time = point.time.unwrap_or(self.received_at);
                    let series = point.series();
                    self.taken.push(Taken { rule: at, group, region, time, series, reading });
                }
                Err(why) => refused = Some(why),
            }
        }
        match refused {
            Some(why) => self.rejections.add(|| format!("`{}`: {why}", shown(point.metric))),
            None if !asked => self.unmapped += 1,
            None => {}
        }
    }

    fn finish(mut self) -> Decoded {
        self.refuse_several();
        let mut sheet = Sheet::default();
        for taken in &self.taken {
            if let Some(rule) = self.mapping.rules.get(taken.rule) {
                sheet.put(taken.time, &taken.region, taken.group, &rule.metric, taken.reading);
            }
        }
        let rejected = self.rejections.count;
        Decoded {
            snapshots: sheet.finish(&self.mapping.name, &self.mapping.about),
            rejected,
            unmapped: self.unmapped,
            message: self.rejections.message(),
        }
    }

    /// Two series that fall on one reading: which of them is it? Neither can be told from what it says.
    fn refuse_several(&mut self) {
        let rules = &self.mapping.rules;
        let place = |taken: &Taken| {
            let metric = rules.get(taken.rule).map_or("", |rule| rule.metric.as_str());
            (metric, taken.group, taken.region.clone())
        };
        let mut first: BTreeMap<_, (usize, &str)> = BTreeMap::new();
        let mut several: BTreeMap<_, (String, String)> = BTreeMap::new();
        for taken in &self.taken {
            let (rule, series) = first.entry(place(taken)).or_insert((taken.rule, &taken.series));
            if (*rule, *series) != (taken.rule, taken.series.as_str()) {
                several.entry(place(taken)).or_insert_with(|| ((*series).to_owned(), taken.series.clone()));
            }
        }
        let mut spoiled = Vec::new();
        for (at, taken) in self.taken.iter().enumerate() {
            let (metric, group, region) = place(taken);
            if let Some((one, other)) = several.get(&(metric, group, region)) {
                spoiled.push(at);
                self.rejections.add(|| {
                    format!("several series for `{metric}` of {group} ({one} and {other}): aggregate before sending")
                });
            }
        }
        for at in spoiled {
            if let Some(taken) = self.taken.get_mut(at) {
                taken.reading = WireReading::missing(Unknown::SourceError);
            }
        }
    }
}
