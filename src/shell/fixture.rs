//! Reads a fixture's directory into memory.

use std::io::Read;
use std::path::Path;

use crate::fixture::directory::{EXPECT_FILE, FIXTURE_FILE, TIMELINE_FILE, read_head};
use crate::policy::diagnostic::Diagnostic;
use crate::policy::source::PolicySource;
use crate::review::case::FixtureText;

use super::data::open_recording;
use super::files;

/// Why a fixture's directory is none.
#[derive(Debug)]
pub enum FixtureError {
    /// `fixture.toml` cannot be used; its text, and what is wrong with it.
    Toml(PolicySource, Vec<Diagnostic>),
    /// A recording cannot be read.
    Data(crate::fixture::DataError),
}

/// All of the fixture in `folder`.
///
/// # Errors
/// `fixture.toml` is not one, or a recording cannot be read.
pub fn load_fixture(folder: &Path) -> Result<FixtureText, FixtureError> {
    let mut source = PolicySource::new(files::shown(folder));
    for name in [FIXTURE_FILE, EXPECT_FILE, TIMELINE_FILE] {
        if let Ok(text) = files::read_text(&folder.join(name)) {
            source.insert(name, text);
        }
    }
    let (head, problems) = read_head(source.get(FIXTURE_FILE).map_or("", AsRef::as_ref));
    let Some(head) = head.filter(|_| problems.is_empty()) else { return Err(FixtureError::Toml(source, problems)) };
    let mut data = Vec::new();
    for name in &head.data {
        let path = files::shown(&folder.join(name));
        let mut recording = open_recording(&path, None).map_err(FixtureError::Data)?;
        let mut bytes = Vec::new();
        recording.reader.read_to_end(&mut bytes).map_err(|cause| {
            FixtureError::Data(crate::fixture::DataError::Unreadable { file: recording.name.clone(), cause })
        })?;
        data.push((recording.name, bytes.into()));
    }
    FixtureText::new(source.clone(), data).map_err(|problems| FixtureError::Toml(source, problems))
}
