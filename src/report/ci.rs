//! Reports in the shapes that other tools read: a pull request's annotations, a test tab, a code scanning page, a
//! comment. Every one is written from the same neutral lists, and none of them decides anything.

pub mod case;
mod format;
mod github;
pub mod item;
mod junit;
mod markdown;
mod of_check;
mod of_refused;
mod of_review;
mod of_test;
mod place;
mod rdjsonl;
mod rules;
mod sarif;
mod text;

pub use format::Format;
pub use of_check::{CheckedPolicy, of_check};
pub use of_refused::of_refused;
pub use of_review::{of_diff, of_review};
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

    /// The same with every file under another name: hosts know files by their path in the repository.
    pub fn rename_files(&mut self, name: &dyn Fn(&str) -> String) {
        for item in &mut self.items {
            let related = item.related.iter_mut().map(|related| &mut related.place);
            let mends = item.mends.iter_mut().map(|mend| &mut mend.place);
            for place in item.place.iter_mut().chain(related).chain(mends) {
                place.file = name(&place.file);
            }
        }
        for case in self.suites.iter_mut().flat_map(|suite| &mut suite.cases) {
            case.file = case.file.as_deref().map(name);
        }
        // Fingerprints hold the file, and must not depend on where the command was run.
        self.items = item::settle(std::mem::take(&mut self.items));
    }

    /// What the codes among the remarks mean.
    fn rules(&self) -> Vec<Rule> {
        rules::of(&self.items)
    }
}
