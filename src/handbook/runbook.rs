//! The runbook: six sections, each filled from the policy. Written to be followed at 3 a.m. by somebody who did not write
//! the policy.

mod after;
mod checklist;
mod dashboards;
mod escalation;
mod silence;
mod steps;
mod trouble;

use super::Handbook;

/// The whole page.
pub(super) fn page(book: &Handbook<'_>) -> String {
    let mut text = book.head("Runbook", "runbook");
    if let Some(owner) = &book.policy.owner {
        text.push_str(&format!("\nOwner: {}.\n", super::markdown::code(owner)));
    }
    text.push_str(&steps::way_back(book));
    text.push_str(&section(1, "Pre-deployment checklist", &checklist::text(book)));
    text.push_str(&section(2, "Step-by-step commands", &steps::text(book)));
    text.push_str(&section(3, "Dashboards and metrics", &dashboards::text(book)));
    text.push_str(&section(4, "Troubleshooting", &trouble::text(book)));
    text.push_str(&section(5, "Escalation", &escalation::text(book)));
    text.push_str(&section(6, "Post-deployment", &after::text(book)));
    text
}

fn section(number: usize, title: &str, text: &str) -> String {
    format!("\n## {number}. {title}\n\n{}\n", text.trim_end())
}

/// A block for the shell.
fn shell(lines: &[String]) -> String {
    format!("```sh\n{}\n```\n", lines.join("\n"))
}
