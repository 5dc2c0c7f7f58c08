//! Where rollouts stand, worst first.

use crate::control::{Phase, Standing};
use crate::model::time::Duration;

use super::layout::{columns, count, cut, hang, pad};
use super::screen::{ATTENTION, BAD, GOOD, Mark, PLACE, QUIET, STRONG, Screen, paint};

/// A table.
#[must_use]
pub fn table(standings: &[Standing], screen: Screen) -> String {
    let several = several_environments(standings);
    let head = |name: &str, cells: Vec<usize>| pad(name, cells.into_iter().max().unwrap_or(0).max(columns(name)));
    let stage = |standing: &Standing| format!("{} {}%", standing.stage, percent(standing.traffic));
    let name = |standing: &Standing| cut(standing.key.rollout.as_str(), 24, screen.ellipsis());
    let names = head("ROLLOUT", standings.iter().map(|standing| columns(&name(standing))).collect());
    let envs = head("ENV", standings.iter().map(|standing| columns(standing.key.environment.as_str())).collect());
    let stages = head("STAGE", standings.iter().map(|standing| columns(&stage(standing))).collect());
    let phases = head("DECISION", standings.iter().map(|standing| columns(standing.phase.shout())).collect());
    let sinces = head("SINCE", standings.iter().map(|standing| columns(&brief(standing.lasted))).collect());
    let env_head = if several { format!("{envs}  ") } else { String::new() };
    let title = format!("  {names}  {env_head}{stages}  {phases}  {sinces}  WHY");
    let room = screen.width.saturating_sub(columns(&title) - 3);
    let mut text = paint(QUIET, title) + "\n";
    for standing in standings {
        let (mark, style) = look(standing.phase);
        let environment = standing.key.environment.as_str();
        let env = if several { format!("{}  ", pad(environment, columns(&envs))) } else { String::new() };
        text.push_str(&format!(
            "{} {}  {env}{}  {}  {}  {}\n",
            mark.map_or(" ", |mark| screen.icon(mark)),
            pad(&name(standing), columns(&names)),
            pad(&stage(standing), columns(&stages)),
            paint(style, pad(standing.phase.shout(), columns(&phases))),
            pad(&brief(standing.lasted), columns(&sinces)),
            cut(&standing.why, room.max(12), screen.ellipsis()),
        ));
    }
    text
}

/// Several rows may be of several environments; a column for one value is noise.
fn several_environments(standings: &[Standing]) -> bool {
    standings.windows(2).any(|pair| match pair {
        [one, other] => one.key.environment != other.key.environment,
        _ => false,
    })
}

/// Below the table: where this comes from, and whether anybody watches.
#[must_use]
pub fn foot(standings: &[Standing], store: &str, controller: Option<&str>, screen: Screen) -> String {
    let environment = match standings.first() {
        Some(first) if !several_environments(standings) => format!("{}, ", first.key.environment),
        _ => String::new(),
    };
    let rollouts = count(standings.len(), "rollout");
    let text = match controller {
        Some(url) if url == store => format!("{environment}{rollouts}; watched by the controller at {url}"),
        Some(url) => format!("{environment}{rollouts} in {store}; watched by the controller at {url}"),
        None => format!("{environment}{rollouts} in {store}; no controller runs: nothing is watched"),
    };
    format!("\n{}\n", paint(QUIET, hang(&text, screen.width, 0)))
}

/// Everything about each.
#[must_use]
pub fn detailed(standings: &[Standing], screen: Screen) -> String {
    standings.iter().map(|standing| block(standing, screen)).collect::<Vec<_>>().join("\n")
}

fn block(standing: &Standing, screen: Screen) -> String {
    let (_, style) = look(standing.phase);
    let mut text = format!(
        "{}  {}  {}\n",
        paint(STRONG, &standing.key),
        paint(style, standing.phase.shout()),
        brief(standing.lasted)
    );
    let mut row = |name: &str, value: String| {
        text.push_str(&format!("  {}  {}\n", paint(QUIET, pad(name, 8)), hang(&value, screen.width, 12)));
    };
    row("why", standing.why.clone());
    row("revision", standing.revision.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string));
    let bake = match standing.bake {
        Some(bake) => format!(", bake {} of {bake}", standing.bake_served),
        None => String::new(),
    };
    row("stage", format!("{} at {} %{bake}", standing.stage, percent(standing.traffic)));
    if !standing.regions_rolled_back.is_empty() {
        let regions: Vec<String> = standing.regions_rolled_back.iter().map(ToString::to_string).collect();
        row("back in", regions.join(", "));
    }
    for (check, until) in &standing.muted {
        row("muted", format!("{check} until {until}"));
    }
    if let Some(policy) = &standing.policy {
        row("policy", policy.short().to_owned());
    }
    if let Some(problem) = &standing.policy_problem {
        row("", format!("it cannot be used: {problem}"));
    }
    row("exposed", format!("generation {}", standing.generation));
    for exposure in &standing.exposures {
        let place = exposure.region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
        let audience =
            if exposure.audience.is_empty() { String::new() } else { format!(" and {}", exposure.audience.join(", ")) };
        let share = format!("{} %{audience}", percent(exposure.traffic));
        text.push_str(&format!("    {}{place} at {share}\n", paint(PLACE, &exposure.feature)));
    }
    let (seq, at) = standing.last_entry;
    text.push_str(&format!("  {}  entry {seq}, {at}\n", paint(QUIET, pad("ledger", 8))));
    text
}

/// One line each.
#[must_use]
pub fn plain(standing: &Standing) -> String {
    format!(
        "{} {}: {} in {} at {}% for {}: {}",
        standing.key.rollout,
        standing.key.environment,
        standing.phase.shout().to_lowercase(),
        standing.stage,
        percent(standing.traffic),
        brief(standing.lasted),
        standing.why
    )
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
    let secs = length.as_millis() / 1000;
    match secs {
        0..60 => format!("{secs}s"),
        60..3600 => format!("{}m{:02}s", secs / 60, secs % 60),
        3600..86_400 => format!("{}h{:02}m", secs / 3600, secs / 60 % 60),
        _ => format!("{}d{:02}h", secs / 86_400, secs / 3600 % 24),
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
}
