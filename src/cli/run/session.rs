//! Runs recorded data through the machine and gathers what the reports show.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::engine::turning_points;
use crate::fixture::score::{Quality, Score};
use crate::fixture::tracks::{Recorder, Tracks};
use crate::model::decision::{Answer, Decision, Verdict, Wait};
use crate::model::event::What;
use crate::model::finding::FindingState;
use crate::model::severity::Response;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Policy;
use crate::report::bands;
use crate::report::explain::RunUp;
use crate::report::replay::{Replayed, stream};
use crate::shell::clock::Stopwatch;

use super::gather::{Gathered, Taken};
use super::progress::Progress;
use super::tap::Observed;
use super::{Rows, Run};

/// Runs everything and gathers a report; `stream` writes each row's full record as a line of JSON instead.
///
/// # Errors
/// The data cannot be read, or the console is gone.
pub fn replay(run: Run, rows: Rows, stream: bool, console: &mut Console) -> anyhow::Result<Replayed> {
    Ok(gather(run, rows, stream, None, console)?.0)
}

/// What a page of a replay is drawn from.
pub struct Drawn {
    /// The report.
    pub replayed: Replayed,
    /// The run over time; none when nothing was played.
    pub tracks: Option<Tracks>,
    /// When the recording is known to have been bad.
    pub incidents: Vec<(Time, Time)>,
    /// The policy that was played.
    pub policy: Arc<Policy>,
}

/// Runs everything and gathers a report and its charts.
///
/// # Errors
/// The data cannot be read, or the console is gone.
pub fn drawn(run: Run, rows: Rows, console: &mut Console) -> anyhow::Result<Drawn> {
    let policy = Arc::clone(&run.policy);
    let label = run.label.clone();
    let mut recorder = Recorder::new(&policy);
    let (replayed, begins) = gather(run, rows, false, Some(&mut recorder), console)?;
    let bad = label.into_iter().filter(|label| label.quality == Quality::Bad).flat_map(|label| label.incidents);
    let incidents = bad.map(|(from, to)| (from.on(begins), to.on(begins))).collect();
    Ok(Drawn { replayed, tracks: recorder.finish(), incidents, policy })
}

fn gather(
    mut run: Run,
    rows: Rows,
    stream: bool,
    mut recorder: Option<&mut Recorder>,
    console: &mut Console,
) -> anyhow::Result<(Replayed, Time)> {
    let stopwatch = Stopwatch::start();
    let mut progress = Progress::new(console.watched && !stream);
    let mut gathered = Gathered::new(&run.policy, rows, recorder.is_some());
    let watch = recorder.as_ref().map(|recorder| recorder.watcher());
    let mut closed = None;
    let played = run.play(watch, &mut |machine, at, output, observed| {
        progress.step();
        if let Some(recorder) = &mut recorder {
            recorder.note(machine, at, output);
        }
        let taken = gathered.take(machine, at, output, observed);
        if stream && closed.is_none() && (taken.row || !taken.told.is_empty()) {
            closed = write_records(console, &machine.decision(), &taken).err();
        }
    });
    progress.end();
    let played = played?;
    if let Some(error) = closed {
        return Err(error.into());
    }
    let mut replayed = gathered.finish(run.head(&played), &played.run);
    replayed.score = played.score.as_ref().map(score_lines).unwrap_or_default();
    replayed.summary.took = stopwatch.elapsed();
    Ok((replayed, played.run.begins))
}

/// A line for the decision when it is a row, and one for each roll back that was only said.
fn write_records(console: &mut Console, decision: &Decision, taken: &Taken) -> std::io::Result<()> {
    if taken.row {
        writeln!(console.out(), "{}", stream::decided(decision)?)?;
    }
    for row in &taken.told {
        writeln!(console.out(), "{}", stream::told(decision, row)?)?;
    }
    Ok(())
}

/// The decision after the last reading.
///
/// # Errors
/// The data cannot be read.
pub fn last_decision(mut run: Run) -> anyhow::Result<Decision> {
    let mut worst: Option<Decision> = None;
    let played = run.play(None, &mut |machine, _, _, _| {
        let decision = machine.decision();
        if worst.as_ref().is_none_or(|known| decision.verdict.answer() >= known.verdict.answer()) {
            worst = Some(decision);
        }
    })?;
    // A roll back is carried out at once; what came after it is the hold that it leaves behind.
    worst.or(played.run.last).ok_or_else(no_reading)
}

fn no_reading() -> anyhow::Error {
    Failure::new(Exit::Nothing, "the data holds no reading").into()
}

/// How the roll backs compare with the label, one sentence each.
fn score_lines(score: &Score) -> Vec<String> {
    let mut lines = Vec::new();
    for caught in &score.caught {
        lines.push(format!("incident of {} caught after {}", caught.from, caught.after));
    }
    for (from, to) in &score.missed {
        lines.push(format!("incident of {from} to {to} MISSED"));
    }
    for at in &score.false_alarms {
        lines.push(format!("FALSE ALARM at {at}: no incident then"));
    }
    if lines.is_empty() {
        lines.push("good release, and never rolled back".to_owned());
    }
    lines
}

/// A moment of a recording.
#[derive(Debug, Clone, Copy)]
pub enum Moment {
    /// At this time.
    At(Time),
    /// So long after the first sample.
    After(Duration),
    /// At the first roll back, else at the end.
    FirstRollBack,
}

/// A decision with what was observed before it.
pub struct Found {
    /// The decision in force at the moment asked for.
    pub decision: Decision,
    /// The metrics that mattered, oldest reading first.
    pub run_up: Vec<RunUp>,
}

/// The decision in force at `moment`, and the readings of the time `before` it.
///
/// # Errors
/// The data cannot be read, or ends before the moment.
pub fn decision_at(mut run: Run, moment: Moment, before: Duration, console: &mut Console) -> anyhow::Result<Found> {
    let mut progress = Progress::new(console.watched);
    let mut found: Option<Decision> = None;
    let mut readings: VecDeque<(Time, Vec<f64>)> = VecDeque::new();
    let (mut first, mut last, mut done) = (None, None, false);
    let policy = Arc::clone(&run.policy);
    let played = run.play(None, &mut |machine, at, output, observed| {
        progress.step();
        let begin = *first.get_or_insert(at);
        last = Some(at);
        let limit = match moment {
            Moment::At(at) => at,
            Moment::After(after) => begin + after,
            Moment::FirstRollBack => Time::FOREVER,
        };
        if done || at > limit {
            return;
        }
        remember(&mut readings, observed, at, before);
        let rolled_back = output.events.iter().any(|event| matches!(event.what, What::RolledBack { .. }));
        done = rolled_back && matches!(moment, Moment::FirstRollBack);
        // At one instant, the roll back counts and not the hold that it leaves behind.
        let keeps = found.as_ref().is_some_and(|known| known.time == at && known.verdict.answer() > output.answer);
        if !keeps {
            found = Some(machine.decision());
        }
    });
    progress.end();
    let played = played?;
    let (Some(begin), Some(end)) = (first, last) else { return Err(no_reading()) };
    let outside = match moment {
        Moment::At(at) => at < begin || at > end,
        Moment::After(after) => begin + after > end,
        Moment::FirstRollBack => false,
    };
    if outside {
        let failure = Failure::new(Exit::Usage, "nothing was decided at that time");
        return Err(failure.help(format!("the data goes from {begin} to {end}")).into());
    }
    let decision = found.or(played.run.last).ok_or_else(no_reading)?;
    let run_up = run_up(&decision, &readings, &policy);
    Ok(Found { decision, run_up })
}

fn remember(readings: &mut VecDeque<(Time, Vec<f64>)>, observed: &Observed, at: Time, before: Duration) {
    if observed.frames > 0 && readings.back().is_none_or(|(newest, _)| *newest < observed.at) {
        readings.push_back((observed.at, observed.values.clone()));
    }
    while readings.front().is_some_and(|(oldest, _)| at.since(*oldest) > before) {
        readings.pop_front();
    }
}

/// At most so many metrics are drawn before a decision.
const MOST_RUN_UPS: usize = 4;

/// The metrics of the findings that are not ok, else of the first findings, with their values before.
pub(crate) fn run_up(decision: &Decision, readings: &VecDeque<(Time, Vec<f64>)>, policy: &Policy) -> Vec<RunUp> {
    let fine = |state| matches!(state, FindingState::Ok | FindingState::NotApplicable);
    let troubled = decision.findings.iter().filter(|finding| !fine(finding.state));
    let others = decision.findings.iter().filter(|finding| fine(finding.state));
    let mut metrics = Vec::new();
    let any_trouble = decision.findings.iter().any(|finding| !fine(finding.state));
    for finding in troubled.chain(others.filter(|_| !any_trouble)) {
        if let Some(ix) = finding.metric.as_ref().and_then(|metric| policy.catalogue.find(metric.as_str()))
            && !metrics.contains(&ix)
        {
            metrics.push(ix);
        }
    }
    let line = |ix: crate::model::frame::MetricIx| {
        let metric = policy.catalogue.metric(ix)?;
        let line = bands::Line { name: metric.name.to_string(), unit: metric.unit, better: metric.better };
        let value = |values: &Vec<f64>| values.get(usize::from(ix.0)).copied().filter(|value| !value.is_nan());
        let values = readings.iter().map(|(at, values)| (*at, value(values))).collect();
        Some(RunUp { line, values })
    };
    metrics.into_iter().take(MOST_RUN_UPS).filter_map(line).collect()
}

/// What is nearest to making it worse: `isolation_score below 95%: ROLL BACK, by isolation_score.p0 (2.9pp away)`.
#[must_use]
pub fn next_worse(decision: &Decision) -> Option<String> {
    let points = turning_points(decision);
    let answer = |response| if response == Response::Rollback { Answer::RollBack } else { Answer::Hold };
    let point = points.worse.iter().find(|point| answer(point.finding.response) > decision.verdict.answer())?;
    let (finding, unit) = (&point.finding, point.finding.unit?);
    let distance = unit.show_difference(point.distance).to_string();
    Some(format!(
        "{} {}: {}, by {} ({} away)",
        finding.metric.as_ref()?,
        finding.condition,
        answer(finding.response).shout(),
        point.check,
        distance.trim_start_matches('+')
    ))
}

/// How `--exit-decision` ends after a replay.
#[must_use]
pub fn exit_of(replayed: &Replayed) -> Exit {
    let summary = &replayed.summary;
    match (summary.latched, summary.ends_unknown, summary.ends_in) {
        (true, ..) => Exit::EndedRolledBack,
        (_, true, _) | (.., None) => Exit::EndedUnknown,
        (.., Some(Answer::RollBack)) => Exit::EndedRolledBack,
        (.., Some(Answer::Advance)) => Exit::Done,
        (.., Some(Answer::Hold)) if summary.arrived => Exit::Done,
        (.., Some(Answer::Hold)) => Exit::EndedInHold,
    }
}

/// How `--exit-decision` ends after one decision.
#[must_use]
pub fn exit_of_decision(decision: &Decision) -> Exit {
    match &decision.verdict {
        Verdict::Advance { .. } => Exit::Done,
        Verdict::RollBack { .. } => Exit::EndedRolledBack,
        Verdict::Hold { because } => match because.first() {
            Wait::Unknown { .. } => Exit::EndedUnknown,
            Wait::Complete | Wait::Final => Exit::Done,
            _ => Exit::EndedInHold,
        },
    }
}
