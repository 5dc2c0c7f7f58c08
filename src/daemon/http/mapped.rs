//! From the settings of a pushed source to what its decoder asks for.

use std::collections::BTreeMap;

use crate::adapters::source::About;
use crate::adapters::source::push::alertmanager::{self, Fires};
use crate::adapters::source::push::otlp::{self, Take};
use crate::adapters::source::push::{self, Matcher, Place, RegionBy};
use crate::ledger::hash::Key;
use crate::model::frame::{Group, Kind};
use crate::settings::sources::{
    AlertmanagerSettings, GroupBy, Matching, OtlpSettings, OtlpTake, PlaceSettings, SourceSettings,
};

/// What is read of OTLP for one rollout; `kind` says what a metric of its policy is.
pub(super) fn otlp(
    source: &SourceSettings,
    own: &OtlpSettings,
    key: &Key,
    kind: impl Fn(&str) -> Option<Kind>,
) -> otlp::Mapping {
    let rules = own.metrics.iter().map(|metric| otlp::Rule {
        from: metric.from.clone(),
        matching: metric.matching.iter().map(matcher).collect(),
        metric: metric.metric.to_string(),
        place: place(source, &own.place),
        // A metric that no policy knows is judged by none.
        kind: kind(metric.metric.as_str()).unwrap_or(Kind::Gauge),
        take: match metric.take {
            OtlpTake::Value => Take::Value,
            OtlpTake::Count => Take::Count,
            OtlpTake::Sum => Take::Sum,
            OtlpTake::Quantile(share) => Take::Quantile(share),
        },
        factor: metric.factor,
    });
    otlp::Mapping { name: source.name.clone(), about: about(key), rules: rules.collect() }
}

/// What is read of alerts for one rollout.
pub(super) fn alertmanager(source: &SourceSettings, own: &AlertmanagerSettings, key: &Key) -> alertmanager::Mapping {
    let rules = own.alerts.iter().map(|alert| {
        let named = Matcher { label: "alertname".to_owned(), one_of: vec![alert.alert.clone()] };
        alertmanager::Rule {
            matching: std::iter::once(named).chain(alert.matching.iter().map(matcher)).collect(),
            metric: alert.metric.to_string(),
            place: place(source, &own.place),
            fires: if alert.fires_when_ok { Fires::Ok } else { Fires::Failed },
        }
    });
    alertmanager::Mapping { name: source.name.clone(), about: about(key), rules: rules.collect() }
}

fn about(key: &Key) -> About {
    About { rollout: Some(key.rollout.to_string()), environment: Some(key.environment.to_string()) }
}

fn matcher(matching: &Matching) -> Matcher {
    Matcher { label: matching.label.clone(), one_of: matching.one_of.clone() }
}

fn place(source: &SourceSettings, place: &PlaceSettings) -> Place {
    let group = match &place.group {
        GroupBy::Always(group) => push::GroupBy::Always(*group),
        GroupBy::Label { label, words } => {
            let said =
                [(&words.treatment, Group::Treatment), (&words.control, Group::Control), (&words.all, Group::All)];
            let values: BTreeMap<String, Group> =
                said.into_iter().filter_map(|(word, group)| Some((word.clone()?, group))).collect();
            push::GroupBy::Label { label: label.clone(), values }
        }
    };
    let own = source.region.as_ref().map_or_else(String::new, ToString::to_string);
    let region = place.region_label.clone().map_or(RegionBy::Always(own), RegionBy::Label);
    Place { group, region }
}
