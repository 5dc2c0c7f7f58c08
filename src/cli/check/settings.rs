//! `check rollgate.toml`: the controller's settings, checked as policies are.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::settings::{self, SETTINGS_FILE};
use crate::shell::files;

use super::Checked;

/// The settings files among the paths, and everything else. Without a path, the one that is here.
pub(super) fn split(named: &[PathBuf], usual: Vec<PathBuf>) -> (Vec<PathBuf>, Vec<PathBuf>) {
    if named.is_empty() {
        let here = Path::new(SETTINGS_FILE);
        let settings = if here.is_file() { vec![here.to_path_buf()] } else { Vec::new() };
        return (settings, usual);
    }
    usual.into_iter().partition(|path| is_settings(path))
}

/// `rollgate.toml`, `rollgate-staging.toml`: any file of that name, wherever it stands.
fn is_settings(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with("rollgate") && name.ends_with(".toml") && !path.is_dir()
}

/// Reads one, with all that is wrong with it.
///
/// # Errors
/// The file cannot be read.
pub(super) fn examine(path: &Path) -> anyhow::Result<Checked> {
    let text = files::read_text(path).with_context(|| format!("cannot read `{}`", files::shown(path)))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().map_or_else(|| ".".to_owned(), files::shown);
    let read = settings::read(&folder, &name, &text);
    Ok(Checked { source: read.shown, diagnostics: read.diagnostics, settings: Some(name), ..Checked::default() })
}
