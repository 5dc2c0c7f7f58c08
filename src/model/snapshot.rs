//! The snapshot as it stands on the wire, in a file and in the ledger: one versioned JSON shape.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};

use super::reading::Unknown;
use super::time::Time;

/// Version of the snapshot shape that this build writes and reads.
pub const SNAPSHOT_VERSION: u32 = 1;

/// Metric readings observed at one instant by one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Shape version; absent means 1.
    #[serde(default = "current_version")]
    pub v: u32,
    /// When the source observed it.
    pub time: Time,
    /// Which rollout it is about; absent means "whichever is asked about".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<String>,
    /// Which environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Which region; absent means the only one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Which source observed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Share of traffic that has the change, in percent, when the source can see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exposure: Option<f64>,
    /// Group, then metric, then reading.
    pub groups: BTreeMap<String, BTreeMap<String, WireReading>>,
}

fn current_version() -> u32 {
    SNAPSHOT_VERSION
}

/// A reading on the wire: a number, `null`, `{"value": 99.8, "samples": 1200}` or `{"unknown": "source-error"}`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WireReading {
    /// The number; meaningless when `unknown` is set.
    pub value: f64,
    /// How many samples it rests on.
    pub samples: Option<u64>,
    /// Why there is no number.
    pub unknown: Option<Unknown>,
    /// When it was observed, where that differs from the snapshot's time.
    pub observed: Option<Time>,
}

impl WireReading {
    /// A plain number.
    #[must_use]
    pub const fn number(value: f64) -> WireReading {
        WireReading { value, samples: None, unknown: None, observed: None }
    }

    /// No number, and why.
    #[must_use]
    pub const fn missing(why: Unknown) -> WireReading {
        WireReading { value: 0.0, samples: None, unknown: Some(why), observed: None }
    }
}

impl Serialize for WireReading {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.unknown.is_none() && self.samples.is_none() && self.observed.is_none() {
            return serializer.serialize_f64(self.value);
        }
        let mut map = serializer.serialize_map(None)?;
        match self.unknown {
            Some(why) => map.serialize_entry("unknown", why.name())?,
            None => map.serialize_entry("value", &self.value)?,
        }
        if let Some(samples) = self.samples {
            map.serialize_entry("samples", &samples)?;
        }
        if let Some(observed) = self.observed {
            map.serialize_entry("observed", &observed)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for WireReading {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WireReading, D::Error> {
        deserializer.deserialize_any(WireReadingVisitor)
    }
}

/// Reads any JSON value without failing on its type: a wrong type is a reading whose reason says so, because one
/// bad cell must not cost the other cells of its snapshot.
pub struct WireReadingVisitor;

impl<'de> de::Visitor<'de> for WireReadingVisitor {
    type Value = WireReading;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a number, null, or a map with `value` and `samples`")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<WireReading, E> {
        Ok(WireReading::number(value))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "readings are f64 everywhere; counts beyond 2^53 lose their last bits"
    )]
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<WireReading, E> {
        Ok(WireReading::number(value as f64))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "readings are f64 everywhere; counts beyond 2^53 lose their last bits"
    )]
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<WireReading, E> {
        Ok(WireReading::number(value as f64))
    }

    fn visit_unit<E: de::Error>(self) -> Result<WireReading, E> {
        Ok(WireReading::missing(Unknown::Absent))
    }

    fn visit_none<E: de::Error>(self) -> Result<WireReading, E> {
        Ok(WireReading::missing(Unknown::Absent))
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<WireReading, E> {
        Ok(WireReading::missing(Unknown::WrongType))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<WireReading, E> {
        Ok(text_reading(text))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<WireReading, A::Error> {
        while seq.next_element::<de::IgnoredAny>()?.is_some() {}
        Ok(WireReading::missing(Unknown::WrongType))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<WireReading, A::Error> {
        let mut reading = WireReading::missing(Unknown::WrongType);
        while let Some(key) = map.next_key::<std::borrow::Cow<'_, str>>()? {
            match key.as_ref() {
                "value" => {
                    let inner: WireReading = map.next_value()?;
                    reading.value = inner.value;
                    reading.unknown = inner.unknown;
                }
                "samples" => reading.samples = map.next_value::<serde_json::Value>()?.as_u64(),
                "unknown" => {
                    let name: std::borrow::Cow<'_, str> = map.next_value()?;
                    reading.unknown = Some(Unknown::from_name(&name).unwrap_or(Unknown::SourceError));
                }
                "observed" => reading.observed = Some(map.next_value()?),
                _ => {
                    map.next_value::<de::IgnoredAny>()?;
                }
            }
        }
        Ok(reading)
    }
}

/// What a text stands for: `ok` and `failed` of a health check, and the spellings of NaN and infinity that
/// Prometheus writes. Anything else is of the wrong type.
#[must_use]
pub fn text_reading(text: &str) -> WireReading {
    match text {
        "ok" => WireReading::number(0.0),
        "failed" => WireReading::number(1.0),
        "NaN" | "nan" => WireReading::missing(Unknown::NotANumber),
        "Inf" | "+Inf" | "-Inf" | "inf" | "+inf" | "-inf" | "Infinity" | "-Infinity" => {
            WireReading::missing(Unknown::Infinite)
        }
        _ => WireReading::missing(Unknown::WrongType),
    }
}
