//! What came of an input, told: a span of each evaluation and order, a log line of each entry, a count of each decision.
//! All three name the decision by the id under which the store keeps its record.

use crate::control::live::Decided;
use crate::control::{Command, OperateError, Outcome};
use crate::daemon::telemetry::Telemetry;
use crate::daemon::traces::{Context, Kind, Span};
use crate::ledger::Entry;
use crate::ledger::hash::Key;
use crate::model::decision::Answer;
use crate::model::event::What;
use crate::report::audit::sentence;

use super::Sitting;

impl Sitting {
    /// The span of something that the controller is about to do.
    pub(super) fn begun(&self, under: Option<Context>, name: &'static str) -> Span {
        let mut span = self.house.telemetry().tracer().begin_under(under, name, Kind::Internal);
        span.set("rollgate.rollout", self.seat.key.rollout.as_str());
        span.set("rollgate.environment", self.seat.key.environment.as_str());
        span
    }

    /// Says what came of it, and whether any decision did. Called once after each input, before anything is told.
    pub(super) fn came_of(&mut self, span: &mut Span) -> bool {
        let news = self.controller.news();
        let context = span.context();
        let came = news.decided.get(self.traced.len()..).unwrap_or_default();
        self.traced.extend(came.iter().map(|_| context.map(|context| context.trace_id())));
        // One input may lead to several, as a roll back to the hold that it leaves behind.
        let foremost = came.iter().rev().max_by_key(|decided| weight(decided.answer()));
        if span.is_on() {
            let state = &self.controller.rollout().state;
            let answer = foremost.map_or_else(|| self.controller.answer(), Decided::answer);
            span.set("rollgate.stage", state.stage.as_str());
            span.set("rollgate.generation", state.generation.0);
            span.set("rollgate.decision", answer.name());
            if let Some(policy) = &state.policy {
                span.set("rollgate.policy", policy.as_str());
            }
            if let Some(decided) = foremost {
                span.set("rollgate.decision.id", decided.id.as_str());
                let of_it = news.entries.iter().filter(|entry| decided.holds(entry.record().seq));
                let said: Vec<String> = of_it.map(|entry| sentence(&entry.record().what)).collect();
                span.set("rollgate.because", said.join("; "));
                span.keep();
            }
        }
        foremost.is_some()
    }

    /// Says what came of an order.
    pub(super) fn ordered(
        &mut self,
        span: &mut Span,
        command: &Command,
        dry_run: bool,
        outcome: &Result<Outcome, OperateError>,
    ) {
        self.came_of(span);
        span.set("rollgate.order", command.verb());
        span.set("rollgate.actor", command.actor.as_str());
        span.set("rollgate.dry_run", dry_run);
        span.keep();
        match outcome {
            Err(error) => span.fail(error.to_string()),
            Ok(Outcome { refused: Some(why), .. }) => span.set("rollgate.refused", why.as_str()),
            Ok(_) => {}
        }
    }
}

/// What moves exposure says more of an input than what does not.
const fn weight(answer: Answer) -> u8 {
    match answer {
        Answer::RollBack => 2,
        Answer::Advance => 1,
        Answer::Hold => 0,
    }
}

/// The decisions that entries came of, each with its trace where there is one.
pub(super) struct Told<'a>(Vec<(&'a Decided, Option<String>)>);

impl<'a> Told<'a> {
    pub(super) fn of(decided: &'a [Decided], traces: Vec<Option<String>>) -> Told<'a> {
        let traces = traces.into_iter().chain(std::iter::repeat(None));
        Told(decided.iter().zip(traces).collect())
    }

    pub(super) fn count(&self, telemetry: &Telemetry, key: &Key) {
        for (decided, trace) in &self.0 {
            telemetry.decided(key, decided.answer().name(), &decided.id, trace.as_deref());
        }
    }

    /// A line for an entry of the ledger.
    pub(super) fn log(&self, entry: &Entry) {
        let record = entry.record();
        let found = self.0.iter().find(|(decided, _)| decided.holds(record.seq));
        let decision = found.map(|(decided, _)| decided.id.as_str());
        let trace_id = found.and_then(|(_, trace)| trace.as_deref());
        let what = sentence(&record.what);
        let reason = Some(record.reason.as_str()).filter(|reason| !reason.is_empty() && !what.contains(reason));
        // The level of an event is fixed where it is written.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    rollout = record.rollout.as_str(),
                    environment = record.environment.as_str(),
                    seq = record.seq,
                    by = record.actor.as_str(),
                    reason,
                    decision,
                    trace_id,
                    "{}",
                    what.replace('\n', " ")
                )
            };
        }
        match takes_back(&record.what) {
            true => line!(warn),
            false => line!(info),
        }
    }
}

/// What somebody who filters the log by level must not miss.
const fn takes_back(what: &What) -> bool {
    matches!(what, What::RolledBack { .. } | What::RegionRolledBack { .. } | What::WouldRollBack { .. })
}
