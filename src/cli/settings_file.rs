//! `rollgate.toml`, read for a command.

use std::path::Path;

use anyhow::Context as _;

use crate::settings::{self, SETTINGS_FILE, Settings};
use crate::shell::files;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;

/// The settings named, or those that are here; the defaults where there are none. Their problems are shown.
///
/// # Errors
/// They cannot be read, or are invalid.
pub fn read(config: Option<&Path>, console: &mut Console) -> anyhow::Result<Settings> {
    let usual = Path::new(SETTINGS_FILE);
    let path = match config {
        Some(path) => path,
        None if usual.exists() => usual,
        None => return Ok(Settings::default()),
    };
    let text = files::read_text(path).with_context(|| format!("cannot read `{}`", files::shown(path)))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let name = path.file_name().map_or_else(|| SETTINGS_FILE.to_owned(), |name| name.to_string_lossy().into_owned());
    let read = settings::read(&files::shown(folder), &name, &text);
    for diagnostic in &read.diagnostics {
        let text = super::policies::show(diagnostic, &read.shown, console);
        console.say(text.trim_end())?;
    }
    let settings = read.settings.ok_or_else(|| Failure::new(Exit::PolicyInvalid, "the settings are invalid"))?;
    Ok(if folder == Path::new(".") { settings } else { settings.below(folder) })
}
