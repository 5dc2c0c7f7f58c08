//! Where rollouts stand, worst first.

use crate::control::Phase;
use crate::model::time::Duration;

use super::screen::{ATTENTION, BAD, GOOD, Mark, QUIET};

mod change;
mod detail;
mod row;
mod table;
mod why;

pub use change::{facts, line, plain, signature};
pub use detail::detailed;
pub use row::{Data, Row, Shown, Trouble, Worst};
pub use table::{follows, foot, table};
pub use why::why;

/// Several rows may be of several environments; a column for one value is noise.
fn several_environments(rows: &[Row]) -> bool {
    rows.windows(2).any(|pair| match pair {
        [one, other] => one.standing.key.environment != other.standing.key.environment,
        _ => false,
    })
}

const fn look(phase: Phase) -> (Option<Mark>, anstyle::Style) {
    match phase {
        Phase::RollingBack | Phase::RolledBack | Phase::PartlyRolledBack => (Some(Mark::Attention), BAD),
        Phase::NoPolicy => (Some(Mark::Unknown), BAD),
        Phase::Applying | Phase::Paused | Phase::Held => (None, ATTENTION),
        Phase::Hold | Phase::NotStarted => (None, QUIET),
        Phase::Done => (None, GOOD),
    }
}

/// `10`, `0.5`.
#[must_use]
pub fn percent(value: f64) -> String {
    format!("{value}")
}

/// The two largest units: `45s`, `2m14s`, `6h02m`, `3d04h`.
#[must_use]
pub fn brief(length: Duration) -> String {
    let secs = (length.as_millis() / 1000).max(0);
    match secs {
        0..60 => format!("{secs}s"),
        60..3600 => format!("{}m{:02}s", secs / 60, secs % 60),
        3600..86_400 => format!("{}h{:02}m", secs / 3600, secs / 60 % 60),
        _ => format!("{}d{:02}h", secs / 86_400, secs / 3600 % 24),
    }
}

/// The largest unit: `45s`, `2m`, `6h`, `3d`. For ages, where the order of size is the news.
#[must_use]
pub fn rough(length: Duration) -> String {
    let secs = (length.as_millis() / 1000).max(0);
    match secs {
        0..120 => format!("{secs}s"),
        120..7200 => format!("{}m", secs / 60),
        7200..172_800 => format!("{}h", secs / 3600),
        _ => format!("{}d", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_show_their_two_largest_units() {
        let brief = |secs| brief(Duration::from_secs(secs));
        assert_eq!([brief(0), brief(59), brief(60), brief(134)], ["0s", "59s", "1m00s", "2m14s"]);
        assert_eq!([brief(3599), brief(21_720), brief(86_399), brief(273_600)], ["59m59s", "6h02m", "23h59m", "3d04h"]);
    }

    #[test]
    fn ages_show_their_largest_unit_once_they_have_two_of_it() {
        let rough = |secs| rough(Duration::from_secs(secs));
        assert_eq!([rough(-1), rough(119), rough(120), rough(7199)], ["0s", "119s", "2m", "119m"]);
        assert_eq!([rough(7200), rough(172_799), rough(172_800)], ["2h", "47h", "2d"]);
    }
}
