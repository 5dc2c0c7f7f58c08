//! What is wrong with a policy, for the person who edits it: all problems at once, each with a stable code, the
//! place, the place it conflicts with, and the mend.

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

/// A stable code, `RG021`. Its page is shown by `rollgate explain RG021`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RG{:03}", self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An error keeps a policy from loading; a warning does not, and may be accepted beside the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Something to think about.
    Warning,
    /// The policy does not load.
    Error,
}

/// A range of bytes in one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Path inside the policy's directory.
    pub file: Arc<str>,
    /// Bytes in that file; may be empty for "the whole file".
    pub span: Range<usize>,
}

/// A place with what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// A few words under the underline; may be empty.
    pub text: String,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code.
    pub code: Code,
    /// Error or warning.
    pub level: Level,
    /// One lower-case sentence without a full stop; user text in backticks.
    pub message: String,
    /// Where the fault is.
    pub primary: Label,
    /// Where the conflicting thing was said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secondary: Vec<Label>,
    /// How to mend it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
    /// The environments it was found in; empty when it is in every one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<String>,
}

impl Diagnostic {
    /// An error at `place`.
    #[must_use]
    pub fn error(code: Code, message: impl Into<String>, place: Place) -> Diagnostic {
        Diagnostic::new(code, Level::Error, message.into(), place)
    }

    /// A warning at `place`.
    #[must_use]
    pub fn warning(code: Code, message: impl Into<String>, place: Place) -> Diagnostic {
        Diagnostic::new(code, Level::Warning, message.into(), place)
    }

    const fn new(code: Code, level: Level, message: String, place: Place) -> Diagnostic {
        let primary = Label { place, text: String::new() };
        Diagnostic { code, level, message, primary, secondary: Vec::new(), help: Vec::new(), environments: Vec::new() }
    }

    /// With words under the underline.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.primary.text = text.into();
        self
    }

    /// With a second place.
    #[must_use]
    pub fn also(mut self, place: Place, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label { place, text: text.into() });
        self
    }

    /// With the mend.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help.push(text.into());
        self
    }
}
