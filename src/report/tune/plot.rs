//! The small plot under the table: a column per value, what is caught over what is stopped over how long it took.

use crate::model::time::Duration;
use crate::report::layout::pad;
use crate::report::screen::{PLACE, QUIET, Screen, paint};
use crate::review::sweep::{Outcome, Point};

use super::Tuned;

/// Columns for the names in front.
const NAMES: usize = 10;
/// Columns for the words behind, and the blanks between.
const WORDS: usize = 34;
/// The widest that one value is drawn.
const WIDEST: usize = 4;

/// All of it; nothing where there is too little room, or nothing to compare.
pub(super) fn plot(tuned: &Tuned, screen: Screen) -> String {
    let points = &tuned.values;
    let room = screen.width.saturating_sub(NAMES + WORDS);
    let each = room.checked_div(points.len()).unwrap_or(0).min(WIDEST);
    if points.len() < 2 || each == 0 {
        return String::new();
    }
    let share = |part: usize, of: usize| if of == 0 { f64::NAN } else { part as f64 / of as f64 };
    let incidents = points.iter().filter_map(|point| point.outcome.as_ref()).map(|outcome| outcome.tally.incidents);
    let incidents = incidents.max().unwrap_or(0);
    let longest = points.iter().filter_map(median).max();
    let mut text = String::from("\n");
    let mut row = |name: &str, value: &dyn Fn(&Outcome) -> f64, words: String| {
        let bars: String = points.iter().map(|point| bar(point, value, each, screen)).collect();
        let line = format!("  {}{bars}  {}", pad(name, NAMES), paint(QUIET, words));
        text.push_str(line.trim_end());
        text.push('\n');
    };
    if incidents > 0 {
        row(
            "caught",
            &|outcome| share(outcome.tally.caught, outcome.tally.incidents),
            format!("full is {incidents} of {incidents}"),
        );
    }
    // Good releases are stopped one by one: drawn to the whole they would hardly be seen.
    let worst = points.iter().filter_map(|point| point.outcome.as_ref()).map(|outcome| outcome.false_alarms).max();
    let worst = worst.unwrap_or(0);
    let words = if worst == 0 { "none at any value".to_owned() } else { format!("full is {worst}") };
    row("false", &|outcome| share(outcome.false_alarms, worst.max(1)), words);
    if let Some(longest) = longest.filter(|longest| !longest.is_zero()) {
        let of = |outcome: &Outcome| {
            let median = outcome.tally.median_to_stop.map_or(f64::NAN, |time| time.as_millis() as f64);
            median / longest.as_millis() as f64
        };
        row("to stop", &of, format!("full is {longest}, of those caught"));
    }
    let mut marks = String::new();
    for point in points {
        let mark = if screen.ascii { "^" } else { "▲" };
        marks.push_str(&pad(if point.current { mark } else { "" }, each));
    }
    if points.iter().any(|point| point.current) {
        text.push_str(&format!("  {}{}\n", pad("", NAMES), paint(PLACE, marks.trim_end())));
    }
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        let width = each * points.len();
        let gap = width.saturating_sub(first.value.chars().count() + last.value.chars().count()).max(1);
        let axis = format!("{}{}{}", first.value, " ".repeat(gap), last.value);
        text.push_str(&format!("  {}{}\n", pad(&tuned.key, NAMES), paint(QUIET, axis)));
    }
    text
}

fn median(point: &Point) -> Option<Duration> {
    point.outcome.as_ref()?.tally.median_to_stop
}

/// One value's bar: a height of eight, a blank for nothing, a dot where there is no answer.
fn bar(point: &Point, value: &dyn Fn(&Outcome) -> f64, width: usize, screen: Screen) -> String {
    let share = point.outcome.as_ref().map_or(f64::NAN, value);
    let glyph = if share.is_nan() {
        if screen.ascii { '?' } else { '·' }
    } else if share <= 0.0 {
        ' '
    } else {
        let heights = screen.heights();
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the number of heights"
        )]
        let at = (share.min(1.0) * heights.len() as f64).ceil() as usize;
        heights[at.clamp(1, heights.len()) - 1]
    };
    std::iter::repeat_n(glyph, width).collect()
}
