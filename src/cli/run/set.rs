//! `--set CHECK.KEY=VALUE`: the policy with one value changed for this run.

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::model::ids::Environment;
use crate::policy::source::PolicySource;

/// Changes one value in `source`; says what was changed: `isolation_score.p0: below 95% -> 96%`.
///
/// # Errors
/// Not of the form `CHECK.KEY=VALUE`, or no such check.
pub fn set(source: &mut PolicySource, environment: &Environment, wanted: &str) -> Result<String, Failure> {
    let usage = || {
        Failure::new(Exit::Usage, format!("`{wanted}` is not of the form CHECK.KEY=VALUE"))
            .help("for example: --set isolation_score.p0.below=96%")
    };
    let (path, value) = wanted.split_once('=').ok_or_else(usage)?;
    let (check, key) = path.trim().rsplit_once('.').ok_or_else(usage)?;
    match crate::policy::set::set(source, environment, check, key, value) {
        Some(old) => Ok(format!("{check}: {key} {old} -> {}", value.trim())),
        None => Err(Failure::new(Exit::Usage, format!("`--set`: no check is called `{check}`"))
            .help("see the checks and their values with: rollgate check --show-origin")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::source::POLICY_FILE;

    #[test]
    fn what_is_set_is_said_and_what_cannot_be_set_is_wrong_usage() {
        let mut source = PolicySource::new("x");
        source.insert(POLICY_FILE, "[thresholds.score]\np0 = { below = \"95%\" }\n");
        let production = Environment::new("production");
        let said = set(&mut source, &production, "score.p0.below=96%").unwrap();
        assert_eq!(said, "score.p0: below 95% -> 96%");
        for wrong in ["score.p1.below=96%", "nonsense", "a=b"] {
            assert_eq!(set(&mut source, &production, wrong).unwrap_err().exit, Exit::Usage, "{wrong}");
        }
    }
}
