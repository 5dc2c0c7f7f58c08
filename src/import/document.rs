//! Kubernetes documents: kind, name, and where they stand.

use super::yaml::{self, Node};
use super::{ImportError, Input, Spot, Tool};

/// One document of a stream.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) file: String,
    pub(super) node: Node,
}

impl Document {
    pub(super) fn kind(&self) -> String {
        self.node.text_of("kind").unwrap_or_else(|| "a document without a kind".to_owned())
    }

    /// Whose it is, by its group: kinds alone are not unique.
    pub(super) fn tool(&self) -> Option<Tool> {
        let version = self.node.text_of("apiVersion").unwrap_or_default();
        let kind = self.kind();
        match version.split('/').next() {
            Some("argoproj.io") => {
                matches!(kind.as_str(), "Rollout" | "AnalysisTemplate" | "ClusterAnalysisTemplate" | "AnalysisRun")
                    .then_some(Tool::Argo)
            }
            Some("flagger.app") => {
                matches!(kind.as_str(), "Canary" | "MetricTemplate" | "AlertProvider").then_some(Tool::Flagger)
            }
            _ => None,
        }
    }

    pub(super) fn name(&self) -> String {
        let given = self.node.at(&["metadata", "name"]).or_else(|| self.node.at(&["metadata", "generateName"]));
        given.and_then(Node::text).unwrap_or_else(|| "unnamed".to_owned())
    }

    pub(super) fn namespace(&self) -> Option<String> {
        self.node.at(&["metadata", "namespace"])?.text()
    }

    pub(super) fn spot(&self, line: u32) -> Spot {
        Spot { file: self.file.clone(), line }
    }

    /// `canary.yaml:12`.
    pub(super) fn at(&self, node: &Node) -> String {
        format!("{}:{}", self.file, node.line)
    }

    /// A part that must be there for the document to be what it says.
    pub(super) fn due(&self, path: &[&str], what: &str) -> Result<&Node, ImportError> {
        self.node.at(path).ok_or_else(|| {
            let message = format!("`{}` of {} `{}` is missing", path.join("."), self.kind(), self.name());
            self.refuse(&self.node, message, what)
        })
    }

    pub(super) fn refuse(&self, at: &Node, message: impl Into<String>, help: impl Into<String>) -> ImportError {
        ImportError { place: self.spot(at.line), message: message.into(), help: help.into() }
    }
}

/// Every document of every file; the items of a `List` each on their own.
pub(super) fn read_all(inputs: &[Input]) -> Result<Vec<Document>, ImportError> {
    let mut documents = Vec::new();
    for input in inputs {
        let nodes = yaml::read(&input.text).map_err(|error| ImportError {
            place: Spot { file: input.name.clone(), line: error.line },
            message: format!("not readable as YAML: {}", error.message),
            help: error.help.unwrap_or("mend the file, or give another").to_owned(),
        })?;
        for node in nodes {
            if !node.is_map() {
                let message = format!("{} where a document of Kubernetes is due", node.kind());
                let help = "it needs apiVersion and kind; is this the right file?".to_owned();
                let place = Spot { file: input.name.clone(), line: node.line };
                return Err(ImportError { place, message, help });
            }
            let is_list = node.text_of("kind").is_some_and(|kind| kind == "List" || kind.ends_with("List"));
            match node.get("items").filter(|_| is_list) {
                Some(items) => documents
                    .extend(items.items().iter().map(|item| Document { file: input.name.clone(), node: item.clone() })),
                None => documents.push(Document { file: input.name.clone(), node }),
            }
        }
    }
    Ok(documents)
}
