//! Ledgers, page by page: entries as the very bytes that were sealed, so that a reader can verify the chain.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::app::{App, Caller};
use super::problem::Problem;
use super::reads::{Asked, asked};
use super::which::find;
use crate::daemon::tokens::Need;
use crate::daemon::wire::{EntriesBody, raw};
use crate::ledger::Entry;
use crate::model::event::What;
use crate::report::json::Envelope;

/// Entries on a page when nobody says how many.
const USUAL: usize = 100;
/// The most on one page.
const MOST: usize = 1000;
/// Entries looked through for one page of decisions.
const LOOKED_THROUGH: usize = 5000;

/// Which page.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    environment: Option<String>,
    /// From that entry on.
    from: Option<u64>,
    /// Or the last so many.
    last: Option<u64>,
    limit: Option<usize>,
}

impl Page {
    fn range(&self, end: u64) -> Result<(u64, usize), Problem> {
        let limit = self.limit.unwrap_or(USUAL);
        if limit == 0 || limit > MOST {
            return Err(Problem::bad("query", format!("`limit` is between 1 and {MOST}")).field("limit"));
        }
        match (self.from, self.last) {
            (Some(_), Some(_)) => Err(Problem::bad("query", "`from` and `last` together say nothing").field("last")),
            (None, Some(last)) => Ok((end.saturating_sub(last).saturating_add(1), limit)),
            (from, None) => Ok((from.unwrap_or(1), limit)),
        }
    }
}

/// `GET /v1/rollouts/{name}/ledger`.
pub(super) async fn ledger(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    query: Asked<Page>,
) -> Result<Response, Problem> {
    app.must(&caller, Need::Read, "read a ledger", None)?;
    page(&app, &name, asked(query)?, "ledger", |_| true).await
}

/// `GET /v1/rollouts/{name}/decisions`: the entries in which an answer changed or was acted on.
pub(super) async fn decisions(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    query: Asked<Page>,
) -> Result<Response, Problem> {
    app.must(&caller, Need::Read, "read decisions", None)?;
    page(&app, &name, asked(query)?, "decisions", is_decision).await
}

fn is_decision(entry: &Entry) -> bool {
    matches!(
        entry.record().what,
        What::DecisionChanged { .. }
            | What::StageEntered { .. }
            | What::Completed { .. }
            | What::RolledBack { .. }
            | What::RegionRolledBack { .. }
            | What::WouldRollBack { .. }
    )
}

async fn page(
    app: &App,
    name: &str,
    asked: Page,
    kind: &'static str,
    wanted: fn(&Entry) -> bool,
) -> Result<Response, Problem> {
    let view = find(app, name, asked.environment.as_deref())?;
    let key = view.standing.key.clone();
    let (from, limit) = asked.range(view.standing.last_entry.0)?;
    let found = app
        .look(move |desk| {
            let (mut at, mut found, mut looked) = (from, Vec::new(), 0_usize);
            while found.len() < limit && looked < LOOKED_THROUGH {
                let entries = desk.history(&key, at, limit)?;
                let is_end = entries.len() < limit;
                looked = looked.saturating_add(entries.len());
                for entry in entries {
                    if found.len() == limit {
                        break;
                    }
                    at = entry.record().seq.saturating_add(1);
                    found.extend(Some(entry).filter(wanted));
                }
                if is_end && found.len() < limit {
                    return Ok((found, None));
                }
            }
            Ok((found, Some(at)))
        })
        .await?;
    let body = EntriesBody { entries: found.0.iter().filter_map(raw).collect(), next: found.1 };
    Ok(Json(Envelope::new(kind, body)).into_response())
}
