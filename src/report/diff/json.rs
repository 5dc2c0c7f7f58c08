//! A comparison for programs.

use serde::Serialize;

use crate::fixture::run::RolledBack;
use crate::fixture::score::{Quality, Score};
use crate::model::decision::Decision;
use crate::model::ids::{CheckId, Environment, MetricName, Region, StageName};
use crate::model::reading::Unknown;
use crate::model::time::Time;
use crate::report::json::Envelope;
use crate::review::change::Change;
use crate::review::outcome::{Review, SideName, Tripped};
use crate::review::verdict::{Compared, PerStep, Side, Standing, Tally};

use super::{Diffed, Totals};

/// One object, indented.
///
/// # Errors
/// Something that JSON cannot say.
pub fn json(diffed: &Diffed) -> serde_json::Result<String> {
    let all = All {
        policies: diffed.reviews.iter().map(Policy::new).collect(),
        unchanged: &diffed.unchanged,
        added: &diffed.added,
        removed: &diffed.removed,
        notes: &diffed.notes,
    };
    Envelope::new("diff", all).pretty()
}

/// One object per line: each edit, each recording, each condition, then the totals of each policy.
///
/// # Errors
/// Something that JSON cannot say.
pub fn jsonl(diffed: &Diffed) -> serde_json::Result<String> {
    let mut lines = Vec::new();
    for review in &diffed.reviews {
        let policy = review.new.shown.as_str();
        for change in &review.changes {
            lines.push(Envelope::new("diff-edit", Line { policy, body: change }).line()?);
        }
        for compared in &review.compared {
            lines.push(Envelope::new("diff-recording", Line { policy, body: Recording::new(compared) }).line()?);
        }
        for tripped in &review.tripped {
            lines.push(Envelope::new("diff-condition", Line { policy, body: tripped }).line()?);
        }
        lines.push(Envelope::new("diff-policy", Line { policy, body: Summary::new(review) }).line()?);
    }
    let only = [("unchanged", &diffed.unchanged), ("added", &diffed.added), ("removed", &diffed.removed)];
    for (standing, names) in only {
        for policy in names {
            lines.push(Envelope::new("diff-policy", Line { policy, body: Only { standing } }).line()?);
        }
    }
    Ok(lines.iter().map(|line| format!("{line}\n")).collect())
}

#[derive(Serialize)]
struct All<'a> {
    policies: Vec<Policy<'a>>,
    unchanged: &'a [String],
    added: &'a [String],
    removed: &'a [String],
    notes: &'a [String],
}

#[derive(Serialize)]
struct Line<'a, T> {
    policy: &'a str,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize)]
struct Only<'a> {
    standing: &'a str,
}

#[derive(Serialize)]
struct Summary<'a> {
    old: &'a SideName,
    new: &'a SideName,
    totals: Totals,
    #[serde(skip_serializing_if = "Option::is_none")]
    scores: Option<Scores<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Scores<'a> {
    old: &'a Tally,
    new: &'a Tally,
}

impl<'a> Summary<'a> {
    fn new(review: &'a Review) -> Summary<'a> {
        Summary {
            old: &review.old,
            new: &review.new,
            totals: Totals::of(review),
            scores: review.tallies.as_ref().map(|(old, new)| Scores { old, new }),
            notes: &review.notes,
        }
    }
}

#[derive(Serialize)]
struct Policy<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    edits: &'a [Change],
    recordings: Vec<Recording<'a>>,
    conditions: &'a [Tripped],
}

impl<'a> Policy<'a> {
    fn new(review: &'a Review) -> Policy<'a> {
        Policy {
            summary: Summary::new(review),
            edits: &review.changes,
            recordings: review.compared.iter().map(Recording::new).collect(),
            conditions: &review.tripped,
        }
    }
}

#[derive(Serialize)]
struct Recording<'a> {
    name: &'a str,
    title: &'a str,
    environment: &'a Environment,
    label: Option<Quality>,
    snapshots: u64,
    begins: Time,
    standing: Standing,
    old: Run<'a>,
    new: Run<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_difference: Option<Difference<'a>>,
    lost: Vec<Back<'a>>,
    alarms_gone: Vec<Back<'a>>,
    gained: Vec<Back<'a>>,
    gained_false: usize,
    moved: Vec<Move<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_step: Option<&'a PerStep>,
}

impl<'a> Recording<'a> {
    fn new(compared: &'a Compared) -> Recording<'a> {
        let backs = |all: &'a [RolledBack]| all.iter().map(Back::new).collect();
        let moved = compared.moved.iter().map(|moved| Move {
            before: moved.before,
            after: moved.after,
            later_by_ms: moved.later_by(),
            check: moved.check.as_ref(),
            region: moved.region.as_ref(),
        });
        Recording {
            name: &compared.name,
            title: &compared.title,
            environment: &compared.environment,
            label: compared.label,
            snapshots: compared.snapshots,
            begins: compared.begins,
            standing: compared.standing,
            old: Run::new(&compared.before),
            new: Run::new(&compared.after),
            first_difference: compared.divergence.as_ref().map(|divergence| Difference {
                at: divergence.at,
                snapshot: divergence.snapshot,
                check: divergence.check.as_ref(),
                old: &divergence.before,
                new: &divergence.after,
            }),
            lost: backs(&compared.lost),
            alarms_gone: backs(&compared.alarms_gone),
            gained: backs(&compared.gained),
            gained_false: compared.gained_false,
            moved: moved.collect(),
            per_step: compared.per_step.as_ref(),
        }
    }
}

#[derive(Serialize)]
struct Run<'a> {
    digest: &'a str,
    advances: u64,
    holds: u64,
    roll_backs: Vec<Back<'a>>,
    ends_in: &'a StageName,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<&'a Score>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lacking: Vec<Lack<'a>>,
    evaluations: u64,
    judged: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<Unknowns<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    data_notes: &'a [String],
}

impl<'a> Run<'a> {
    fn new(side: &'a Side) -> Run<'a> {
        Run {
            digest: side.policy.as_str(),
            advances: side.counts.advance,
            holds: side.counts.hold,
            roll_backs: side.rollbacks.iter().map(Back::new).collect(),
            ends_in: &side.ends_in,
            score: side.score.as_ref(),
            lacking: side
                .lacking
                .iter()
                .map(|(metric, evaluations)| Lack { metric, evaluations: *evaluations })
                .collect(),
            evaluations: side.counts.decided,
            judged: side.judged(),
            unknown: side
                .blind
                .because
                .iter()
                .map(|((metric, why), evaluations)| Unknowns { metric, why: *why, evaluations: *evaluations })
                .collect(),
            data_notes: &side.data,
        }
    }
}

#[derive(Serialize)]
struct Unknowns<'a> {
    metric: &'a MetricName,
    why: Unknown,
    evaluations: u64,
}

#[derive(Serialize)]
struct Lack<'a> {
    metric: &'a MetricName,
    evaluations: u64,
}

#[derive(Serialize)]
struct Difference<'a> {
    at: Time,
    snapshot: u64,
    check: Option<&'a CheckId>,
    old: &'a Decision,
    new: &'a Decision,
}

#[derive(Serialize)]
struct Back<'a> {
    at: Time,
    check: Option<&'a CheckId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a Region>,
    because: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    would: bool,
}

impl<'a> Back<'a> {
    fn new(back: &'a RolledBack) -> Back<'a> {
        Back {
            at: back.at,
            check: back.check.as_ref(),
            region: back.region.as_ref(),
            because: &back.because,
            would: back.would,
        }
    }
}

#[derive(Serialize)]
struct Move<'a> {
    before: Time,
    after: Time,
    later_by_ms: i64,
    check: Option<&'a CheckId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a Region>,
}
