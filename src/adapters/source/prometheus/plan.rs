//! The queries of a source, ready to be asked: which texts tell the age of which reading.

use std::fmt;

use crate::model::frame::Group;
use crate::ports::source::SourceError;

use super::config::{Config, Query};
use super::selectors::selectors;

/// Everything that is asked in one poll.
pub(super) struct Plan {
    /// Texts that tell ages, each once however many readings need it.
    pub(super) ages: Vec<String>,
    pub(super) rows: Vec<Row>,
}

/// One reading.
pub(super) struct Row {
    pub(super) metric: String,
    pub(super) group: Group,
    pub(super) region: String,
    pub(super) promql: String,
    pub(super) samples: Option<String>,
    pub(super) age: Age,
}

/// What tells a reading's age: positions in [`Plan::ages`].
pub(super) enum Age {
    /// It reads no series: it is as old as the answer.
    None,
    /// The time of the newest sample of each series that it reads.
    Newest(Vec<usize>),
    /// An expression of its own, in seconds.
    Asked(usize),
}

impl Plan {
    pub(super) fn new(config: &Config) -> Result<Plan, SourceError> {
        if config.queries.is_empty() {
            return Err(SourceError::Refused("it has no queries, so there is nothing to ask".to_owned()));
        }
        let mut plan = Plan { ages: Vec::new(), rows: Vec::new() };
        for query in &config.queries {
            let age = plan.age(query);
            let row = Row {
                metric: query.metric.clone(),
                group: query.group,
                region: query.region.clone().unwrap_or_else(|| config.region.clone()),
                promql: query.promql.clone(),
                samples: query.samples.clone(),
                age,
            };
            let same =
                |other: &&Row| (&other.metric, other.group, &other.region) == (&row.metric, row.group, &row.region);
            if plan.rows.iter().find(same).is_some() {
                return Err(SourceError::Refused(format!("two queries give {row}; which one is it?")));
            }
            plan.rows.push(row);
        }
        Ok(plan)
    }

    fn age(&mut self, query: &Query) -> Age {
        if let Some(age) = &query.age {
            return Age::Asked(self.place(age.clone()));
        }
        let found = selectors(&query.promql);
        if found.is_empty() {
            return Age::None;
        }
        Age::Newest(found.iter().map(|selector| self.place(format!("max(timestamp({selector}))"))).collect())
    }

    fn place(&mut self, promql: String) -> usize {
        self.ages.iter().position(|age| *age == promql).unwrap_or_else(|| {
            self.ages.push(promql);
            self.ages.len() - 1
        })
    }
}

impl fmt::Display for Row {
    /// `error_rate` of treatment in `eu`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of {}", self.metric, self.group)?;
        if self.region.is_empty() { Ok(()) } else { write!(f, " in `{}`", self.region) }
    }
}
