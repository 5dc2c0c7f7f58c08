//! The case that is missing.

use std::sync::Arc;

use serde::Serialize;

use crate::policy::compiled::Policy;

use super::Site;
use super::cases::Played;

/// A case that would notice a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "missing", content = "text")]
pub enum Missing {
    /// A `[[test]]` that was run: it passes on the policy as written and fails on the mutant.
    Test(String),
    /// None was found; what such a test has to show, as a comment.
    Sketch(String),
}

impl Missing {
    /// Looks for a case; `mutants` holds the mutant in each environment it was judged in.
    #[must_use]
    pub fn find(_played: &Played<'_>, site: &Site, _mutants: &[(usize, Arc<Policy>)]) -> Missing {
        Missing::Sketch(site.name())
    }
}

/// Where missing tests are written, beside the policy.
pub const MUTANTS_FILE: &str = "tests/mutants.toml";

/// `text` of that file with the missing tests behind it, and how many; none when there are none.
#[must_use]
pub fn appended(text: &str, assay: &super::Assay) -> Option<(String, usize)> {
    let _ = (text, assay);
    None
}
