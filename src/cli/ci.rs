//! Prints a report in another tool's shape.

use crate::report::ci::{Format, Report};
use crate::shell::git::InRepository;
use crate::shell::summary;

use super::console::Console;

/// Prints `report`, its files named by their paths in the repository; on GitHub Actions, the comment also becomes part of the job's summary page.
///
/// # Errors
/// The console is gone, or the summary cannot be written.
pub fn print(mut report: Report, format: Format, console: &mut Console) -> anyhow::Result<()> {
    let inside = InRepository::around_here();
    if let Some(inside) = inside {
        report.rename_files(&|file| inside.name(file));
    }
    console.print(report.write(format))?;
    if format == Format::Github
        && let Some(refused) = summary::append(&report.markdown)?
    {
        console.say(format!("warning: the job summary was left as it is: {refused}"))?;
    }
    Ok(())
}
