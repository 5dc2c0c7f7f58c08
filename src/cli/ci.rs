//! Prints a report in another tool's shape.

use crate::report::ci::{Format, Report};
use crate::shell::summary;

use super::console::Console;

/// Prints `report`; on GitHub Actions, the comment also becomes part of the job's summary page.
///
/// # Errors
/// The console is gone, or the summary cannot be written.
pub fn print(report: &Report, format: Format, console: &mut Console) -> anyhow::Result<()> {
    console.print(report.write(format))?;
    if format == Format::Github
        && let Some(refused) = summary::append(&report.markdown)?
    {
        console.say(format!("warning: the job summary was left as it is: {refused}"))?;
    }
    Ok(())
}
