//! Other tools' files to a policy: what can be converted is, what cannot is listed, and nothing is guessed silently.
//!
//! Text in, text out. The policy that comes out compiles and is clean under `rollgate check`; its comments say where
//! each number comes from and which were assumed. The report says of each thing what became of it, and what a person
//! has to do by hand.

use std::collections::BTreeMap;

use crate::policy::source::PolicySource;

mod argo;
pub mod condition;
mod document;
mod draft;
mod flagger;
pub mod guess;
pub mod region;
mod render;
pub mod report;
pub mod yaml;

pub use report::{Note, Outcome, Spot};

use document::Document;
use draft::Draft;
use report::Report;

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Input {
    /// As it is named in notes and comments.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Whose files they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Argo Rollouts: `Rollout`, `AnalysisTemplate`, `ClusterAnalysisTemplate`.
    Argo,
    /// Flagger: `Canary`, `MetricTemplate`.
    Flagger,
}

impl Tool {
    /// As people call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Tool::Argo => "Argo Rollouts",
            Tool::Flagger => "Flagger",
        }
    }
}

/// One file of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path below the policies' directory: `checkout/policy.toml`.
    pub path: String,
    /// What it says.
    pub text: String,
}

/// What came of an import.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// The policies, one folder each.
    pub files: Vec<File>,
    /// What became of each thing, in the order of the files.
    pub report: Vec<Note>,
}

/// Why nothing could be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {message}", place.file, place.line)]
pub struct ImportError {
    /// Where.
    pub place: Spot,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: String,
}

/// Converts files; the tool is found out when none is named.
///
/// # Errors
/// Not YAML, nothing about a rollout in it, or a document that is not what it says it is.
pub fn import(inputs: &[Input], tool: Option<Tool>) -> Result<Imported, ImportError> {
    let documents = document::read_all(inputs)?;
    let of = |tool: Tool| documents.iter().filter(|document| document.tool() == Some(tool)).collect::<Vec<_>>();
    let (argo, flagger) = (of(Tool::Argo), of(Tool::Flagger));
    let mut report = Report::default();
    let mut drafts = Vec::new();
    match tool {
        Some(Tool::Argo) if argo.is_empty() => return Err(nothing(inputs, Tool::Argo, &documents)),
        Some(Tool::Flagger) if flagger.is_empty() => return Err(nothing(inputs, Tool::Flagger, &documents)),
        None if argo.is_empty() && flagger.is_empty() => return Err(nothing_at_all(inputs, &documents)),
        _ => {}
    }
    if tool != Some(Tool::Flagger) {
        drafts.extend(argo::convert(&argo, &mut report)?);
    }
    if tool != Some(Tool::Argo) {
        drafts.extend(flagger::convert(&flagger, &mut report)?);
    }
    others(&documents, tool, &mut report);
    Ok(finish(drafts, report))
}

fn finish(drafts: Vec<(Draft, Spot)>, mut report: Report) -> Imported {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (mut draft, spot) in drafts {
        draft.finish(&spot, &mut report);
        let base = draft.rollout.clone();
        let mut nth = 2;
        while files.contains_key(&draft.rollout) {
            draft.rollout = format!("{base}-{nth}");
            nth += 1;
        }
        let text = render::policy(&draft);
        doubts(&draft.rollout, &text, &spot, &mut report);
        files.insert(draft.rollout.clone(), text);
    }
    let mut notes = report.notes;
    notes.sort_by(|a, b| a.place.cmp(&b.place).then(a.level.cmp(&b.level)));
    let files = files.into_iter().map(|(name, text)| File { path: format!("{name}/policy.toml"), text }).collect();
    Imported { files, report: notes }
}

/// Nobody should find out later that what was written does not load.
fn doubts(name: &str, text: &str, spot: &Spot, report: &mut Report) {
    let mut source = PolicySource::new(name);
    source.insert("policy.toml", text);
    for problem in crate::policy::check(&source).diagnostics {
        let (line, _) = source.position(&problem.primary.place);
        let message = format!("{name}/policy.toml:{line}: {} {}", problem.code, problem.message);
        report.dropped(spot.clone(), message, format!("rollgate explain {}", problem.code));
    }
}

fn nothing(inputs: &[Input], tool: Tool, documents: &[Document]) -> ImportError {
    let mut error = nothing_at_all(inputs, documents);
    if let Some(other) = documents.iter().find(|document| document.tool().is_some()) {
        let theirs = other.tool().map_or("", Tool::name);
        error.place = other.spot(other.node.line);
        error.message = format!("`{}` is {theirs}'s, and {} was asked for", other.kind(), tool.name());
        error.help = "leave the tool out, and it is found by itself".to_owned();
    }
    error
}

fn nothing_at_all(inputs: &[Input], documents: &[Document]) -> ImportError {
    let file = inputs.first().map_or_else(String::new, |input| input.name.clone());
    let found: Vec<String> = documents.iter().map(Document::kind).collect();
    let message = if found.is_empty() {
        "no document in it".to_owned()
    } else {
        format!("nothing about a rollout in it, only {}", listed(&found))
    };
    let help = "give a Rollout, AnalysisTemplate or ClusterAnalysisTemplate of Argo Rollouts, or a Canary of Flagger";
    ImportError { place: Spot { file, line: 1 }, message, help: help.to_owned() }
}

/// What stands in the stream besides: told in one line, or a rendered chart would drown the rest.
fn others(documents: &[Document], tool: Option<Tool>, report: &mut Report) {
    let is_other = |document: &&Document| match (document.tool(), tool) {
        (None, _) => true,
        (Some(theirs), Some(asked)) => theirs != asked,
        (Some(_), None) => false,
    };
    let rest: Vec<&Document> = documents.iter().filter(is_other).collect();
    let Some(first) = rest.first() else { return };
    let kinds: Vec<String> = rest.iter().map(|document| document.kind()).collect();
    let text = format!("{}: not read, because nothing there says when to roll back", listed(&kinds));
    report.dropped(first.spot(first.node.line), text, "nothing");
}

/// `Service, Deployment (3)`.
fn listed(kinds: &[String]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind).or_default() += 1;
    }
    let each = counts.into_iter().map(|(kind, number)| match number {
        1 => kind.to_owned(),
        _ => format!("{kind} ({number})"),
    });
    each.collect::<Vec<_>>().join(", ")
}
