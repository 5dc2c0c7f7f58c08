//! Everything about each rollout: features, bake, mutes, policy; and, where a controller answers, what it sees.

use super::row::{Data, Row, age, is_broken};
use super::{brief, look, percent, rough};
use crate::control::Standing;
use crate::control::seen::Seen;
use crate::model::finding::FindingState;
use crate::report::explain;
use crate::report::layout::{count, hang, pad};
use crate::report::screen::{ATTENTION, PLACE, QUIET, STRONG, Screen, paint};

/// Columns for the words in front.
const LABELS: usize = 8;

/// Everything about each.
#[must_use]
pub fn detailed(rows: &[Row], screen: Screen) -> String {
    rows.iter().map(|row| block(row, screen)).collect::<Vec<_>>().join("\n")
}

struct Block {
    text: String,
    screen: Screen,
}

impl Block {
    fn row(&mut self, name: &str, value: &str) {
        let value = hang(value, self.screen.width, LABELS + 4);
        self.text.push_str(&format!("  {}  {value}\n", paint(QUIET, pad(name, LABELS))));
    }

    /// The name before the first of several.
    fn rows(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        for (at, value) in values.into_iter().enumerate() {
            self.row(if at == 0 { name } else { "" }, &value);
        }
    }
}

fn block(row: &Row, screen: Screen) -> String {
    let standing = &row.standing;
    let (_, style) = look(standing.phase);
    let head = format!(
        "{}  {}  {}\n",
        paint(STRONG, &standing.key),
        paint(style, standing.phase.shout()),
        brief(standing.lasted)
    );
    let mut block = Block { text: head, screen };
    block.row("why", &standing.why);
    if let Some(seen) = &row.seen {
        block.rows("", more_reasons(standing, seen));
    }
    block.row("revision", &standing.revision.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string));
    block.row("stage", &stage(row));
    if !standing.regions_rolled_back.is_empty() {
        let regions: Vec<String> = standing.regions_rolled_back.iter().map(ToString::to_string).collect();
        block.row("back in", &regions.join(", "));
    }
    block.rows("muted", standing.muted.iter().map(|(check, until)| format!("{check} until {until}")));
    if let Some(seen) = &row.seen {
        watched(row, seen, &mut block);
    }
    if let Some(policy) = &standing.policy {
        block.row("policy", policy.short());
    }
    if let Some(problem) = &standing.policy_problem {
        block.row("", &format!("it cannot be used: {problem}"));
    }
    if let Some(seen) = &row.seen {
        files(row, seen, &mut block);
    }
    block.row("exposed", &format!("generation {}", standing.generation));
    for exposure in &standing.exposures {
        let place = exposure.region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
        let audience =
            if exposure.audience.is_empty() { String::new() } else { format!(" and {}", exposure.audience.join(", ")) };
        let share = format!("{} %{audience}", percent(exposure.traffic));
        block.text.push_str(&format!("    {}{place} at {share}\n", paint(PLACE, &exposure.feature)));
    }
    let (seq, at) = standing.last_entry;
    block.row("ledger", &format!("entry {seq}, {at}"));
    troubles(row, &mut block);
    block.text
}

/// What else it waits for, where the decision's own reason is shown.
fn more_reasons(standing: &Standing, seen: &Seen) -> Vec<String> {
    let Some(decision) = &seen.decision else { return Vec::new() };
    let reasons = explain::reasons(decision);
    if reasons.first() == Some(&standing.why) { reasons.into_iter().skip(1).collect() } else { Vec::new() }
}

fn stage(row: &Row) -> String {
    let standing = &row.standing;
    if standing.stage.as_str().is_empty() {
        return "none".to_owned();
    }
    let decided = row.seen.as_ref().and_then(|seen| seen.decision.as_ref());
    // The ledger has it as of its last entry.
    let served = match decided.filter(|decision| decision.stage == standing.stage) {
        Some(decision) => explain::whole(decision.bake.0),
        None => standing.bake_served,
    };
    let bake = standing.bake.map_or_else(String::new, |bake| format!(", bake {served} of {bake}"));
    format!("{} at {} %{bake}", standing.stage, percent(standing.traffic))
}

fn watched(row: &Row, seen: &Seen, block: &mut Block) {
    let findings = seen.decision.iter().flat_map(|decision| &decision.findings);
    let wanted =
        findings.filter(|finding| is_broken(finding) || (finding.counts() && finding.state == FindingState::Unknown));
    let told = wanted.map(|finding| {
        let severity = finding.severity.map(|severity| format!("{severity} ")).unwrap_or_default();
        let word = if finding.unknown.is_some() { String::new() } else { format!(" {}", finding.word()) };
        format!("{severity}{}{word}: {finding}", finding.check)
    });
    block.rows("checks", told.collect::<Vec<_>>());
    let turned_away = match seen.rejected_snapshots {
        0 => String::new(),
        some => {
            let some = count(usize::try_from(some).unwrap_or(usize::MAX), "snapshot");
            format!("; {some} turned away since the controller started")
        }
    };
    let newest = seen.data_at.map_or_else(String::new, |at| format!(" (newest {at})"));
    block.row(
        "data",
        &match row.data() {
            Some(Data::Fresh(age)) => format!("{} old{newest}{turned_away}", rough(age)),
            Some(Data::Stale(age)) => format!("{} old: STALE{newest}{turned_away}", rough(age)),
            Some(Data::None) | None => format!("none{turned_away}"),
        },
    );
    let now = row.now();
    let sources = seen.sources.iter().map(|source| match (&source.problem, source.last_snapshot) {
        (Some(_), _) => format!("{}: FAILS, see below", source.name),
        (None, Some(last)) => format!("{}: last reading {} ago", source.name, brief(age(now, last))),
        (None, None) => format!("{}: no reading yet", source.name),
    });
    block.rows("sources", sources.collect::<Vec<_>>());
    if let Some(wake_at) = seen.wake_at {
        block.row("next", &format!("may change without new data at {wake_at}"));
    }
    let leader = match (seen.leads, &seen.leader) {
        (true, Some(leader)) => format!("this controller ({leader})"),
        (true, None) => "this controller".to_owned(),
        (false, Some(leader)) => format!("{leader}; this controller only follows, and may take back"),
        (false, None) => "nobody that this controller knows of: nothing advances".to_owned(),
    };
    block.row("leader", &leader);
}

fn files(row: &Row, seen: &Seen, block: &mut Block) {
    let files = &seen.files;
    if files.path.is_empty() {
        return;
    }
    let loaded = files.loaded_at.map_or_else(String::new, |at| format!(", read {} ago", brief(age(row.now(), at))));
    let waits = match &files.digest {
        Some(digest) if files.waits => format!(": {} waits for the next stage", digest.short()),
        _ => String::new(),
    };
    block.row("", &format!("files {}{loaded}{waits}", files.path));
}

fn troubles(row: &Row, block: &mut Block) {
    for trouble in row.troubles() {
        let value = hang(&format!("{}: {}", trouble.about, trouble.what), block.screen.width, LABELS + 4);
        block.text.push_str(&format!("  {}  {value}\n", paint(ATTENTION, pad("trouble", LABELS))));
    }
}
