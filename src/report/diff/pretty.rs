//! A comparison for a person at a terminal.

use crate::report::layout::{hang, pad, thousands};
use crate::report::screen::{ATTENTION, BAD, GOOD, Mark, PLACE, QUIET, STRONG, Screen, of_severity, paint};
use crate::review::change::{Change, Direction};
use crate::review::outcome::Review;
use crate::review::verdict::{Compared, Standing, Tally};

use super::{Diffed, Totals, by_subject, with, words};

/// Columns for the words in front of a line.
const LABELS: usize = 12;
/// Columns for the name of a condition.
const CONDITIONS: usize = 18;
/// So many recordings are shown in full; the rest is listed.
const SHOWN: usize = 12;
/// So many names are listed.
const NAMED: usize = 20;
/// So many moments of `--per-step` are shown.
const STEPS: usize = 3;

/// The whole screen.
#[must_use]
pub fn pretty(diffed: &Diffed, screen: Screen) -> String {
    let mut text = String::new();
    let notes: String = diffed.notes.iter().map(|note| labelled("compares", note, screen)).collect();
    // What is gone altogether is the first line that anybody reads.
    if !diffed.reviews.first().is_some_and(Review::is_removed) {
        text.push_str(&notes);
    }
    for (at, review) in diffed.reviews.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        text.push_str(&one(review, screen));
    }
    if !notes.is_empty() && !text.starts_with(&notes) {
        text.push_str(&format!("\n{notes}"));
    }
    if diffed.reviews.is_empty() {
        text.push_str(&format!(
            "{} {}\n",
            paint(GOOD, screen.icon(Mark::Good)),
            hang(&diffed.nothing(), screen.width, 2)
        ));
    } else if !diffed.unchanged.is_empty() {
        text.push_str(&labelled("unchanged", &diffed.unchanged.join(", "), screen));
    }
    if !diffed.added.is_empty() {
        text.push_str(&labelled("ADDED", &diffed.added.join(", "), screen));
    }
    text
}

fn labelled(label: &str, line: &str, screen: Screen) -> String {
    format!("{}{}\n", paint(QUIET, pad(label, LABELS)), hang(line, screen.width, LABELS))
}

fn one(review: &Review, screen: Screen) -> String {
    let totals = Totals::of(review);
    let mut text = head(review, &totals, screen);
    text.push('\n');
    text.push_str(&edits(review, screen));
    text.push('\n');
    let style = if totals.decisions > 0 || totals.recordings == totals.blind { ATTENTION } else { GOOD };
    text.push_str(&format!("{}\n", paint(style, words::headline(&totals))));
    for compared in with(review, Standing::Decisions).take(SHOWN) {
        text.push('\n');
        text.push_str(&changed(compared, screen));
    }
    if totals.decisions > 0 && !review.is_removed() {
        text.push_str(&format!("\n  {}\n", paint(QUIET, hang(words::OPEN_LOOP, screen.width, 2))));
    }
    text.push_str(&rest(review, &totals, screen));
    text.push_str(&scores(review));
    text.push_str(&end(review, &totals, screen));
    text
}

fn head(review: &Review, totals: &Totals, screen: Screen) -> String {
    let arrow = screen.arrow();
    let mut text = String::new();
    if review.is_removed() {
        let line =
            format!("{} THE WHOLE POLICY IS REMOVED: nothing it checked is checked any more", screen.icon(Mark::Bad));
        text.push_str(&format!("{}\n", paint(BAD, hang(&line, screen.width, 2))));
    }
    let mut line = format!(
        "{}{} {arrow} {}\n",
        paint(QUIET, pad("policy", LABELS)),
        paint(STRONG, &review.old.shown),
        if review.is_removed() { paint(BAD, "REMOVED") } else { paint(STRONG, &review.new.shown) }
    );
    if crate::report::layout::columns(&line) > screen.width + 1 {
        let whole = format!("{} {arrow} {}", review.old.shown, review.new.shown);
        line = labelled("policy", &whole, screen);
    }
    text.push_str(&line);
    let mut digests = Vec::new();
    for (environment, new) in &review.new.digests {
        digests.push(match review.old.digests.get(environment.as_str()) {
            Some(old) if old == new => continue,
            Some(old) => format!("{environment} {} {arrow} {}", old.short(), new.short()),
            None => format!("{environment} new {}", new.short()),
        });
    }
    if !digests.is_empty() {
        text.push_str(&labelled("", &digests.join(", "), screen));
    }
    text.push_str(&labelled("edits", &words::directions(totals), screen));
    if totals.recordings > 0 {
        let snapshots = thousands(usize::try_from(totals.snapshots).unwrap_or(usize::MAX));
        let line = format!("{}, {snapshots} snapshots", totals.recordings);
        text.push_str(&labelled("recordings", &line, screen));
    }
    text
}

fn edits(review: &Review, screen: Screen) -> String {
    let mut text = String::new();
    for (subject, changes) in by_subject(review) {
        let first = changes.first();
        let severity = first.and_then(|change| words::severity(change));
        let severity =
            severity.map_or_else(String::new, |severity| format!("{} ", paint(of_severity(severity), severity)));
        let place = first.and_then(|change| words::place(change, review));
        let place = place.map_or_else(String::new, |place| paint(PLACE, format!("  {place}")));
        text.push_str(&format!("{severity}{}{place}\n", paint(STRONG, subject)));
        let at = |change: &Change| words::place(change, review);
        for change in &changes {
            // Where the edits of one thing are lines apart, or in two files, each says its own.
            let apart = changes.first().and_then(|first| (at(first) != at(change)).then(|| at(change))).flatten();
            text.push_str(&edit(change, review, apart, screen));
        }
    }
    if text.is_empty() {
        text.push_str("nothing that decides was edited\n");
    }
    text
}

fn edit(change: &Change, review: &Review, place: Option<String>, screen: Screen) -> String {
    let (mark, style, word) = match change.direction {
        Direction::Looser => (screen.icon(Mark::Attention), ATTENTION, "LOOSER"),
        Direction::Tighter => (screen.icon(Mark::Good), GOOD, "tighter"),
        Direction::Different => ("~", QUIET, "different"),
    };
    let front = paint(style, pad(&format!("{mark} {word}"), LABELS - 1));
    let mut text = format!("  {front} {}\n", hang(&words::edit(change, screen.arrow()), screen.width, LABELS + 2));
    let place = place.map(|place| format!("at {place}"));
    for remark in words::remarks(change, review).into_iter().chain(place) {
        text.push_str(&format!("{}{}\n", " ".repeat(LABELS + 2), hang(&remark, screen.width, LABELS + 2)));
    }
    text
}

fn changed(compared: &Compared, screen: Screen) -> String {
    let is_bad = !compared.lost.is_empty() || compared.gained_false > 0;
    let (mark, style) = if is_bad { (screen.icon(Mark::Attention), BAD) } else { ("~", ATTENTION) };
    let environment = match compared.environment.as_str() {
        "production" => String::new(),
        other => format!(" ({other})"),
    };
    let mut text = format!("{} {}{environment}\n", paint(style, mark), paint(STRONG, &compared.name));
    text.push_str(&format!("    {}\n", paint(style, hang(&words::verdict(compared), screen.width, 4))));
    if !compared.title.is_empty() {
        text.push_str(&format!("    {}\n", paint(QUIET, hang(&compared.title, screen.width, 4))));
    }
    if let Some(divergence) = &compared.divergence {
        let line = format!("first difference {}", words::when(divergence, compared));
        text.push_str(&format!("    {}\n", hang(&line, screen.width, 4)));
        for (word, decision) in [("old", &divergence.before), ("new", &divergence.after)] {
            let answer = words::answer(decision, screen.arrow());
            text.push_str(&format!("      {}  {}\n", paint(QUIET, word), paint(STRONG, answer)));
            for line in words::because(decision, divergence) {
                text.push_str(&format!("           {}\n", hang(&line, screen.width, 11)));
            }
        }
    }
    for lost in &compared.lost {
        let line = format!("LOST  {}: {}", words::at(lost.at, compared), lost.because);
        text.push_str(&format!("    {}\n", paint(BAD, hang(&line, screen.width, 10))));
    }
    for gone in &compared.alarms_gone {
        let line = format!("gone  {}: false alarm: {}", words::at(gone.at, compared), gone.because);
        text.push_str(&format!("    {}\n", hang(&line, screen.width, 10)));
    }
    for gained in &compared.gained {
        let line = format!("new   {}: {}", words::at(gained.at, compared), gained.because);
        text.push_str(&format!("    {}\n", hang(&line, screen.width, 10)));
    }
    text.push_str(&per_step(compared, screen));
    text.push_str(&judged(compared, screen));
    text
}

fn per_step(compared: &Compared, screen: Screen) -> String {
    let Some(per_step) = &compared.per_step else { return String::new() };
    let big = |number: u64| thousands(usize::try_from(number).unwrap_or(usize::MAX));
    let line = format!(
        "each moment by itself: {} of {} decided otherwise, {} would roll back now, {} did before",
        big(per_step.differ),
        big(per_step.judged),
        big(per_step.rolls_back_now),
        big(per_step.rolled_back_before)
    );
    let mut text = format!("    {}\n", hang(&line, screen.width, 4));
    for step in per_step.first.iter().take(STEPS) {
        let line = format!(
            "{}, {}: {} {} {}",
            words::at(step.at, compared),
            step.stage,
            step.before,
            screen.arrow(),
            step.after
        );
        text.push_str(&format!("      {}\n", hang(&line, screen.width, 8)));
    }
    text
}

fn judged(compared: &Compared, screen: Screen) -> String {
    let lines = words::judged(compared).into_iter();
    lines.map(|line| format!("    {}\n", paint(QUIET, hang(&line, screen.width, 6)))).collect()
}

/// What is not shown in full.
fn rest(review: &Review, totals: &Totals, screen: Screen) -> String {
    let mut text = String::new();
    let list = |names: Vec<&str>| {
        let more = names.len().saturating_sub(NAMED);
        let mut shown: Vec<String> = names.iter().take(NAMED).map(|name| (*name).to_owned()).collect();
        if more > 0 {
            shown.push(format!("and {more} more"));
        }
        shown.join(", ")
    };
    let hidden: Vec<&str> = with(review, Standing::Decisions).skip(SHOWN).map(|one| one.name.as_str()).collect();
    if !hidden.is_empty() {
        text.push_str(&format!("\n~ {}\n", hang(&format!("{} more: {}", hidden.len(), list(hidden)), screen.width, 2)));
    }
    let findings: Vec<&str> = with(review, Standing::Findings).map(|one| one.name.as_str()).collect();
    if !findings.is_empty() {
        let line = format!(
            "{} decided alike, only the golden timeline changes (write them: rollgate test --bless)",
            findings.len()
        );
        text.push_str(&format!("\n~ {}\n", hang(&line, screen.width, 2)));
        text.push_str(&format!("  {}\n", hang(&list(findings), screen.width, 2)));
    }
    let same = totals.recordings - totals.decisions - totals.findings;
    if same > 0 {
        let blind = match totals.blind {
            0 => String::new(),
            blind => format!(", {blind} of them because nothing in it could be judged"),
        };
        text.push_str(&format!("\n= {same} unchanged{blind}\n"));
    }
    // Unchanged is worth little where nothing could be told.
    let little: Vec<&Compared> = with(review, Standing::Same).filter(|one| words::says_little(one)).collect();
    for compared in little.iter().take(SHOWN) {
        text.push_str(&format!("  {}\n{}", compared.name, judged(compared, screen)));
    }
    if little.len() > SHOWN {
        text.push_str(&format!("  and {} more of which little could be judged\n", little.len() - SHOWN));
    }
    text
}

fn scores(review: &Review) -> String {
    let Some((before, after)) = &review.tallies else { return String::new() };
    let median = |tally: &Tally| tally.median_to_stop.map_or_else(|| "-".to_owned(), |time| time.to_string());
    let rows = [
        ("", "old".to_owned(), "new".to_owned(), String::new()),
        ("incidents caught", before.caught.to_string(), after.caught.to_string(), format!("of {}", after.incidents)),
        ("good releases stopped", before.stopped.to_string(), after.stopped.to_string(), format!("of {}", after.good)),
        ("median time to stop", median(before), median(after), String::new()),
    ];
    let width = rows.iter().map(|(_, old, new, _)| old.chars().count().max(new.chars().count())).max().unwrap_or(0);
    let mut text = String::from("\n");
    for (label, old, new, of) in rows {
        let line = format!("  {}  {old:>width$}  {new:>width$}  {of}", pad(label, 22));
        text.push_str(&format!("{}\n", line.trim_end()));
    }
    text
}

fn end(review: &Review, totals: &Totals, screen: Screen) -> String {
    let mut text = String::from("\n");
    for note in &review.notes {
        text.push_str(&labelled("note", note, screen));
    }
    for tripped in &review.tripped {
        let (mark, style) = if tripped.fails { (Mark::Bad, BAD) } else { (Mark::Attention, ATTENTION) };
        let name = paint(style, pad(&format!("{} {}", screen.icon(mark), tripped.condition), CONDITIONS));
        let why = match tripped.fails {
            true => tripped.why.clone(),
            false => format!("{} (would fail --fail-on {})", tripped.why, tripped.condition),
        };
        text.push_str(&format!("{name}{}\n", hang(&why, screen.width, CONDITIONS)));
    }
    let exit = words::exit(review);
    let exit = if exit.is_empty() { String::new() } else { format!("; {exit}") };
    let line = if totals.recordings == 0 {
        format!("edits: {}{exit}", words::directions(totals))
    } else {
        format!("{}{exit}", words::roll_backs(totals))
    };
    let style = if exit.is_empty() { STRONG } else { BAD };
    text.push_str(&format!("{}\n", paint(style, hang(&line, screen.width, 2))));
    text
}
