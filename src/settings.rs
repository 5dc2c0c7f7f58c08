//! The controller's own settings (`rollgate.toml`): where policies, sources and the store are. Nothing in here can alter
//! a decision, which is why they are not part of a policy. Text in, settings and diagnostics out.
//!
//! Every key may be left out: without a file the controller runs on a file beside it, behind a loopback address.
//!
//! | module | what it holds |
//! |---|---|
//! | [`values`] | the settings, with their defaults |
//! | [`sources`] | where readings come from |
//! | [`secret`] | secrets by reference, and the type that never shows one |
//! | [`codes`] | what can be wrong, RG110 to RG129 |
//! | [`schema`] | what editors complete from |
//!
//! A secret is never written out, only named (`"env:NAME"`). Where one was written out all the same, the message says
//! so and the text it is drawn from has asterisks in its place: see [`Read::shown`].

mod address;
pub mod codes;
mod hide;
mod read;
pub mod schema;
pub mod secret;
pub mod sources;
pub mod values;

use std::sync::Arc;

use crate::policy::codes as shared;
use crate::policy::diagnostic::{Diagnostic, Place};
use crate::policy::sink::Sink;
use crate::policy::source::{MAX_FILE_BYTES, PolicySource};
use crate::policy::tree;

use hide::Hidden;

pub use values::Settings;

/// The name of the file, and where `run` looks for it when none is named.
pub const SETTINGS_FILE: &str = "rollgate.toml";

/// What came of reading a settings file.
#[derive(Debug)]
pub struct Read {
    /// The settings; none when there is an error.
    pub settings: Option<Settings>,
    /// Everything that is wrong, in order of place.
    pub diagnostics: Vec<Diagnostic>,
    /// The text to draw the diagnostics from: secrets that somebody wrote out are asterisks in it.
    pub shown: PolicySource,
}

/// Reads `text`, the file `file` of the directory `root`; every problem is reported.
#[must_use]
pub fn read(root: &str, file: &str, text: &str) -> Read {
    let mut sink = Sink::default();
    let mut hidden = Hidden::default();
    let mut settings = None;
    let name: Arc<str> = Arc::from(file);
    if text.len() > MAX_FILE_BYTES {
        let message = format!("`{file}` is {} KiB, at most {} KiB", text.len().div_ceil(1024), MAX_FILE_BYTES / 1024);
        let place = Place { file: name, span: 0..0 };
        sink.push(Diagnostic::error(shared::TOO_LARGE, message, place).help("recorded data belongs in a fixture"));
    } else {
        let parsed = tree::parse(&name, text);
        let broken = parsed.problems.iter().any(|problem| problem.code == shared::SYNTAX);
        for problem in parsed.problems {
            hidden.broken_line(text, problem.primary.place.span.start);
            sink.push(problem);
        }
        hidden.suspicious(&parsed.root);
        // After a syntax error the tree has holes; what stands around them may be right only with what fell in.
        if !broken {
            settings = Some(read::settings(&parsed.root, &mut sink, &mut hidden));
        }
    }
    let mut shown = PolicySource::new(root);
    shown.insert(file, hidden.mask(text));
    Read { settings: settings.filter(|_| !sink.has_errors()), diagnostics: sink.finish(), shown }
}
