//! The summary page of a GitHub Actions job: a file that every step appends to.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

/// GitHub refuses a step's summary that is larger than this, all of it.
const LARGEST: u64 = 1024 * 1024;

/// The file cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the job summary `{path}`")]
pub struct Unwritable {
    path: String,
    #[source]
    source: io::Error,
}

/// Appends `markdown` to the file that `GITHUB_STEP_SUMMARY` names, if it names one. Says why when there is no room.
///
/// # Errors
/// The file system's.
pub fn append(markdown: &str) -> Result<Option<String>, Unwritable> {
    let Some(path) = named() else { return Ok(None) };
    append_to(&path, markdown).map_err(|source| Unwritable { path: path.display().to_string(), source })
}

#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
fn named() -> Option<PathBuf> {
    std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "this is the place that writes")]
fn append_to(path: &std::path::Path, markdown: &str) -> io::Result<Option<String>> {
    let already = fs::metadata(path).map_or(0, |info| info.len());
    let adds = u64::try_from(markdown.len()).unwrap_or(u64::MAX).saturating_add(1);
    if already.saturating_add(adds) > LARGEST {
        return Ok(Some("it would be over 1 MiB, which GitHub shows nothing of".to_owned()));
    }
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    // What an earlier command wrote may not end in a blank line, and Markdown needs one.
    let gap = if already == 0 { "" } else { "\n" };
    file.write_all(format!("{gap}{markdown}").as_bytes())?;
    Ok(None)
}
