//! What a policy says to people, from the policy alone: the rollout plan, the runbook, the stage by threshold matrix, and
//! a dashboard that draws its bounds.
//!
//! Every sentence is derived, so it cannot disagree with what the engine will do, and every page says which policy it was
//! made from. What the authors wrote in comments beside a check is quoted, never interpreted.

pub mod calendar;
mod commands;
mod effects;
pub mod grafana;
mod markdown;
pub mod matrix;
mod notes;
pub mod plan;
mod runbook;
mod stages;
mod words;

use crate::policy::compiled::Policy;
use crate::policy::source::PolicySource;

use markdown::code;
use notes::Notes;

/// Everything the pages are made of.
#[derive(Debug)]
pub struct Handbook<'a> {
    policy: &'a Policy,
    /// The policy's directory, as commands name it.
    root: &'a str,
    notes: Notes<'a>,
}

impl<'a> Handbook<'a> {
    /// About `policy`, compiled from `source`.
    #[must_use]
    pub fn new(policy: &'a Policy, source: &'a PolicySource) -> Handbook<'a> {
        Handbook { policy, root: &source.root, notes: Notes::new(source) }
    }

    /// The runbook, in Markdown: checklist, commands, dashboards, troubleshooting, escalation, post-deployment.
    #[must_use]
    pub fn runbook(&self) -> String {
        runbook::page(self)
    }

    /// The first lines of a page: what it is, of what, and how it is made again.
    fn head(&self, title: &str, page: &str) -> String {
        self.head_with(title, &commands::docs(self, page))
    }

    /// The same, made again by `again`.
    fn head_with(&self, title: &str, again: &str) -> String {
        let policy = self.policy;
        let digest = policy.digest.short();
        let mut text = format!(
            "# {title}: {}\n\nWritten from {} (environment {}, policy {}) with {}. Change the policy, not this page.\n",
            policy.rollout,
            code(&format!("{}/policy.toml", self.root)),
            code(policy.environment.as_str()),
            code(digest),
            code(again),
        );
        if policy.shadow {
            text.push_str(
                "\n**Shadow mode**: every check is evaluated and reported, and nothing is acted on. Wherever this page says \
                 that something rolls back or holds, it is only told.\n",
            );
        }
        text
    }
}
