//! What is swept: the policy that has the check, and which of its values.

use std::path::{Path, PathBuf};

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::policies;
use crate::model::ids::{CheckId, Environment};
use crate::model::literal::{Literal, Sign};
use crate::model::time::Duration;
use crate::model::units::Unit;
use crate::policy::compiled::{Check, Condition, Limit, Policy};
use crate::policy::set;
use crate::policy::source::PolicySource;
use crate::shell::files;

/// The bounds a check may have, in the order in which one is taken.
const BOUNDS: [&str; 4] = ["below", "above", "at_least", "at_most"];
/// What may be swept although the check does not say it yet.
const ADDED: [&str; 2] = ["for", "clear_after"];

/// A policy with the check in it.
pub(super) struct Subject {
    /// Its directory.
    pub(super) folder: PathBuf,
    /// Its files.
    pub(super) source: PolicySource,
    /// As it is in force.
    policy: std::sync::Arc<Policy>,
    check: String,
    /// The keys of the check and their values.
    values: Vec<(String, String)>,
}

/// Whether a key is a length of time, or `k of n`.
pub(super) fn lasts(key: &str) -> bool {
    ADDED.contains(&key)
}

/// The policy that has the check: the one named, or the only one below the usual places.
pub(super) fn find(
    path: Option<&Path>,
    check: &str,
    environment: &Environment,
    console: &mut Console,
) -> anyhow::Result<Subject> {
    let named: Vec<PathBuf> = path.into_iter().map(Path::to_path_buf).collect();
    let folders = policies::find(&policies::or_usual(&named))?;
    let (mut have, mut sources) = (Vec::new(), Vec::new());
    for folder in folders {
        let source = files::load_policy(&folder);
        match set::values(&source, environment, check) {
            Some(values) => have.push((folder, source, values)),
            None => sources.push(source),
        }
    }
    if have.len() > 1 {
        let names: Vec<String> = have.iter().map(|(folder, ..)| files::shown(folder)).collect();
        let failure = Failure::new(Exit::Usage, format!("{} policies have a check `{check}`", have.len()));
        return Err(failure.help(format!("name one of them with --policy: {}", names.join(", "))).into());
    }
    let Some((folder, source, values)) = have.pop() else {
        return Err(unknown(check, &sources, environment).into());
    };
    let policy = policies::compile(&source, environment, console)?;
    Ok(Subject { folder, source, policy, check: check.to_owned(), values })
}

/// No policy has it: the closest name, and all there are.
fn unknown(check: &str, sources: &[PolicySource], environment: &Environment) -> Failure {
    let compiled = sources.iter().filter_map(|source| crate::policy::compile(source, environment).policy);
    let mut names: Vec<String> =
        compiled.flat_map(|policy| policy.checks.into_iter().map(|check| check.id.to_string())).collect();
    names.sort();
    names.dedup();
    let failure = Failure::new(Exit::Usage, format!("no check is called `{check}`"));
    if let Some(closest) = crate::policy::suggest::closest(check, names.iter().map(String::as_str)) {
        return failure.help(format!("did you mean `{closest}`?"));
    }
    failure.help(match names.len() {
        0 => "see what is wrong with the policies: rollgate check".to_owned(),
        1..=40 => format!("checks here: {}", names.join(", ")),
        _ => "see the checks and their values with: rollgate check --show-origin".to_owned(),
    })
}

impl Subject {
    /// The key that is swept: the one asked for, else the check's bound.
    pub(super) fn key(&self, asked: Option<&str>) -> Result<String, Failure> {
        let has = |key: &str| self.values.iter().any(|(known, _)| known == key);
        let keys: Vec<&str> = self.values.iter().map(|(key, _)| key.as_str()).collect();
        let numbers =
            keys.iter().copied().filter(|key| is_number(key)).chain(ADDED.into_iter().filter(|key| !has(key)));
        let numbers: Vec<&str> = numbers.collect();
        let help = format!("values of {} that can be swept: {}", self.check, numbers.join(", "));
        match asked {
            Some(key) if numbers.contains(&key) => Ok(key.to_owned()),
            Some(key) => {
                Err(Failure::new(Exit::Usage, format!("{} has no `{key}` to sweep over", self.check)).help(help))
            }
            None => match BOUNDS.into_iter().find(|key| has(key)) {
                Some(key) => Ok(key.to_owned()),
                None => {
                    let why = format!("{} has no bound of its own; say what to sweep over with --key", self.check);
                    Err(Failure::new(Exit::Usage, why).help(help))
                }
            },
        }
    }

    /// The check's name.
    pub(super) fn check(&self) -> &str {
        &self.check
    }

    /// The scripts that ask whether it fires: they decide through it.
    pub(super) fn asked_by(&self) -> Vec<CheckId> {
        let Some(own) = self.policy.find_check(&self.check) else { return Vec::new() };
        let asks = |check: &&Check| matches!(&check.condition, Condition::Script { asks, .. } if asks.contains(&own));
        self.policy.checks.iter().filter(asks).map(|check| check.id.clone()).collect()
    }

    /// The value in force.
    pub(super) fn value(&self, key: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// Whether a value can stand where the key's value stands.
    pub(super) fn fits(&self, key: &str, value: &str) -> Result<(), String> {
        if lasts(key) {
            // `3 of 5` is left to the grid.
            if value.contains(" of ") {
                return Ok(());
            }
            return Duration::parse(value).map(drop).map_err(|error| error.to_string());
        }
        let literal = Literal::parse(value).map_err(|error| error.to_string())?;
        let Some((unit, limit)) = self.bound() else { return Ok(()) };
        let relative = matches!(limit, Limit::Relative { .. } | Limit::Difference { .. });
        let signed = matches!(literal.sign, Some(Sign::Plus | Sign::Minus));
        if BOUNDS.contains(&key) && relative && !signed {
            return Err("it is compared with something: write a change with its sign, as +10%".to_owned());
        }
        if BOUNDS.contains(&key) && relative && literal.as_fraction().is_some() {
            return Ok(());
        }
        literal.in_unit(unit).map(drop).map_err(|error| error.to_string())
    }

    fn bound(&self) -> Option<(Unit, Limit)> {
        let check = self.policy.check(self.policy.find_check(&self.check)?)?;
        let Condition::Bound(bound) = &check.condition else { return None };
        Some((self.policy.catalogue.metric(bound.metric)?.unit, bound.limit))
    }
}

/// Keys whose values are quantities or durations.
fn is_number(key: &str) -> bool {
    BOUNDS.contains(&key) || ADDED.contains(&key) || key == "and_above" || key == "and_below"
}
