//! The actuator, with a watch: how long each plan took, and whether it was carried out.

use std::sync::Arc;

use crate::ledger::hash::Key;
use crate::model::plan::Plan;
use crate::ports::actuator::{Actuator, ActuatorError};
use crate::shell::clock::Stopwatch;

use super::telemetry::Telemetry;
use super::traces::Kind;

/// Counts what another actuator does.
pub struct Timed {
    inner: Box<dyn Actuator>,
    telemetry: Arc<Telemetry>,
}

impl Timed {
    /// Around `inner`.
    #[must_use]
    pub fn new(inner: Box<dyn Actuator>, telemetry: Arc<Telemetry>) -> Timed {
        Timed { inner, telemetry }
    }
}

impl Actuator for Timed {
    fn apply(&self, key: &Key, plan: &Plan) -> Result<Vec<String>, ActuatorError> {
        let kind = if plan.urgent { "emergency" } else { "exposure" };
        let mut span = self.telemetry.tracer().begin("apply", Kind::Internal);
        span.set("rollgate.rollout", key.rollout.as_str());
        span.set("rollgate.environment", key.environment.as_str());
        span.set("rollgate.generation", plan.generation.0);
        span.set("rollgate.action.kind", kind);
        span.keep();
        let started = Stopwatch::start();
        let outcome = span.within(|| {
            let outcome = self.inner.apply(key, plan);
            self.telemetry.acted(kind, if outcome.is_ok() { "ok" } else { "failed" }, started.seconds());
            outcome
        });
        if let Err(error) = &outcome {
            span.fail(error.to_string());
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::Generation;

    struct Refuses;

    impl Actuator for Refuses {
        fn apply(&self, _: &Key, _: &Plan) -> Result<Vec<String>, ActuatorError> {
            Err(ActuatorError::Failed("it is away".to_owned()))
        }
    }

    #[test]
    fn what_could_not_be_carried_out_is_counted_where_the_alert_looks() {
        let telemetry = Arc::new(Telemetry::new());
        let timed = Timed::new(Box::new(Refuses), Arc::clone(&telemetry));
        let plan = Plan { generation: Generation(1), urgent: true, takes_back: true, actions: Vec::new() };
        timed.apply(&Key::new("shop".into(), "production".into()), &plan).unwrap_err();
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, telemetry.registry()).unwrap();
        let counted = "rollgate_action_seconds_count{kind=\"emergency\",result=\"failed\"} 1";
        assert!(text.contains(counted), "{text}");
    }
}
