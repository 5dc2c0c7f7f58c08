//! `diff`: what an edit of a policy means, before it is merged.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::ids::Environment;
use crate::report::ci::of_diff;
use crate::report::diff::{self, Diffed};
use crate::report::html::{DiffPage, diff as page};
use crate::review::outcome::Condition;
use crate::review::verdict::Compared;

use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::global::{self, AnyOutput, Output};
use super::html::{self, Html};

mod drawing;
mod elsewhere;
mod history;
mod judge;
mod pairs;
mod recordings;
mod refused;
mod sides;
mod union;

use drawing::Drawings;
use history::History;
use judge::Judge;
use pairs::Pair;

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
  rollgate diff main policies/isolation --history night.csv --per-step
  rollgate diff main --no-fixtures --history night.csv

Accepting what --fail-on refuses:
  A loosening that is meant stays a loosening. Leave that one condition out of --fail-on for that pull request, as
  with a label that the workflow reads, and put it back afterwards; nothing in a policy or a fixture turns it off.")]
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
    /// Play no fixture: only compare the policies, and on --history when it is given
    #[arg(long, conflicts_with = "fixtures", help_heading = "Recordings")]
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
        let mut sides = sides::resolve(self.old.as_deref(), self.new.as_deref())?;
        let (mut old, mut new) = (sides.old.policies()?, sides.new.policies()?);
        elsewhere::keep_moved(&mut sides, &mut old, &mut new);
        elsewhere::follow_links(&sides, &mut old, &mut new)?;
        if old.is_empty() && new.is_empty() {
            let message = format!("no policy in `{}`, and none in `{}`", sides.old.shown, sides.new.shown);
            return Err(Failure::new(Exit::Nothing, message).into());
        }
        let paired = pairs::pair(old, new);
        // Everything is compiled before anything is compared: half of a comparison looks like all of it.
        let (mut compiled, mut refused) = (Vec::new(), Vec::new());
        let mut notes = sides.notes.clone();
        for pair in self.with_environment(paired.pairs, &mut notes)? {
            let asked = self.environment();
            let old = pairs::compile(&pair.old.source, "old", asked.as_ref());
            let new = pairs::compile(&pair.new.source, "new", asked.as_ref());
            match (old, new) {
                (Ok(old), Ok(new)) => compiled.push((pair, (old, new))),
                // Both sides' problems at once.
                (old, new) => {
                    let (is, was) = (&pair.new.source, &pair.old.source);
                    let rollout = pairs::written_rollout(is).or_else(|| pairs::written_rollout(was));
                    let both = old.err().into_iter().chain(new.err());
                    refused.extend(both.map(|one| refused::Refused { rollout: rollout.clone(), ..*one }));
                }
            }
        }
        if !refused.is_empty() {
            return Err(refused::tell(&refused, shape, console)?.into());
        }
        let names = |found: &[sides::Found]| found.iter().map(|one| one.source.root.clone()).collect();
        let mut diffed = Diffed {
            reviews: Vec::new(),
            unchanged: Vec::new(),
            added: names(&paired.added),
            removed: names(&paired.removed),
            notes,
        };
        let mut judge = Judge { asked: self, sides: &sides, drawings: &mut drawings, console };
        // What is gone altogether is the worst that can be said, and comes first.
        for gone in &paired.removed {
            diffed.reviews.push(judge.removed(gone)?);
        }
        for (pair, (old, new)) in &compiled {
            match judge.pair(pair, (old, new))? {
                Some(review) => diffed.reviews.push(review),
                None => diffed.unchanged.push(pair.new.source.root.clone()),
            }
        }
        self.show(&diffed, shape, console)?;
        if let Some(path) = path {
            let (zone, command) = (jiff::tz::TimeZone::UTC, html::command());
            let text = page(&DiffPage { diffed: &diffed, drawn: drawings.found(), zone: &zone, command: &command });
            Html::write(path, &text, console)?;
        }
        let fails = diffed.reviews.iter().flat_map(|review| &review.tripped).any(|tripped| tripped.fails);
        if fails {
            return Ok(Exit::ExpectationFailed);
        }
        self.saw_anything(&diffed)?;
        Ok(Exit::Done)
    }

    /// A comparison in which neither policy could tell anything is no clean one.
    fn saw_anything(&self, diffed: &Diffed) -> Result<(), Failure> {
        let played = |history: bool| {
            let all = diffed.reviews.iter().flat_map(|review| &review.compared);
            all.filter(move |one| !history || one.is_history())
        };
        for (history, what) in [(true, "the history"), (false, "the recordings")] {
            if played(history).next().is_some() && played(history).all(Compared::is_blind) {
                let message = format!("nothing in {what} could be judged: no decision was compared");
                let help = "`--map` renames a metric, `--assume-samples` gives a sample count";
                return Err(Failure::new(Exit::Nothing, message).help(help));
            }
        }
        Ok(())
    }

    /// The policies that have the environment asked for on either side; those without it are told.
    fn with_environment(&self, pairs: Vec<Pair>, notes: &mut Vec<String>) -> Result<Vec<Pair>, Failure> {
        let Some(asked) = self.environment() else { return Ok(pairs) };
        let knows = |found: &sides::Found| crate::policy::environments(&found.source).contains(&asked);
        let (with, without): (Vec<Pair>, Vec<Pair>) =
            pairs.into_iter().partition(|pair| knows(&pair.old) || knows(&pair.new));
        let names: Vec<&str> = without.iter().map(|pair| pair.new.source.root.as_str()).collect();
        if with.is_empty() && !without.is_empty() {
            return Err(Failure::new(Exit::Usage, format!("no policy has an environment `{asked}`")));
        }
        if !names.is_empty() {
            notes.push(format!("left out, without an environment `{asked}`: {}", names.join(", ")));
        }
        Ok(with)
    }

    fn environment(&self) -> Option<Environment> {
        self.environment.as_deref().map(Environment::new)
    }

    fn conditions(&self) -> Vec<Condition> {
        self.fail_on.iter().map(|on| on.condition()).collect()
    }

    fn show(&self, diffed: &Diffed, shape: AnyOutput, console: &mut Console) -> anyhow::Result<()> {
        match shape {
            AnyOutput::Own(Output::Pretty) => console.print(diff::pretty(diffed, console.screen))?,
            AnyOutput::Own(Output::Plain) => console.print(diff::plain(diffed))?,
            AnyOutput::Own(Output::Json) => console.line(diff::json(diffed)?)?,
            AnyOutput::Own(Output::Jsonl) => console.print(diff::jsonl(diffed)?)?,
            AnyOutput::Ci(format) => super::ci::print(of_diff(diffed, &html::command()), format, console)?,
        }
        Ok(())
    }
}
