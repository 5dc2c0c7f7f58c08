//! `diff`: what an edit of a policy means, before it is merged.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::ids::Environment;
use crate::policy::source::PolicySource;
use crate::report::ci::of_diff;
use crate::report::diff::{self, Diffed};
use crate::report::html::{DiffPage, diff as page};
use crate::report::layout::count;
use crate::review::compare::{Case, CompareOptions};
use crate::review::outcome::{Condition, Review, SideName};
use crate::review::verdict::Compared;
use crate::review::{gate, structure, tally};

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, AnyOutput, Output};
use super::html::{self, Html};

mod drawing;
mod history;
mod pairs;
mod recordings;
mod sides;

use drawing::Drawings;
use history::History;
use pairs::{Compiled, Pair};
use sides::{Side, Sides};

/// Tell what an edit of a policy means: which bounds became tighter or looser, and which recorded decisions change.
///
/// A side is a directory, or a git revision with a path in it (`main:policies/my-rollout`); a revision alone means the
/// other side's path in it. Without any, the working tree is compared with where it left the default branch, and on
/// that branch with HEAD. Nothing is checked out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollgate diff                                  what this branch changes
  rollgate diff main policies/isolation          one policy, against main
  rollgate diff v1.4:policies/isolation v1.5:policies/isolation
  rollgate diff main --fail-on lost-rollback,looser-p0
  rollgate diff main --html review.html
  rollgate diff main policies/isolation --history night.csv --per-step")]
pub struct Diff {
    /// The policy before: a directory, REVISION or REVISION:PATH [default: where this branch began]
    old: Option<String>,
    /// The policy after [default: the working tree]
    new: Option<String>,
    /// Only this environment [default: all for the edits; for recordings their own]
    #[arg(short, long, value_name = "NAME", env = "ROLLGATE_ENVIRONMENT")]
    environment: Option<String>,
    /// Fixtures, or trees of them [default: those of the new side whose policy this is]
    #[arg(long, value_name = "DIR", num_args = 1.., help_heading = "Recordings")]
    fixtures: Vec<PathBuf>,
    /// Only compare the policies, play nothing
    #[arg(long, conflicts_with_all = ["fixtures", "history"], help_heading = "Recordings")]
    no_fixtures: bool,
    /// Judge every recorded moment by itself as well, so that what happened after the first difference counts too
    #[arg(long, help_heading = "Recordings")]
    per_step: bool,
    #[command(flatten)]
    history: History,
    /// End with 4 when one of these holds
    #[arg(long, value_enum, value_name = "CONDITION", value_delimiter = ',')]
    fail_on: Vec<FailOn>,
    #[command(flatten)]
    html: Html,
    /// Shape of the report [default: pretty, or plain with --plain]
    #[arg(long, value_enum, value_name = "SHAPE")]
    output: Option<AnyOutput>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// A roll back of the old policy does not happen any more
    LostRollback,
    /// A P0 check, or one that rolls back, acts on less than before
    LooserP0,
    /// A labelled recording is rolled back outside of any incident, and was not before
    FalseRollback,
    /// Any decision or golden timeline changes
    Any,
}

impl FailOn {
    const fn condition(self) -> Condition {
        match self {
            FailOn::LostRollback => Condition::LostRollback,
            FailOn::LooserP0 => Condition::LooserP0,
            FailOn::FalseRollback => Condition::FalseRollback,
            FailOn::Any => Condition::Any,
        }
    }
}

impl Diff {
    pub(super) fn run(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let shape = global::any_output(self.output, console.plain);
        let path = self.html.wanted(false)?;
        let mut drawings = Drawings::new(path.is_some());
        let sides = sides::resolve(self.old.as_deref(), self.new.as_deref())?;
        let (old, new) = (sides.old.policies()?, sides.new.policies()?);
        if old.is_empty() && new.is_empty() {
            let message = format!("no policy in `{}`, and none in `{}`", sides.old.shown, sides.new.shown);
            return Err(Failure::new(Exit::Nothing, message).into());
        }
        let paired = pairs::pair(old, new);
        // Everything is compiled before anything is compared: half of a comparison looks like all of it.
        let mut compiled = Vec::new();
        for pair in paired.pairs {
            let both = self.compile(&pair, console)?;
            compiled.push((pair, both));
        }
        let names = |found: &[sides::Found]| found.iter().map(|one| one.source.root.clone()).collect();
        let mut diffed = Diffed {
            reviews: Vec::new(),
            unchanged: Vec::new(),
            added: names(&paired.added),
            removed: names(&paired.removed),
            notes: sides.notes.clone(),
        };
        for (pair, (old, new)) in &compiled {
            if is_unchanged(old, new) {
                diffed.unchanged.push(pair.new.source.root.clone());
            } else {
                diffed.reviews.push(self.review(&sides, pair, (old, new), &mut drawings, console)?);
            }
        }
        self.show(&diffed, shape, console)?;
        if let Some(path) = path {
            let (zone, command) = (jiff::tz::TimeZone::UTC, html::command());
            let text = page(&DiffPage { diffed: &diffed, drawn: drawings.found(), zone: &zone, command: &command });
            Html::write(path, &text, console)?;
        }
        let fails = diffed.reviews.iter().flat_map(|review| &review.tripped).any(|tripped| tripped.fails);
        Ok(if fails { Exit::ExpectationFailed } else { Exit::Done })
    }

    fn asked(&self) -> Option<Environment> {
        self.environment.as_deref().map(Environment::new)
    }

    fn compile(&self, pair: &Pair, console: &mut Console) -> anyhow::Result<(Compiled, Compiled)> {
        let asked = self.asked();
        let old = pairs::compile(&pair.old.source, "old", asked.as_ref(), console);
        // Both sides' problems at once.
        let new = pairs::compile(&pair.new.source, "new", asked.as_ref(), console);
        match (old, new) {
            (Ok(old), Ok(new)) => Ok((old, new)),
            (Err(error), Err(_)) | (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
        }
    }

    fn review(
        &self,
        sides: &Sides,
        pair: &Pair,
        (old, new): (&Compiled, &Compiled),
        drawings: &mut Drawings,
        console: &mut Console,
    ) -> anyhow::Result<Review> {
        let changes = structure::changes_beside(old, new, &|of_old, environment| {
            let side = if of_old { &pair.old } else { &pair.new };
            structure::without_overlay(&side.source, environment)
        });
        let mut notes = Vec::new();
        let mut compared = Vec::new();
        if !self.no_fixtures {
            compared.extend(self.fixtures(&sides.new, pair, (old, new), drawings, &mut notes, console)?);
        }
        compared.extend(self.history.compare(self.asked(), (old, new), self.per_step, drawings)?);
        if compared.is_empty() {
            notes.push("no recording was compared: only the edits are told".to_owned());
        }
        compared.sort_by(|a, b| {
            let weight = |one: &Compared| (one.standing, one.lost.len(), one.gained_false, one.gained.len());
            weight(b).cmp(&weight(a)).then_with(|| a.name.cmp(&b.name))
        });
        let asked: Vec<Condition> = self.fail_on.iter().map(|on| on.condition()).collect();
        Ok(Review {
            old: side_name(&pair.old.source, old),
            new: side_name(&pair.new.source, new),
            tripped: gate::tripped(&changes, &compared, &asked),
            tallies: tally::tallies(&compared),
            changes,
            compared,
            notes,
        })
    }

    fn fixtures(
        &self,
        new_side: &Side,
        pair: &Pair,
        (old, new): (&Compiled, &Compiled),
        drawings: &mut Drawings,
        notes: &mut Vec<String>,
        console: &mut Console,
    ) -> anyhow::Result<Vec<Compared>> {
        let found = recordings::fixtures(&self.fixtures, new_side, pair, console)?;
        if found.is_empty() && !self.fixtures.is_empty() {
            let names: Vec<String> = self.fixtures.iter().map(|path| path.display().to_string()).collect();
            notes.push(format!("no fixture in {} is of `{}`", names.join(", "), pair.new.source.root));
        }
        let options = CompareOptions { per_step: self.per_step, ..CompareOptions::default() };
        let mut compared = Vec::new();
        let mut elsewhere = 0;
        for fixture in &found {
            let environment = &fixture.head.environment;
            if self.asked().is_some_and(|asked| asked != *environment) {
                elsewhere += 1;
                continue;
            }
            let name = &fixture.source.root;
            let (Some(was), Some(is)) = (old.get(environment), new.get(environment)) else {
                let side = if old.contains_key(environment) { "new" } else { "old" };
                notes.push(format!("`{name}` is left out: the {side} side has no environment `{environment}`"));
                continue;
            };
            match Case::of_fixture(fixture, was, is) {
                Ok(case) => compared.push(drawings.compare(&case, was, is, &options)?),
                Err(misfit) => {
                    let side = if misfit.old { "old" } else { "new" };
                    let why = misfit.problems.first().map_or("", |problem| problem.message.as_str());
                    notes.push(format!("`{name}` is left out: it does not fit the {side} policy: {why}"));
                }
            }
        }
        if elsewhere > 0 {
            notes.push(format!("{} of other environments left out", count(elsewhere, "fixture")));
        }
        Ok(compared)
    }

    fn show(&self, diffed: &Diffed, shape: AnyOutput, console: &mut Console) -> anyhow::Result<()> {
        match shape {
            AnyOutput::Own(Output::Pretty) => console.print(diff::pretty(diffed, console.screen))?,
            AnyOutput::Own(Output::Plain) => console.print(diff::plain(diffed))?,
            AnyOutput::Own(Output::Json) => console.line(diff::json(diffed)?)?,
            AnyOutput::Own(Output::Jsonl) => console.print(diff::jsonl(diffed)?)?,
            AnyOutput::Ci(format) => super::ci::print(&of_diff(diffed), format, console)?,
        }
        Ok(())
    }
}

fn is_unchanged(old: &Compiled, new: &Compiled) -> bool {
    let digests = |compiled: &Compiled| -> Vec<_> {
        compiled.iter().map(|(environment, policy)| (environment.clone(), policy.digest.clone())).collect()
    };
    digests(old) == digests(new)
}

fn side_name(source: &PolicySource, compiled: &Compiled) -> SideName {
    let digests = compiled.iter().map(|(environment, policy)| (environment.clone(), policy.digest.clone())).collect();
    SideName { shown: source.root.clone(), digests }
}
