//! What `check` found, for other tools: a suite per policy, a case per environment.

use crate::policy::diagnostic::{Diagnostic, Place as Spot};
use crate::policy::source::{POLICY_FILE, PolicySource};
use crate::report::diagnostics::path;

use super::Report;
use super::case::{Case, Fault, Suite};
use super::item::{Item, Level, Place, Places, settle};
use super::markdown;

/// One policy with all that was found in it; one without a root is what several policies say together.
#[derive(Debug)]
pub struct CheckedPolicy<'a> {
    /// Its files.
    pub source: &'a PolicySource,
    /// What was found.
    pub diagnostics: &'a [Diagnostic],
    /// Its environments, sound or not.
    pub environments: Vec<String>,
    /// Its rollout, when it could be read.
    pub rollout: Option<String>,
    /// First digits of the digest in each environment that loads.
    pub digests: Vec<(String, String)>,
    /// Changes of text that mend a problem with no room for doubt.
    pub mends: Vec<(Spot, String)>,
    /// No policy, but the controller's settings; its only environment is the file's name.
    pub settings: bool,
}

impl CheckedPolicy<'_> {
    /// Its directory, as the user named it.
    pub(super) fn name(&self) -> &str {
        match self.environments.first() {
            Some(file) if self.settings => file,
            _ if self.source.root.is_empty() => "the policies together",
            _ => &self.source.root,
        }
    }

    fn items(&self) -> Vec<Item> {
        let places = Places::new(self.source);
        settle(self.diagnostics.iter().map(|found| Item::of_diagnostic(found, &places, &self.mends)).collect())
    }
}

/// A report of `check`. `fails` is the least bad level that fails; `closing` is the command's last line; `facts` are
/// what the fixtures leave untouched.
#[must_use]
pub fn of_check(policies: &[CheckedPolicy<'_>], fails: Level, closing: String, facts: &[String]) -> Report {
    let of_each: Vec<Vec<Item>> = policies.iter().map(CheckedPolicy::items).collect();
    let suites = policies.iter().zip(&of_each).map(|(policy, items)| suite(policy, items, fails)).collect();
    let items = settle(of_each.into_iter().flatten().collect());
    Report { command: "check", suites, markdown: markdown::check::write(policies, &items, facts), items, closing }
}

fn suite(policy: &CheckedPolicy<'_>, items: &[Item], fails: Level) -> Suite {
    let cases = if policy.environments.is_empty() {
        vec![case("go together", &items.iter().collect::<Vec<_>>(), fails, None)]
    } else {
        let of = |environment: &String| {
            let found: Vec<&Item> = items
                .iter()
                .filter(|item| item.environments.is_empty() || item.environments.contains(environment))
                .collect();
            let name = if policy.settings { environment.as_str() } else { POLICY_FILE };
            let file = Place::line(path(policy.source, name), 1).file;
            case(environment, &found, fails, Some(file))
        };
        policy.environments.iter().map(of).collect()
    };
    Suite { name: policy.name().to_owned(), cases, took: None }
}

fn case(name: &str, items: &[&Item], fails: Level, file: Option<String>) -> Case {
    let (bad, other): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.level >= fails);
    // The line a reader can click on is the first fault's; without one it is the policy.
    let first = bad.first().and_then(|item| item.place.as_ref());
    Case {
        file: first.map(|place| place.file.clone()).or(file),
        line: first.map(|place| place.line),
        failures: bad.iter().map(|item| fault(item)).collect(),
        said: other.iter().map(|item| item.as_line()).collect(),
        ..Case::new(name)
    }
}

fn fault(item: &Item) -> Fault {
    let mut details = item.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
    details.push_str(&format!("{} {}: {}", item.level.name(), item.code, item.message));
    for related in &item.related {
        details.push_str(&format!("\n  see {}: {}", related.place, related.message));
    }
    for help in &item.help {
        details.push_str(&format!("\n  help: {help}"));
    }
    Fault { message: format!("{}: {}", item.code, item.message), details }
}
