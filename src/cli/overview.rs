//! The commands by what they are for: thirty in one column are not read by anybody.

use std::fmt::Write as _;

/// What people want, and the commands for it, in the order of their use.
const GROUPS: &[(&str, &[&str])] = &[
    ("Start", &["init", "import", "demo"]),
    ("Write a policy", &["check", "fmt", "fix", "test", "mutate"]),
    ("Ask recorded metrics", &["replay", "eval", "explain", "tune"]),
    ("Review a change", &["diff", "docs"]),
    ("Run it", &["run"]),
    ("Operate a rollout", &["start", "status", "advance", "hold", "pause", "resume", "approve", "mute", "unmute"]),
    ("Take it back", &["rollback", "emergency-disable"]),
    ("Keep the record", &["record", "policy", "audit", "store"]),
    ("Set up", &["token", "schema", "completions", "man", "help"]),
];

/// Columns of the names.
const NAME: usize = 19;

/// The grammar with its commands listed in groups instead of one after the other.
#[must_use]
pub(super) fn grouped(grammar: clap::Command) -> clap::Command {
    let listed = list(&grammar);
    let template = format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{listed}\n{{all-args}}{{after-help}}"
    );
    let grammar = grammar.override_usage("rollgate [OPTIONS] <COMMAND>").help_template(template);
    grammar.mut_subcommands(|command| command.hide(true))
}

fn list(grammar: &clap::Command) -> String {
    let about = |name: &str| {
        let known = grammar.get_subcommands().find(|command| command.get_name() == name);
        known
            .and_then(clap::Command::get_about)
            .map_or_else(|| "Print this message or the help of a command".to_owned(), std::string::ToString::to_string)
    };
    let mut text = String::new();
    for (title, names) in GROUPS {
        let _infallible = writeln!(text, "{title}:");
        for name in *names {
            let _infallible = writeln!(text, "  {name:NAME$}{}", about(name));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group_and_fits_a_narrow_screen() {
        let grammar = super::super::grammar();
        let mut known: Vec<&str> = grammar.get_subcommands().map(clap::Command::get_name).collect();
        known.push("help");
        let mut listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        known.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, known);
        for line in list(&grammar).lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
