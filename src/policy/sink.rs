//! Where problems go while a policy is read and checked, and how a warning is accepted beside the check.

use std::cell::Cell;

use super::codes;
use super::diagnostic::{Code, Diagnostic, Level, Place};

/// One entry of `allow = { RG040 = "reason" }`.
#[derive(Debug, Clone)]
pub(crate) struct Allow {
    pub(crate) code: Code,
    pub(crate) place: Place,
    /// Whether it accepted anything in this compilation.
    pub(crate) used: Cell<bool>,
}

/// A change of text that mends a problem with no room for doubt; `rollgate fix` applies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mend {
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) what: String,
}

/// Gathers problems; nothing stops at the first.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) mends: Vec<Mend>,
}

impl Sink {
    /// Adds a problem as it is.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Adds a warning unless one of the things it is about accepts it.
    pub(crate) fn warn(&mut self, diagnostic: Diagnostic, accepted_by: &[&[Allow]]) {
        self.warn_beside(diagnostic, accepted_by, "it");
    }

    /// As `warn`, where `allow` is written beside something else.
    pub(crate) fn warn_beside(&mut self, diagnostic: Diagnostic, accepted_by: &[&[Allow]], beside: &str) {
        let mut accepted = false;
        for allow in accepted_by.iter().flat_map(|list| list.iter()).filter(|allow| allow.code == diagnostic.code) {
            allow.used.set(true);
            accepted = true;
        }
        if !accepted {
            let code = diagnostic.code;
            self.push(diagnostic.help(format!("to accept it, write allow = {{ {code} = \"why\" }} beside {beside}")));
        }
    }

    /// Notes a safe mend of the problem just reported.
    pub(crate) fn mend(&mut self, place: &Place, text: impl Into<String>, what: impl Into<String>) {
        self.mends.push(Mend { place: place.clone(), text: text.into(), what: what.into() });
    }

    /// Warns of every `allow` that accepted nothing.
    pub(crate) fn report_unused<'a>(&mut self, allows: impl Iterator<Item = &'a Allow>) {
        for allow in allows.filter(|allow| !allow.used.get()) {
            self.push(
                Diagnostic::warning(
                    codes::ALLOW_UNUSED,
                    format!("`allow` of {} accepts nothing", allow.code),
                    allow.place.clone(),
                )
                .help("remove it: the warning it accepted is gone"),
            );
        }
    }

    /// How many errors there are so far.
    pub(crate) fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.level == Level::Error).count()
    }

    /// Whether a problem of this code was found.
    pub(crate) fn has(&self, code: Code) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.code == code)
    }

    /// Whether the policy cannot load.
    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error)
    }

    /// Everything in order of file and place, without repeats.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        sort(&mut self.diagnostics);
        self.diagnostics.dedup();
        self.diagnostics
    }
}

/// By file, then place, then code: the order in which a person works through them.
pub(crate) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| (file_rank(&d.primary.place.file), d.primary.place.span.start, d.code);
        key(a)
            .cmp(&key(b))
            .then_with(|| a.primary.place.file.cmp(&b.primary.place.file))
            .then_with(|| a.message.cmp(&b.message))
    });
}

/// The policy first, then overlays and scripts in order of path.
fn file_rank(file: &str) -> (bool, String) {
    (file != super::source::POLICY_FILE, file.to_owned())
}
