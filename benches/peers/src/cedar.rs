//! Cedar: a `forbid` for each condition, the worst of those that apply found in their annotations.
//!
//! Cedar has no floating-point numbers; values are whole hundredths.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{Authorizer, Context, Entities, EntityUid, PolicyId, PolicySet, Request, RestrictedExpression};

use crate::world::{BASELINE_P95, METRICS, Sample};
use crate::{CONDITIONS, Contender, decided};

pub const NAME: &str = "cedar-policy 4.14";

/// A number of the policy in hundredths: `95.0` is `9500`.
fn hundredths(condition: &str) -> String {
    let words = condition.split(' ').map(|word| match word.parse::<f64>() {
        Ok(number) => (number * 100.0).round().to_string(),
        Err(_) => word.to_owned(),
    });
    let text = words.collect::<Vec<String>>().join(" ");
    // No fractions: ten times the value against eleven times the baseline.
    text.replace("t.p95 > base * 110", "t.p95 * 10 > base * 11")
        .replace("t.", "context.t.")
        .replace("c.", "context.c.")
        .replace("base ", "context.base ")
}

fn policies() -> String {
    let mut text = String::new();
    for (severity, conditions) in CONDITIONS.iter().enumerate() {
        for condition in *conditions {
            let when = condition.written("context.stage", hundredths);
            text += &format!("@severity(\"{severity}\")\nforbid(principal, action, resource) when {{ {when} }};\n");
        }
    }
    text
}

fn long(value: f64) -> RestrictedExpression {
    RestrictedExpression::new_long((value * 100.0).round() as i64)
}

fn group(samples: &[Sample; 12]) -> RestrictedExpression {
    let fields = METRICS.iter().zip(samples).map(|((name, _), sample)| ((*name).to_owned(), long(sample.value)));
    RestrictedExpression::new_record(fields).expect("no name is there twice")
}

pub fn contender() -> Contender {
    let text = policies();
    let policies = PolicySet::from_str(&text).unwrap_or_else(|error| panic!("{text}\n{error:?}"));
    let severities: HashMap<PolicyId, i64> = policies
        .policies()
        .map(|policy| (policy.id().clone(), policy.annotation("severity").and_then(|s| s.parse().ok()).unwrap_or(3)))
        .collect();
    let (authorizer, entities) = (Authorizer::new(), Entities::empty());
    let uid = |text: &str| EntityUid::from_str(text).expect("it is a name");
    let (who, what, whom) = (uid("Actor::\"rollgate\""), uid("Action::\"advance\""), uid("Rollout::\"bench\""));
    Contender::new(NAME, move |snapshot| {
        let stage = RestrictedExpression::new_string(snapshot.stage_name().to_owned());
        let context = Context::from_pairs([
            ("t".to_owned(), group(&snapshot.treatment)),
            ("c".to_owned(), group(&snapshot.control)),
            ("base".to_owned(), long(BASELINE_P95)),
            ("stage".to_owned(), stage),
        ]);
        let context = context.expect("no name is there twice");
        let request = Request::new(who.clone(), what.clone(), whom.clone(), context, None).expect("there is no schema");
        let response = authorizer.is_authorized(&request, &policies, &entities);
        let worst = response.diagnostics().reason().filter_map(|id| severities.get(id)).min();
        decided(worst.copied().unwrap_or(3))
    })
}
