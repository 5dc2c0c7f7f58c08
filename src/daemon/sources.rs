//! The sources of the settings, made.

use std::time::Duration;

use crate::ports::source::Source;
use crate::settings::Settings;

/// A source, and how it is asked.
pub struct Made {
    /// The source.
    pub source: Box<dyn Source>,
    /// How often it is asked.
    pub every: Duration,
    /// The rollouts it feeds; all of them when empty.
    pub feeds: Vec<String>,
}

/// Every source of the settings that is asked; those that push come over the API.
///
/// # Errors
/// The name of the source that cannot be made, and why.
pub fn of(_: &Settings) -> Result<Vec<Made>, (String, String)> {
    Ok(Vec::new())
}
