//! What a policy asks of a recording that does not have it: unknown all along, counted, never silently passed over.

use std::collections::BTreeMap;

use crate::fixture::data::advice::reads;
use crate::fixture::run::Run;
use crate::model::frame::{Group, MetricIx};
use crate::model::ids::MetricName;
use crate::policy::compiled::{Policy, StageIx};

/// Metrics that the recording lacks although a check of `policy` reads them, with how many evaluations did without.
#[must_use]
pub fn lacking(run: &Run, policy: &Policy) -> Vec<(MetricName, u64)> {
    let seen = |metric: MetricIx, group: Group| {
        let seen = run.report.seen.get(usize::from(metric.0));
        seen.and_then(|seen| seen.groups.get(group as usize)).is_some_and(|count| *count > 0)
    };
    // The stages in which some check reads the metric of a group that the data does not have.
    let mut missed: BTreeMap<MetricIx, u64> = BTreeMap::new();
    for check in &policy.checks {
        for (metric, group) in reads(&check.condition) {
            if seen(metric, group) {
                continue;
            }
            let stages = policy.stages.iter().enumerate().filter(|(at, stage)| {
                u8::try_from(*at).is_ok_and(|at| check.stages.contains(StageIx(at))) && !stage.leaves_empty(group)
            });
            let missing = missed.entry(metric).or_default();
            *missing |=
                stages.fold(0, |set, (at, _)| set | 1_u64.checked_shl(u32::try_from(at).unwrap_or(64)).unwrap_or(0));
        }
    }
    let lacks = missed.into_iter().filter_map(|(metric, stages)| {
        let name = policy.catalogue.metric(metric)?.name.clone();
        let counts = run.evaluated_in.iter().enumerate().filter(|(at, _)| stages >> (at & 63) & 1 == 1);
        let evaluations: u64 = counts.map(|(_, count)| count).sum();
        (evaluations > 0).then_some((name, evaluations))
    });
    lacks.collect()
}
