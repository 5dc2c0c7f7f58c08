//! `--watch`: run again whenever something changes. Leaves with Ctrl-C.

use std::path::PathBuf;

use super::console::Console;
use super::exit::Exit;

/// Runs `once`, and again after every change below `paths`, on a cleared screen.
///
/// # Errors
/// The watching cannot be started, or the console is gone. Whatever `once` fails with is shown and waited out.
#[cfg(feature = "watch")]
pub fn again(
    paths: &[PathBuf],
    console: &mut Console,
    once: &mut dyn FnMut(&mut Console) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let watch = crate::shell::watch::Watch::start(paths)?;
    loop {
        // Clear and go home: what stands there was about the files as they were.
        console.print("\u{1b}[2J\u{1b}[3J\u{1b}[H")?;
        if let Err(error) = once(console) {
            if super::failure::is_closed_pipe(&error) {
                return Err(error);
            }
            super::complain(console, &error);
        }
        console.line("\nwatching; Ctrl-C ends")?;
        console.flush()?;
        if !watch.wait() {
            return Ok(Exit::Done);
        }
    }
}

/// This build cannot watch.
///
/// # Errors
/// Always.
#[cfg(not(feature = "watch"))]
pub fn again(
    _: &[PathBuf],
    _: &mut Console,
    _: &mut dyn FnMut(&mut Console) -> anyhow::Result<Exit>,
) -> anyhow::Result<Exit> {
    let failure = super::failure::Failure::new(Exit::Usage, "this build cannot watch files");
    Err(failure.help("build it with the feature `watch`, which is on by default").into())
}
