//! The comment of `check`.

use crate::policy::diagnostic::Level as Wrong;
use crate::report::ci::item::{Item, Level};
use crate::report::ci::of_check::CheckedPolicy;
use crate::report::layout::count;

use super::{Blocks, Table, cell, code, details, marked, prose};

pub(crate) fn write(policies: &[CheckedPolicy<'_>], items: &[Item], facts: &[String]) -> String {
    let of = |level: Level| items.iter().filter(|item| item.level == level).count();
    let (errors, warnings) = (of(Level::Error), of(Level::Warning));
    let real: Vec<&CheckedPolicy<'_>> = policies.iter().filter(|policy| !policy.environments.is_empty()).collect();
    let names: Vec<String> = real.iter().map(|policy| policy.rollout.clone().unwrap_or_else(|| base(policy))).collect();
    let own: Vec<&str> = real.iter().filter(|one| !one.settings).map(|one| one.name()).collect();
    let settings = real.len() > own.len();
    let subject = match (own.as_slice(), settings) {
        ([], true) => "the settings".to_owned(),
        ([one], _) => format!("policy {}{}", code(one), if settings { " and the settings" } else { "" }),
        (all, _) => count(all.len(), "policy") + if settings { " and the settings" } else { "" },
    };
    let found = match (errors, warnings) {
        (0, 0) => "no problems".to_owned(),
        (0, warnings) => count(warnings, "warning"),
        (errors, 0) => count(errors, "error"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    };
    let mark = if errors > 0 {
        "❌"
    } else if warnings > 0 {
        "⚠️"
    } else {
        "✅"
    };
    let mut blocks = Blocks::default();
    blocks.head(format!("{}\n### {mark} rollgate check: {found} in {subject}", marked(Some("check"), &names)));
    let is_wrong = |one: &&CheckedPolicy<'_>| one.diagnostics.iter().any(|found| found.level == Wrong::Error);
    if policies.iter().filter(|one| !one.settings).any(|one| is_wrong(&one)) {
        blocks.head("A running rollout would keep its last good policy.");
    }
    if policies.iter().filter(|one| one.settings).any(|one| is_wrong(&one)) {
        blocks.head("The controller would not start with these settings.");
    }
    let mut table = Table::new(&["", "code", "where", "problem"]);
    for item in items {
        let place =
            item.place.as_ref().map_or_else(String::new, |place| code(&format!("{}:{}", place.file, place.line)));
        table.row(vec![mark_of(item.level).to_owned(), item.code.clone(), place, cell(&problem(item))]);
    }
    blocks.body(table.render("problem"));
    for item in items.iter().filter(|item| !item.help.is_empty() || !item.related.is_empty()).take(super::MOST_ROWS) {
        blocks.body(mends(item));
    }
    if !facts.is_empty() {
        let lines: Vec<String> = facts.iter().map(|fact| format!("- {}", prose(fact))).collect();
        blocks.body(details(&format!("what the fixtures leave untouched: {}", facts.len()), &lines.join("\n")));
    }
    let loaded: Vec<String> =
        real.iter().filter(|policy| !policy.digests.is_empty()).map(|policy| digests(policy)).collect();
    if !loaded.is_empty() {
        blocks.body(details("digests", &loaded.join("\n")));
    }
    blocks.foot("More on a code: `rollgate explain CODE` · the same at home: `rollgate check`");
    blocks.fit()
}

fn problem(item: &Item) -> String {
    let only = if item.environments.is_empty() {
        String::new()
    } else {
        format!(" (only in {})", item.environments.join(", "))
    };
    format!("{}{only}", item.message)
}

fn mends(item: &Item) -> String {
    let mut lines = Vec::new();
    for related in &item.related {
        let place = code(&format!("{}:{}", related.place.file, related.place.line));
        lines.push(format!("- see {place}: {}", prose(&related.message)));
    }
    lines.extend(item.help.iter().map(|help| format!("- {}", prose(help))));
    let place = item.place.as_ref().map_or_else(String::new, |place| format!(" {}:{}", place.file, place.line));
    details(&format!("{}{place}: how to mend it", item.code), &lines.join("\n"))
}

fn digests(policy: &CheckedPolicy<'_>) -> String {
    let digests: Vec<String> =
        policy.digests.iter().map(|(name, digest)| format!("{} {}", prose(name), code(digest))).collect();
    format!("- {}: {}", code(policy.name()), digests.join(", "))
}

pub(super) fn mark_of(level: Level) -> &'static str {
    match level {
        Level::Error => "❌",
        Level::Warning => "⚠️",
        Level::Note => "ℹ️",
    }
}

fn base(policy: &CheckedPolicy<'_>) -> String {
    policy.source.root.rsplit('/').next().unwrap_or_default().to_owned()
}
