//! The stable codes of diagnostics, each with the page that `rollgate explain RG021` prints and the manual shows.
//!
//! A number is never given to another meaning. RG001 to RG019 are about files and text, RG020 to RG039 about values
//! and names, RG040 to RG059 and RG090 up about how the parts fit together, RG060 to RG089 about scripts.

mod files;
mod fit;
mod scripts;
mod values;

use std::sync::LazyLock;

use super::diagnostic::{Code, Level};

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The code.
    pub code: Code,
    /// Its level unless the command line raises it.
    pub level: Level,
    /// A few words.
    pub title: &'static str,
    /// What was found.
    pub meaning: &'static str,
    /// Text that has the problem.
    pub bad: &'static str,
    /// The same, mended.
    pub good: &'static str,
    /// Why rollgate cares.
    pub why: &'static str,
    /// Who finds it.
    pub found_by: FoundBy,
}

/// Who finds a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundBy {
    /// Checking one policy's TOML.
    Policy,
    /// Checking its scripts.
    Scripts,
    /// Reading the directory into memory.
    Loader,
    /// Comparing the policies of one tree.
    Tree,
    /// Reading policy tests and fixtures.
    Tests,
    /// Reading the controller's settings.
    Settings,
}

/// Every code, in order.
pub static PAGES: LazyLock<Vec<&'static Page>> = LazyLock::new(|| {
    let mut pages: Vec<&'static Page> =
        [files::PAGES, values::PAGES, fit::PAGES, scripts::PAGES].into_iter().flatten().collect();
    pages.sort_by_key(|page| page.code);
    pages
});

/// The page of a code.
#[must_use]
pub fn page(code: Code) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code == code).copied()
}

/// A code as people write it: `RG021`, `rg021`, `21`.
#[must_use]
pub fn parse(text: &str) -> Option<Code> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.strip_prefix("rg").unwrap_or(&lower);
    Some(Code(digits.parse().ok()?))
}

macro_rules! codes {
    ($($name:ident = $number:literal, $doc:literal;)*) => {
        $(#[doc = $doc] pub const $name: Code = Code($number);)*
    };
}

codes! {
    SYNTAX = 1, "Not valid TOML.";
    UNKNOWN_KEY = 2, "A key nobody reads.";
    MISSING_KEY = 3, "A key that must be there.";
    WRONG_TYPE = 4, "A value of the wrong TOML type.";
    DUPLICATE = 5, "One key or name twice.";
    SCHEMA_NEW = 6, "Written for a newer rollgate.";
    SCHEMA_OLD = 7, "Written for an older rollgate, or not saying.";
    TOO_LARGE = 8, "A file over the size limit.";
    NOT_UTF8 = 9, "A file that is not UTF-8.";
    OUTSIDE = 10, "A link that leaves the policy tree.";
    NO_POLICY = 11, "No policy.toml.";
    OVERLAY_ADDS = 12, "An overlay that adds instead of changing.";
    UNREADABLE = 13, "A file that cannot be read.";
    UNKNOWN_ENVIRONMENT = 14, "An environment without an overlay.";
    TOO_MANY_FILES = 15, "A policy of too many files.";
    ANYBODY_WRITES = 16, "A file that every user of the machine may change.";
    UNIT_MISSING = 20, "A bare number where a unit is due.";
    CANNOT_FIRE = 21, "A bound that never or always fires.";
    UNIT_MISMATCH = 22, "A unit of the wrong kind.";
    NOT_A_QUANTITY = 23, "Not a number with a known unit.";
    BAD_DURATION = 24, "Not a duration.";
    BAD_WINDOW = 25, "Neither a duration nor k of n.";
    UNKNOWN_WORD = 26, "A word that is not one of the list.";
    NOT_FINITE = 27, "nan or inf.";
    BAD_TIME = 28, "Not a time, day or zone.";
    OUT_OF_RANGE = 29, "A number outside what is possible.";
    BAD_NAME = 30, "A name that cannot be used.";
    UNKNOWN_METRIC = 31, "A metric that is not declared.";
    UNKNOWN_STAGE = 32, "A stage that does not exist.";
    UNKNOWN_GATE = 33, "A gate that does not exist.";
    DUPLICATE_ID = 34, "One id for two checks.";
    ONE_SIDE = 35, "No bound, or two.";
    THAN = 36, "A change without a comparison, or the reverse.";
    CONFLICTING_KEYS = 37, "Keys that do not go together.";
    STATE_BOUND = 38, "A state treated as a number, or the reverse.";
    EMPTY = 39, "A list that must not be empty.";
    TWO_ANSWERS = 40, "A trigger stricter than every severity.";
    LOOSER = 41, "A milder level that never fires first.";
    NO_WAY_BACK = 42, "An exposed stage nothing can roll back.";
    NOT_GROWING = 43, "A stage that exposes no more than the one before.";
    SHORT_BAKE = 44, "A bake shorter than a check's `for`.";
    UNREAD_METRIC = 45, "A metric no check reads.";
    CONTROL_AT_FULL = 46, "A comparison with control at 100 %.";
    FEW_SAMPLES = 47, "Too few samples for the bound.";
    NO_FLOOR = 48, "A relative bound without a floor.";
    ODD_AGE = 49, "A `max_age` that is too short or too long.";
    LATE_EARLY_EXIT = 50, "An early exit that is not early.";
    UNUSED_GATE = 51, "A gate no stage asks.";
    TARGET_NOT_LOWER = 52, "A roll back that would not lower exposure.";
    HARMLESS_P0 = 53, "A P0 that only warns.";
    ALLOW_UNUSED = 54, "An `allow` that accepts nothing.";
    ALLOW_REASON = 55, "An `allow` without a reason.";
    ALLOW_UNKNOWN = 56, "An `allow` of what cannot be allowed.";
    FEATURE_TWICE = 57, "Two policies own one feature.";
    MAX_BEFORE_BAKE = 58, "A stage that ends before it may be left.";
    NEVER_APPLIES = 59, "A check on a group that is always empty.";
    SCRIPT_SYNTAX = 60, "A script that does not parse.";
    UNKNOWN_FUNCTION = 61, "A script calls a function that does not exist.";
    SCRIPT_METRIC = 62, "A script reads a metric that is not declared.";
    SCRIPT_PARAM = 63, "A script uses a param that is not declared.";
    SCRIPT_CHECK = 64, "A script asks about a check that does not exist.";
    FORBIDDEN = 65, "A construct that scripts may not use.";
    SCRIPT_IMPORT = 66, "An import from outside the tree.";
    SCRIPT_LIMIT = 67, "A script that is too large or too deep.";
    SCRIPT_NUMBER = 68, "A number in a comparison.";
    SCRIPT_MISSING = 69, "A function the policy names is missing.";
    SCRIPT_OUTCOME = 70, "A function that does not end in an outcome.";
    SCRIPT_VARIABLE = 71, "A variable that does not exist.";
    SCRIPT_OF_SCRIPT = 72, "A script asks about a script.";
    SCRIPT_UNUSED = 73, "A function nothing uses.";
    SCRIPT_UNITS = 74, "Quantities that do not go together.";
    UNKNOWN_SEVERITY = 90, "A severity that does not exist.";
    SEVERITY_ORDER = 91, "A milder level that does more.";
    ROLLOUT_TWICE = 92, "Two policies govern one rollout.";
    SMALL_BASELINE = 93, "A baseline of too few readings.";
    NEVER_ASKED = 94, "Gates on a stage that is never left.";
    TOO_MANY = 95, "More of something than fits.";
    UNUSED_PARAM = 96, "A param no script uses.";
    NO_BASELINE = 97, "A baseline with no time to measure it.";
    NEVER_OPENS = 98, "A gate on a group its stage leaves empty.";
    TOO_FEW_ROLES = 99, "More approvers than roles.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_is_complete_and_every_code_has_one() {
        let mut last = Code(0);
        for page in PAGES.iter() {
            assert!(page.code > last, "{} is out of order or twice", page.code);
            last = page.code;
            for text in [page.title, page.meaning, page.good, page.why] {
                assert!(!text.trim().is_empty(), "{}", page.code);
            }
            assert!(!page.title.ends_with('.'), "{}", page.code);
        }
        assert_eq!(PAGES.len(), 16 + 20 + 20 + 15 + 10);
    }

    #[test]
    fn codes_are_found_however_they_are_written() {
        for text in ["RG021", "rg021", "RG21", "21", " 021 "] {
            assert_eq!(parse(text), Some(CANNOT_FIRE));
        }
        assert!(parse("RG999").and_then(page).is_none());
        assert!(parse("").and_then(page).is_none());
    }
}
