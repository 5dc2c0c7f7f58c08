//! A row each, worst first, with what is the matter below it.

use anstyle::Style;

use super::row::{Data, Row};
use super::{brief, look, percent, rough, several_environments};
use crate::report::layout::{columns, count, cut, hang, pad};
use crate::report::screen::{ATTENTION, BAD, Mark, QUIET, Screen, of_severity, paint};

/// Room for the reason beside the row, below which it gets a line of its own.
const ROOM: usize = 36;
/// Lines below a row stand this far in.
const INDENT: usize = 4;

struct Column {
    head: &'static str,
    cells: Vec<(String, Style)>,
}

impl Column {
    fn new(head: &'static str, rows: &[Row], cell: impl Fn(&Row) -> (String, Style)) -> Column {
        Column { head, cells: rows.iter().map(cell).collect() }
    }

    fn width(&self) -> usize {
        self.cells.iter().map(|(text, _)| columns(text)).max().unwrap_or(0).max(columns(self.head))
    }
}

/// A table.
#[must_use]
pub fn table(rows: &[Row], screen: Screen) -> String {
    let shown = shown(rows, screen);
    let widths: Vec<usize> = shown.iter().map(Column::width).collect();
    let used = 2 + widths.iter().map(|width| width + 2).sum::<usize>();
    let room = screen.width.saturating_sub(used);
    let beside = room >= ROOM || rows.iter().all(|row| columns(&row.standing.why) <= room);
    let head: String = shown.iter().zip(&widths).map(|(column, width)| pad(column.head, width + 2)).collect();
    let title = format!("  {head}{}", if beside { "WHY" } else { "" });
    let mut text = paint(QUIET, title.trim_end()) + "\n";
    for (at, row) in rows.iter().enumerate() {
        let mut line = format!("{} ", mark(row).map_or(" ", |mark| screen.icon(mark)));
        for (column, width) in shown.iter().zip(&widths) {
            let Some((cell, style)) = column.cells.get(at) else { continue };
            line.push_str(&paint_cell(*style, cell, *width));
        }
        if beside {
            line.push_str(&cut(&row.standing.why, room, screen.ellipsis()));
        }
        text.push_str(&format!("{}\n", line.trim_end()));
        if !beside {
            text.push_str(&below(&row.standing.why, screen));
        }
        for trouble in row.troubles() {
            let about = format!("{}:", trouble.about);
            let told = below(&format!("{about} {}", trouble.what), screen);
            text.push_str(&told.replacen(&about, &paint(ATTENTION, &about), 1));
        }
    }
    text
}

fn below(what: &str, screen: Screen) -> String {
    format!("{}{}\n", " ".repeat(INDENT), hang(what, screen.width, INDENT))
}

fn paint_cell(style: Style, cell: &str, width: usize) -> String {
    let blanks = " ".repeat((width + 2).saturating_sub(columns(cell)));
    if style == Style::new() { format!("{cell}{blanks}") } else { format!("{}{blanks}", paint(style, cell)) }
}

fn shown(rows: &[Row], screen: Screen) -> Vec<Column> {
    let plain = |text: String| (text, Style::new());
    let mut shown =
        vec![Column::new("ROLLOUT", rows, |row| plain(cut(row.standing.key.rollout.as_str(), 24, screen.ellipsis())))];
    if several_environments(rows) {
        shown.push(Column::new("ENV", rows, |row| plain(row.standing.key.environment.to_string())));
    }
    shown.push(Column::new("STAGE", rows, |row| plain(stage(row))));
    let watched = rows.iter().any(|row| row.seen.is_some());
    if watched {
        shown.push(Column::new("SEV", rows, severity));
    }
    shown
        .push(Column::new("DECISION", rows, |row| (row.standing.phase.shout().to_owned(), look(row.standing.phase).1)));
    shown.push(Column::new("SINCE", rows, |row| plain(brief(row.standing.lasted))));
    if watched {
        shown.push(Column::new("DATA", rows, |row| data(row.data())));
    }
    shown
}

fn stage(row: &Row) -> String {
    let standing = &row.standing;
    match standing.stage.as_str() {
        "" => "-".to_owned(),
        stage => format!("{stage} {}%", percent(standing.traffic)),
    }
}

/// In brackets while it does not fire.
fn severity(row: &Row) -> (String, Style) {
    match row.worst() {
        Some(worst) if worst.fires() => (worst.severity.to_string(), of_severity(worst.severity)),
        Some(worst) => (format!("({})", worst.severity), of_severity(worst.severity)),
        None if row.is_blind() => ("?".to_owned(), ATTENTION),
        None => ("-".to_owned(), QUIET),
    }
}

fn data(data: Option<Data>) -> (String, Style) {
    match data {
        None => ("-".to_owned(), QUIET),
        Some(Data::None) => ("none".to_owned(), ATTENTION),
        Some(Data::Fresh(age)) => (rough(age), Style::new()),
        Some(Data::Stale(age)) => (format!("{} STALE", rough(age)), BAD),
    }
}

/// The worst of the phase, of what is broken, and of what surrounds it.
fn mark(row: &Row) -> Option<Mark> {
    let of_phase = look(row.standing.phase).0;
    let is_bad = row.worst().is_some_and(super::row::Worst::fires) || !row.troubles().is_empty();
    let is_unknown = row.is_blind() || matches!(row.data(), Some(Data::Stale(_)));
    of_phase.or(if is_bad { Some(Mark::Attention) } else { None }).or(is_unknown.then_some(Mark::Unknown))
}

/// Below the table: where this comes from, and whether anybody watches.
#[must_use]
pub fn foot(rows: &[Row], store: &str, controller: Option<&str>, screen: Screen) -> String {
    let environment = match rows.first() {
        Some(first) if !several_environments(rows) => format!("{}, ", first.standing.key.environment),
        _ => String::new(),
    };
    let rollouts = count(rows.len(), "rollout");
    let text = match controller {
        Some(url) if url == store => format!("{environment}{rollouts}; watched by the controller at {url}"),
        Some(url) => format!("{environment}{rollouts} in {store}; watched by the controller at {url}"),
        None => format!("{environment}{rollouts} in {store}; no controller runs: nothing is watched"),
    };
    let mut text = format!("\n{}\n", paint(QUIET, hang(&text, screen.width, 0)));
    if let Some(follows) = follows(rows) {
        text.push_str(&format!("{}\n", paint(ATTENTION, hang(&follows, screen.width, 0))));
    }
    if rows.iter().any(|row| row.worst().is_some_and(|worst| !worst.fires())) {
        text.push_str(&format!("{}\n", paint(QUIET, "(P0): broken, and not firing: pending, or clearing")));
    }
    text
}

/// Said when the controller that answers is not the one that leads: nothing advances there.
#[must_use]
pub fn follows(rows: &[Row]) -> Option<String> {
    let seen = rows.iter().find_map(|row| row.seen.as_ref()).filter(|seen| !seen.leads)?;
    Some(match &seen.leader {
        Some(leader) => format!("it only follows, and may take back: {leader} leads"),
        None => "it does not lead, and knows of nobody who does: nothing advances".to_owned(),
    })
}
