//! Alertmanager's webhook, version 4: alerts that fire are health checks that fail.
//!
//! Alertmanager tells of changes and repeats what fires every `repeat_interval`; it never says that all is well. So a
//! reading of it is as fresh as the last word, and a rollout that must see it alive maps an alert that always fires
//! (`Watchdog`) onto a metric of its own, with [`Fires::Ok`].
//!
//! It sends again only what was answered with a 5xx: after a 4xx an alert is lost for good. What can be read in part is
//! therefore taken in part, and only what cannot be read at all is an error.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::adapters::source::sheet::{About, Sheet};
use crate::adapters::source::shown::shown;
use crate::model::reading::Unknown;
use crate::model::snapshot::WireReading;
use crate::model::time::Time;
use crate::ports::source::SourceError;

use super::mapping::{Matcher, Place};
use super::{Decoded, Rejections, media_type, within_limit};

/// The most alerts in one push.
const MAX_ALERTS: usize = 10_000;

/// Which alerts are which metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The source's name; every snapshot carries it.
    pub name: String,
    /// What the readings are about.
    pub about: About,
    /// An alert may be asked for by several.
    pub rules: Vec<Rule>,
}

/// An alert and the reading it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Labels the alert must carry, such as `alertname`.
    pub matching: Vec<Matcher>,
    /// The metric in the policy, of unit `state`.
    pub metric: String,
    /// Group and region, by the alert's labels.
    pub place: Place,
    /// What it means that the alert fires.
    pub fires: Fires,
}

/// What it means that an alert fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fires {
    /// Something is broken: firing is `failed` (1), resolved is `ok` (0).
    #[default]
    Failed,
    /// The alerting is alive: firing is `ok` (0), resolved is `failed` (1).
    Ok,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    version: String,
    alerts: Vec<Alert>,
    #[serde(default)]
    truncated_alerts: u64,
}

#[derive(Deserialize)]
struct Alert {
    status: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// Reads a webhook that arrived at `received_at`. An alert says what is so when it is sent, and carries no time of
/// sending, so its reading is of that instant.
///
/// # Errors
/// It is no webhook of version 4.
pub fn decode(body: &[u8], content_type: &str, mapping: &Mapping, received_at: Time) -> Result<Decoded, SourceError> {
    within_limit(body)?;
    let media = media_type(content_type);
    if media != "application/json" {
        let why = format!("`{}` is not what Alertmanager sends; send application/json", shown(&media));
        return Err(SourceError::Refused(why));
    }
    let webhook: Webhook = serde_json::from_slice(body).map_err(|error| {
        SourceError::Malformed(format!("this is no webhook of Alertmanager: {}", shown(&error.to_string())))
    })?;
    if webhook.version != "4" {
        let why = format!("the webhook has version `{}`, and 4 is read", shown(&webhook.version));
        return Err(SourceError::Malformed(why));
    }
    if webhook.alerts.len() > MAX_ALERTS {
        return Err(SourceError::Malformed(format!("there are more than {MAX_ALERTS} alerts in it")));
    }
    let mut taken = Taken { mapping, at: received_at, sheet: Sheet::default(), rejections: Rejections::default() };
    let mut unmapped = 0;
    for alert in &webhook.alerts {
        if !taken.alert(alert, webhook.truncated_alerts) {
            unmapped += 1;
        }
    }
    let rejected = taken.rejections.count;
    let mut message = taken.rejections.message();
    if webhook.truncated_alerts > 0 {
        let cut = format!(
            "{} alerts were left out (`max_alerts`), so none of the rest is good news",
            webhook.truncated_alerts
        );
        message = Some(message.map_or(cut.clone(), |message| format!("{cut}; {message}")));
    }
    Ok(Decoded { snapshots: taken.sheet.finish(&mapping.name, &mapping.about), rejected, unmapped, message })
}

struct Taken<'a> {
    mapping: &'a Mapping,
    at: Time,
    sheet: Sheet,
    rejections: Rejections,
}

impl Taken<'_> {
    /// Takes one alert in; false when nothing asks for it.
    fn alert(&mut self, alert: &Alert, truncated: u64) -> bool {
        let rules = self.mapping.rules.iter();
        let asked: Vec<_> = rules
            .filter(|rule| rule.matching.iter().all(|matcher| matcher.matches(&alert.labels)))
            .filter_map(|rule| Some((rule, rule.place.of(&alert.labels)?)))
            .collect();
        let firing = match alert.status.as_str() {
            _ if asked.is_empty() => return false,
            "firing" => true,
            "resolved" => false,
            other => {
                self.rejections.add(|| format!("an alert is `{}`, which is neither firing nor resolved", shown(other)));
                return true;
            }
        };
        for (rule, (group, region)) in asked {
            let failed = firing == (rule.fires == Fires::Failed);
            let reading = match failed {
                true => WireReading::number(1.0),
                // Of alerts that were left out one may say the opposite.
                false if truncated > 0 => WireReading::missing(Unknown::SourceError),
                false => WireReading::number(0.0),
            };
            // Several alerts may stand for one metric: it is ok when all of them are.
            match self.sheet.get(self.at, &region, group, &rule.metric) {
                Some(before) if is_worse(before, &reading) => {}
                _ => self.sheet.put(self.at, &region, group, &rule.metric, reading),
            }
        }
        true
    }
}

/// Whether `before` says the worse: failed before unknown before ok.
fn is_worse(before: &WireReading, reading: &WireReading) -> bool {
    let rank = |reading: &WireReading| match reading.unknown {
        Some(_) => 1,
        None if reading.value > 0.0 => 2,
        None => 0,
    };
    rank(before) > rank(reading)
}
