//! Compares recordings, and keeps what a page draws of those that differ.

use std::sync::Arc;

use crate::fixture::DataError;
use crate::model::ids::Environment;
use crate::policy::compiled::Policy;
use crate::review::compare::{Case, CompareOptions, compare};
use crate::review::drawn::{Drawn, draw};
use crate::review::verdict::{Compared, Standing};

/// More drawings than this are nobody's reading; the others are told in words.
const MOST: usize = 60;

/// Compares, and draws where a page is wanted.
#[derive(Debug, Default)]
pub(super) struct Drawings {
    wanted: bool,
    found: Vec<(String, Environment, Drawn)>,
}

impl Drawings {
    /// Draws only where a page is wanted.
    pub(super) const fn new(wanted: bool) -> Drawings {
        Drawings { wanted, found: Vec::new() }
    }

    /// What both policies make of one recording.
    ///
    /// # Errors
    /// The data cannot be read.
    pub(super) fn compare(
        &mut self,
        case: &Case<'_>,
        old: &Arc<Policy>,
        new: &Arc<Policy>,
        options: &CompareOptions,
    ) -> Result<Compared, DataError> {
        let compared = compare(case, old, new, options)?;
        if self.wanted && compared.standing == Standing::Decisions && self.found.len() < MOST {
            let drawn = draw(case, old, new, &options.run)?;
            self.found.push((compared.name.clone(), compared.environment.clone(), drawn));
        }
        Ok(compared)
    }

    /// The drawings, by name and environment.
    pub(super) fn found(&self) -> &[(String, Environment, Drawn)] {
        &self.found
    }
}
