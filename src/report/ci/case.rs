//! One test case: what every test tab is written from.

use crate::model::time::Duration;

/// Why a case is not green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// One sentence.
    pub message: String,
    /// Everything that helps, on as many lines as it takes.
    pub details: String,
}

/// One thing that should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// A sentence that should be true, or what was looked at.
    pub name: String,
    /// The file it is written in.
    pub file: Option<String>,
    /// The line there.
    pub line: Option<usize>,
    /// What did not hold.
    pub failures: Vec<Fault>,
    /// Why it could not be found out.
    pub errors: Vec<Fault>,
    /// What was said beside it.
    pub said: Vec<String>,
}

impl Case {
    /// One that holds.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Case {
        let name = name.into();
        Case { name, file: None, line: None, failures: Vec::new(), errors: Vec::new(), said: Vec::new() }
    }
}

/// Cases that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite {
    /// Its name: the policy's or the fixture's directory.
    pub name: String,
    /// Its cases, in the order written.
    pub cases: Vec<Case>,
    /// How long it took; none when nobody measured.
    pub took: Option<Duration>,
}
