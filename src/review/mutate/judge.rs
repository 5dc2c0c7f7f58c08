//! Each mutant against the cases, on all cores, those first that are likely to notice it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::policy::compiled::{Check, Condition, Policy};
use crate::policy::diagnostic::{Diagnostic, Level};
use crate::policy::source::PolicySource;

use super::cases::{Case, From, Names, Played, Suite, read};
use super::edit::Edit;
use super::meaning;
use super::sites::{Found, Mutant};
use super::stub::Missing;
use super::{Assay, Fate, Judged, Kind, Site};

/// How to judge.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Threads.
    pub workers: usize,
    /// Every case is run on every mutant, so that all that kill it are known.
    pub all_killers: bool,
    /// The case that is missing is searched for where a mutant survives; else only sketched.
    pub search: bool,
}

/// Judges everything at `found`; `done` is told after each site how many mutants it had.
#[must_use]
pub fn judge(played: &Played<'_>, found: &[Found], options: Options, done: &(dyn Fn(usize) + Sync)) -> Assay {
    let groups = groups(found);
    let (next, fates) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut judge = Judge { played, options, last: Vec::new() };
            for (at, site) in group {
                let judged = judge.site(site);
                done(judged.len());
                if let Ok(mut fates) = fates.lock() {
                    fates.insert(*at, judged);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..options.workers.max(1) {
            scope.spawn(work);
        }
        work();
    });
    let (tests, fixtures) = played.count();
    let first = played.suites.first().map(|suite| &suite.policy);
    Assay {
        path: played.source.root.clone(),
        rollout: first.map_or_else(|| "".into(), |policy| policy.rollout.clone()),
        digest: first.map_or_else(|| crate::model::ids::Digest::new(""), |policy| policy.digest.clone()),
        tests,
        fixtures,
        step: played.step,
        mutants: fates.into_inner().unwrap_or_default().into_values().flatten().collect(),
    }
}

/// Sites of one subject are judged one after the other: what killed one is likely to kill the next.
fn groups(found: &[Found]) -> Vec<Vec<(usize, &Found)>> {
    let mut groups: BTreeMap<&str, Vec<(usize, &Found)>> = BTreeMap::new();
    for (at, site) in found.iter().enumerate() {
        groups.entry(&site.site.subject).or_default().push((at, site));
    }
    groups.into_values().collect()
}

/// One subject's mutants, one after the other.
struct Judge<'p> {
    played: &'p Played<'p>,
    options: Options,
    /// The cases that killed siblings, the last one first, each as a suite and its place in it.
    last: Vec<(usize, usize)>,
}

/// What one environment says about a mutant.
enum Said {
    Killed(Vec<String>),
    Nothing(Arc<Policy>, Vec<Diagnostic>),
    Refused(String),
}

impl Judge<'_> {
    fn site(&mut self, found: &Found) -> Vec<Judged> {
        if let Some(why) = found.idle.clone().or_else(|| self.is_shadow(&found.site)) {
            let fate = Fate::Skipped { why };
            return vec![Judged { site: found.site.clone(), kind: Kind::Drop, tried: String::new(), fate }];
        }
        let one = |mutant: &Mutant| {
            let fate = self.mutant(&found.site, mutant);
            Judged { site: found.site.clone(), kind: mutant.kind, tried: mutant.tried.clone(), fate }
        };
        found.mutants.iter().map(one).collect()
    }

    fn is_shadow(&self, site: &Site) -> Option<String> {
        let is =
            |suite: &Suite| suite.policy.checks.iter().any(|check| check.id.as_str() == site.subject && check.shadow);
        self.played.suites.iter().all(is).then(|| "is a shadow check: reported, never acted on".to_owned())
    }

    fn mutant(&mut self, site: &Site, mutant: &Mutant) -> Fate {
        let source = mutant.edit.applied(self.played.source);
        let (mut killers, mut same, mut unread, mut mutants) = (Vec::new(), true, None, Vec::new());
        let suites = self.played.suites.iter().enumerate();
        for (at, suite) in suites.filter(|(_, suite)| site.environment.as_ref().is_none_or(|e| *e == suite.environment))
        {
            match self.in_suite(at, suite, site, (&mutant.edit, &source)) {
                Said::Refused(why) => return Fate::Refused { why },
                Said::Killed(by) => {
                    killers.extend(by);
                    if !self.options.all_killers {
                        return Fate::Killed { by: killers };
                    }
                }
                Said::Nothing(policy, problems) => {
                    same &= meaning::same(&suite.policy, &policy);
                    unread = unread.or_else(|| problems.into_iter().next());
                    mutants.push((at, policy));
                }
            }
        }
        if !killers.is_empty() {
            return Fate::Killed { by: killers };
        }
        if let Some(problem) = unread {
            return Fate::Refused { why: format!("tests name it: {}", problem.message) };
        }
        if same && self.is_same_elsewhere(site, &mutant.edit, &source) {
            return Fate::Skipped { why: "compiles to the same policy".to_owned() };
        }
        let mutants = if self.options.search { mutants } else { Vec::new() };
        Fate::Survived { missing: Missing::find(self.played, site, &mutant.tried, &mutants) }
    }

    /// Environments without a case can only tell that something differs there.
    fn is_same_elsewhere(&self, site: &Site, edit: &Edit, source: &PolicySource) -> bool {
        let concerned = |policy: &&Arc<Policy>| site.environment.as_ref().is_none_or(|e| *e == policy.environment);
        self.played.silent.iter().filter(concerned).all(|policy| {
            edit.compiled(source, &policy.environment).policy.is_some_and(|mutant| meaning::same(policy, &mutant))
        })
    }

    fn in_suite(&mut self, at: usize, suite: &Suite, site: &Site, (edit, source): (&Edit, &PolicySource)) -> Said {
        let compiled = edit.compiled(source, &suite.environment);
        let Some(policy) = compiled.policy.map(Arc::new) else {
            let error = compiled.diagnostics.iter().find(|diagnostic| diagnostic.level == Level::Error);
            return Said::Refused(error.map_or_else(String::new, |error| error.message.clone()));
        };
        let names = Names::of(&policy);
        let (again, problems) = if names == suite.names {
            (None, Vec::new())
        } else {
            match reread(suite, &names, self.played, &policy) {
                Ok((cases, problems)) => (Some(cases), problems),
                Err(why) => return Said::Refused(why),
            }
        };
        let report =
            if again.is_some() { crate::fixture::DataReport::new(&policy.catalogue) } else { suite.report.clone() };
        let mut killers = Vec::new();
        for number in self.order(at, suite, site) {
            let Some(case) = suite.cases.get(number) else { continue };
            let case = match &again {
                None => case,
                Some(again) => match again.get(&case.name) {
                    Some(again) => again,
                    None => continue,
                },
            };
            // Readings in memory do not fail to be read.
            if case.play(&policy, &report).is_ok_and(|run| case.notices(&run)) {
                self.last.retain(|known| *known != (at, number));
                self.last.insert(0, (at, number));
                killers.push(case.name.clone());
                if !self.options.all_killers {
                    break;
                }
            }
        }
        if killers.is_empty() { Said::Nothing(policy, problems) } else { Said::Killed(killers) }
    }

    /// Those that killed a sibling, those about the same check or stage, the short before the long.
    fn order(&self, at: usize, suite: &Suite, site: &Site) -> Vec<usize> {
        let mut order: Vec<usize> = (0..suite.cases.len()).collect();
        let stage = site.subject.strip_prefix("stages.");
        let checks = concerned(&suite.policy, site);
        order.sort_by_key(|number| {
            let sibling = self.last.iter().position(|known| *known == (at, *number)).unwrap_or(usize::MAX);
            let near = suite.cases.get(*number).is_some_and(|case| {
                stage.is_none_or(|stage| case.stages.contains(stage))
                    && (checks.is_empty() || checks.iter().any(|check| case.touches.contains(*check)))
            });
            (sibling, !near, suite.cases.get(*number).map_or(0, |case| case.frames.len()))
        });
        order
    }
}

/// The checks that a site is about: its own, those on its metric, those of its severity.
fn concerned<'p>(policy: &'p Policy, site: &Site) -> Vec<&'p str> {
    let metric = site.subject.strip_prefix("metrics.").or_else(|| site.part.strip_prefix("metrics."));
    let metric = metric.map(|rest| rest.split('.').next().unwrap_or(rest)).and_then(|name| policy.catalogue.find(name));
    let level = site.subject.strip_prefix("severities.");
    let is_it = |check: &&Check| match &check.condition {
        _ if check.id.as_str() == site.subject => true,
        _ if level.is_some_and(|level| check.severity.key() == level) => true,
        Condition::Bound(bound) => Some(bound.metric) == metric,
        Condition::Script { reads, .. } => reads.iter().any(|(read, _)| Some(*read) == metric),
    };
    policy.checks.iter().filter(is_it).map(|check| check.id.as_str()).collect()
}

/// The cases read against a mutant with other names; those whose readings land in the same slots keep them.
fn reread(
    suite: &Suite,
    names: &Names,
    played: &Played<'_>,
    policy: &Arc<Policy>,
) -> Result<(BTreeMap<String, Case>, Vec<Diagnostic>), String> {
    let mut problems = Vec::new();
    let fixtures: &[_] = if names.same_slots(&suite.names) { &[] } else { played.fixtures };
    let (cases, wrong) =
        read(played.source, fixtures, policy).map_err(|_| "its fixtures cannot be read against it".to_owned())?;
    problems.extend(wrong);
    let mut cases: BTreeMap<String, Case> = cases.into_iter().map(|case| (case.name.clone(), case)).collect();
    for known in &suite.cases {
        if let (From::Fixture(at), true) = (&known.from, fixtures.is_empty())
            && let Some(text) = played.fixtures.get(*at)
        {
            let (fixture, wrong) = text.against(policy);
            problems.extend(wrong.iter().take(1).cloned());
            if wrong.is_empty() {
                cases.insert(known.name.clone(), Case { scenario: fixture.scenario, ..known.clone() });
            }
        } else if let Some(case) = cases.get_mut(&known.name) {
            case.golden.clone_from(&known.golden);
        }
    }
    Ok((cases, problems))
}
