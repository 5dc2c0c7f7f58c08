//! The classes of the style for severities, states and answers. A class is never all there is: each also has a word,
//! a letter or a shape.

use crate::fixture::tracks::{Stand, Standing};
use crate::model::decision::Answer;
use crate::model::finding::{CheckKind, FindingState};
use crate::model::severity::{Response, Severity};

/// The class of a severity; `none` without one.
pub(super) const fn of_severity(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::P0) => "p0",
        Some(Severity::P1) => "p1",
        Some(Severity::P2) => "p2",
        None => "none",
    }
}

/// The class, the icon and the word of an answer.
pub(super) const fn of_answer(answer: Answer) -> (&'static str, &'static str) {
    match answer {
        Answer::Advance => ("go", "▲"),
        Answer::Hold => ("stay", "■"),
        Answer::RollBack => ("back", "▼"),
    }
}

/// The class and the words of a standing.
pub(super) const fn of_standing(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Arrived => ("arrived", "arrived"),
        Standing::Waiting => ("waiting", "hold: waiting"),
        Standing::Ordered => ("ordered", "hold: ordered"),
        Standing::Blind => ("blind", "hold: unknown"),
        Standing::Blocked => ("blocked", "hold: breach"),
        Standing::PartlyBack => ("partly", "one region rolled back"),
        Standing::Back => ("rolled", "rolled back"),
    }
}

/// The class and the word of a check's state; none where nothing is drawn.
pub(super) const fn of_stand(stand: Stand, kind: CheckKind) -> Option<(&'static str, &'static str)> {
    match (stand.state, kind) {
        (None | Some(FindingState::NotApplicable), _) => None,
        (Some(FindingState::Ok), CheckKind::Gate) => Some(("ok", "open")),
        (Some(FindingState::Ok), _) => Some(("ok", "ok")),
        (Some(FindingState::Unknown), _) => Some(("unknown", "unknown")),
        (Some(_), CheckKind::Gate) => Some(("closed", "closed")),
        (Some(FindingState::Pending), _) => Some(("pending", "pending")),
        (Some(FindingState::Clearing), _) => Some(("clearing", "clearing")),
        (Some(FindingState::Firing), _) => Some(("firing", "firing")),
    }
}

/// What a check does, as a person says it.
pub(super) const fn obliges(response: Response) -> &'static str {
    match response {
        Response::Warn => "warn",
        Response::Hold => "hold",
        Response::Rollback => "roll back",
    }
}
