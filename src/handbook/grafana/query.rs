//! PromQL: the series of a group, and a relative bound as a series of its own.

use crate::model::finding::Side;
use crate::model::frame::{Group, Kind, Metric, MetricIx};
use crate::policy::compiled::{Bound, Floor, Limit, Than};

use super::super::Handbook;
use super::Queries;

/// How far back the median of control looks: fifteen readings, at one a minute.
const CONTROL_WINDOW: &str = "15m";

/// What asks for one metric.
pub(super) struct Series<'q> {
    metric: &'q Metric,
    own: Option<&'q str>,
    by_region: bool,
}

impl<'q> Series<'q> {
    pub(super) fn new(book: &'q Handbook<'_>, ix: MetricIx, queries: &'q Queries) -> Option<Series<'q>> {
        let regions = book.policy.catalogue.regions();
        Some(Series {
            metric: book.policy.catalogue.metric(ix)?,
            own: queries.get(&ix).map(String::as_str),
            by_region: regions.iter().any(|region| !region.as_str().is_empty()),
        })
    }

    fn selector(&self, group: Group) -> String {
        let name = self.metric.name.as_str();
        // What PromQL would read as a subtraction, or as a number, is named by a label.
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit());
        let (before, label) = if plain { (name, String::new()) } else { ("", format!("__name__=\"{name}\", ")) };
        let region = if self.by_region { ", region=~\"$region\"" } else { "" };
        format!("{before}{{{label}group=\"{group}\"{region}}}")
    }

    /// The readings of a group, as the engine reads them.
    pub(super) fn of(&self, group: Group) -> String {
        match (self.own, self.metric.kind) {
            (Some(own), _) => own.replace("$group", group.name()),
            (None, Kind::Gauge) => self.selector(group),
            (None, Kind::Counter) => format!("increase({}[$__rate_interval])", self.selector(group)),
        }
    }

    /// The median of a group over `window`, at a fixed time when one is given.
    fn median(&self, group: Group, window: &str, at: &str) -> String {
        let range = match (self.own, self.metric.kind) {
            (None, Kind::Gauge) => format!("{}[{window}]", self.selector(group)),
            _ => format!("({})[{window}:1m]", self.of(group)),
        };
        format!("quantile_over_time(0.5, {range}{at})")
    }

    /// What `than` compares with.
    fn comparison(&self, than: Than, window: &str) -> String {
        match than {
            Than::Control => self.per_region(&self.median(Group::Control, CONTROL_WINDOW, "")),
            // The engine prefers `all`; a baseline at time 0 has no data and draws no line.
            Than::Baseline => {
                let at = " @ ${exposed_at}";
                let (all, control) = (self.median(Group::All, window, at), self.median(Group::Control, window, at));
                format!("({} or {})", self.per_region(&all), self.per_region(&control))
            }
        }
    }

    /// One value per region, the other labels dropped, so that two of them can be compared.
    fn per_region(&self, expression: &str) -> String {
        let by = if self.by_region { " by (region)" } else { "" };
        format!("max{by} ({expression})")
    }

    /// A relative bound: comparison, change and floor in one series.
    pub(super) fn bound(&self, bound: &Bound, baseline_window: &str) -> Option<String> {
        let base = self.comparison(bound.limit.than()?, baseline_window);
        let limit = match bound.limit {
            Limit::Absolute(_) => return None,
            Limit::Relative { fraction, .. } => format!("{base} * {}", number(1.0 + fraction)),
            Limit::Difference { delta, .. } => format!("{base} + {}", number(delta)),
        };
        let Some(floor) = bound.floor else { return Some(limit) };
        let floor = match floor {
            Floor::Level(level) => format!("{base} * 0 + {}", number(level)),
            Floor::Difference(delta) => format!("{base} + {}", number(delta)),
        };
        // Both must be broken, so the line is the farther one.
        let farther = if bound.side == Side::Above { ">=" } else { "<=" };
        Some(format!("(({limit}) {farther} ({floor})) or ({floor})"))
    }
}

/// A number as PromQL reads it, binary noise left out: 1 + 0.1 is 1.1.
fn number(value: f64) -> String {
    let rounded = format!("{value:.9}");
    let text = rounded.trim_end_matches('0').trim_end_matches('.');
    if text.starts_with('-') { format!("({text})") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_was_meant() {
        for (value, expected) in [(1.0 + 0.1, "1.1"), (20.0, "20"), (-0.5, "(-0.5)"), (1.0 + 1.0, "2"), (0.29, "0.29")]
        {
            assert_eq!(number(value), expected);
        }
    }
}
