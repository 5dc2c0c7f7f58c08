//! Reports in the shapes that other tools read: a pull request's annotations, a test tab, a code scanning page, a
//! comment. Every one is written from the same neutral lists, and none of them decides anything.

pub mod case;
mod format;
mod github;
pub mod item;
mod junit;
mod markdown;
mod of_check;
mod of_review;
mod of_test;
mod rdjsonl;
mod rules;
mod sarif;
mod text;

pub use format::Format;
pub use of_check::{CheckedPolicy, of_check};
pub use of_review::of_review;
pub use of_test::of_test;

use case::Suite;
use item::{Item, Rule};

/// What a command found, in the words that every tool understands.
#[derive(Debug)]
pub struct Report {
    /// `check`, `test`, `diff`.
    pub command: &'static str,
    /// Remarks about lines, the worst first.
    pub items: Vec<Item>,
    /// What should hold, and whether it does.
    pub suites: Vec<Suite>,
    /// The comment on a pull request.
    pub markdown: String,
    /// One line: what was looked at, how it stands.
    pub closing: String,
}

impl Report {
    /// In the shape of `format`, ending in a line break unless it is empty.
    #[must_use]
    pub fn write(&self, format: Format) -> String {
        match format {
            Format::Junit => junit::write(self),
            Format::Github => github::write(self),
            Format::Sarif => sarif::write(self),
            Format::Rdjsonl => rdjsonl::write(self),
            Format::Markdown => self.markdown.clone(),
        }
    }

    /// What the codes among the remarks mean.
    fn rules(&self) -> Vec<Rule> {
        rules::of(&self.items)
    }
}
