//! The rows of a replay as JSON Lines: each is the full record of its decision, with `kind` (always `decision`) and
//! `acted`, which is false for what was only said.

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::decision::{Answer, Cause, Decision};

use super::Row;

/// A decision. Only said, when the policy is in shadow and would do something.
///
/// # Errors
/// The record has something that JSON cannot say.
pub fn decided(decision: &Decision) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Line<'a> {
        kind: &'static str,
        acted: bool,
        #[serde(flatten)]
        decision: &'a Decision,
    }
    let acted = !(decision.shadow && decision.verdict.answer() != Answer::Hold);
    serde_json::to_string(&Line { kind: "decision", acted, decision })
}

/// A roll back that was only said: the record of the moment, its answer, reasons and headline being those of the roll
/// back. It goes nowhere, so there is no `to`.
///
/// # Errors
/// The record has something that JSON cannot say.
pub fn told(decision: &Decision, row: &Row) -> serde_json::Result<String> {
    let mut record = serde_json::to_value(decision)?;
    if let Value::Object(fields) = &mut record {
        let because = match (&row.check, row.severity) {
            (Some(check), Some(severity)) => {
                let (check, note) = (check.clone(), row.because.clone());
                json!([Cause::Check { check, severity, note }])
            }
            _ => json!([]),
        };
        fields.remove("to");
        fields.insert("kind".to_owned(), json!("decision"));
        fields.insert("acted".to_owned(), json!(false));
        fields.insert("decision".to_owned(), json!(row.decision.name()));
        fields.insert("severity".to_owned(), json!(row.severity));
        fields.insert("because".to_owned(), because);
        fields.insert("headline".to_owned(), json!(row.because));
    }
    serde_json::to_string(&record)
}
