//! The case that is missing: searched for by playing the policy and the mutant side by side until they differ, written
//! as a `[[test]]`, and run on both before anybody is told that it works.

use std::sync::Arc;

use serde::Serialize;

use crate::fixture::DataReport;
use crate::fixture::expectation::Expectations;
use crate::fixture::scenario::read_tests;
use crate::model::time::{Duration, Time};
use crate::policy::compiled::Policy;
use crate::policy::format::format;

use super::cases::{Case, From, Played};
use super::{Assay, Fate, Site};

mod scene;
mod scenes;
mod telling;

use scene::Scene;
use scenes::Around;
use telling::{Depth, Seen};

/// Where missing tests are written, beside the policy.
pub const MUTANTS_FILE: &str = "tests/mutants.toml";
/// More situations than this are not tried for one mutant.
const MOST_SCENES: usize = 240;

/// A case that would notice a mutant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "missing", content = "text")]
pub enum Missing {
    /// A `[[test]]` that was run: it passes on the policy as written and fails on the mutant.
    Test(String),
    /// None was found; what such a test has to show, as a comment.
    Sketch(String),
}

impl Missing {
    /// Looks for a case; `mutants` holds the mutant in each environment it was judged in, `tried` what stands there.
    #[must_use]
    pub fn find(played: &Played<'_>, site: &Site, tried: &str, mutants: &[(usize, Arc<Policy>)]) -> Missing {
        let name = name(site, tried);
        for (at, mutant) in mutants {
            let Some(suite) = played.suites.get(*at) else { continue };
            let (subject, part) = (site.subject.as_str(), site.part.as_str());
            let around = Around { policy: &suite.policy, mutant, subject, part, step: played.step };
            let pair = Pair { policy: &suite.policy, mutant, name: &name };
            if let Some(text) = pair.exposure(subject, played.step) {
                return Missing::Test(text);
            }
            if let Some(text) = pair.best(&around.scenes()) {
                return Missing::Test(text);
            }
        }
        Missing::Sketch(sketch(site, tried))
    }
}

/// `mutant: isolation_score.p0 below 95%, not 94%`.
fn name(site: &Site, tried: &str) -> String {
    let environment = site.environment.as_ref().map_or_else(String::new, |name| format!(" in {name}"));
    let tried = if tried.is_empty() { "left out".to_owned() } else { format!("not {tried}") };
    format!("mutant: {}{environment}, {tried}", written(site)).replace(['"', '\\'], "'")
}

/// `isolation_score.p0 below 95%`.
fn written(site: &Site) -> String {
    let written = if site.written == site.part { "" } else { &site.written };
    format!("{} {written}", site.name()).trim_end().to_owned()
}

fn sketch(site: &Site, tried: &str) -> String {
    let other = if tried.is_empty() { "without it".to_owned() } else { format!("with {tried} in its place") };
    let environment =
        site.environment.as_ref().map_or_else(String::new, |name| format!("\n# environment = \"{name}\""));
    format!(
        "# [[test]]\n# name = \"{}\"{environment}\n# series: readings on which the policy as written and the \
         policy {other} disagree\n# expect: what the policy as written decides there\n",
        written(site)
    )
}

/// A policy and a mutant of it.
struct Pair<'a> {
    policy: &'a Arc<Policy>,
    mutant: &'a Arc<Policy>,
    name: &'a str,
}

impl Pair<'_> {
    /// A share of traffic decides nothing by itself; a test can ask for it at the end.
    fn exposure(&self, subject: &str, step: Duration) -> Option<String> {
        let stage = subject.strip_prefix("stages.")?;
        let find = |policy: &'_ Policy| policy.stages.iter().find(|known| known.name.as_str() == stage).cloned();
        let (old, new) = (find(self.policy)?, find(self.mutant)?);
        let scene = Scene::new(self.policy, &old, step).all_well(self.policy, 3);
        let expects = format!("final = {{ stage = \"{stage}\", exposure = \"{}%\" }}", old.traffic);
        let text = scene.text(self.policy, self.name, &expects);
        let differs = (old.traffic - new.traffic).abs() > 1e-9;
        (differs && passes(&text, self.policy)? && !passes(&text, self.mutant)?).then_some(text)
    }

    /// The first scene in which they decide differently; else one in which only a check stands differently.
    fn best(&self, scenes: &[Scene]) -> Option<String> {
        let mut best: Option<(Depth, String)> = None;
        for scene in scenes.iter().take(MOST_SCENES) {
            match self.test(scene) {
                Some((Depth::Answer, text)) => return Some(text),
                Some((depth, text)) if best.as_ref().is_none_or(|(known, _)| depth < *known) => {
                    best = Some((depth, text));
                }
                _ => {}
            }
        }
        best.map(|(_, text)| text)
    }

    /// The scene as a test that tells the two apart; none when they do not differ in it.
    fn test(&self, scene: &Scene) -> Option<(Depth, String)> {
        // Any expectation makes a test readable; what is asked is not known yet.
        let draft = scene.text(self.policy, self.name, "never = [{ decision = \"advance\", stage = \"off\" }]");
        let draft = draft.replace("stage = \"off\" }]", &format!("stage = \"{}\" }}]", scene.stage));
        let (was, begins) = seen(&draft, self.policy)?;
        let (is, _) = seen(&draft, self.mutant)?;
        Depth::ALL.into_iter().find_map(|depth| {
            let at = depth.first_difference(&was, &is)?;
            let text = depth.wordings(&was, &is, at, begins).into_iter().find_map(|expects| {
                let text = scene.text(self.policy, self.name, &expects);
                (passes(&text, self.policy)? && !passes(&text, self.mutant)?).then_some(text)
            })?;
            Some((depth, text))
        })
    }
}

fn case(text: &str, policy: &Policy) -> Option<(Case, Time)> {
    let (tests, problems) = read_tests(MUTANTS_FILE, text, policy);
    let test = tests.into_iter().next().filter(|_| problems.is_empty())?;
    let case = Case {
        name: test.scenario.name.clone(),
        from: From::Test(MUTANTS_FILE.into()),
        scenario: test.scenario,
        frames: test.frames.into(),
        golden: None,
        touches: Default::default(),
        stages: Default::default(),
    };
    Some((case, test.begins))
}

fn passes(text: &str, policy: &Arc<Policy>) -> Option<bool> {
    let (case, _) = case(text, policy)?;
    let run = case.play(policy, &DataReport::new(&policy.catalogue)).ok()?;
    Some(run.failures.is_empty())
}

/// The decisions of a draft, and when it begins.
fn seen(text: &str, policy: &Arc<Policy>) -> Option<(Vec<Seen>, Time)> {
    let (mut case, begins) = case(text, policy)?;
    case.scenario.expectations = Expectations::default();
    let mut all: Vec<Seen> = Vec::new();
    let report = DataReport::new(&policy.catalogue);
    case.play_watched(policy, &report, &mut |machine, time, output, _| {
        if !output.changed && output.plan.is_none() {
            return;
        }
        let decision = machine.decision();
        all.push(Seen::of(time, &decision));
    })
    .ok()?;
    Some((all, begins))
}

/// `text` of the file with the missing tests behind it, and how many; none when there are none.
#[must_use]
pub fn appended(text: &str, assay: &Assay) -> Option<(String, usize)> {
    let tests: Vec<&str> = assay
        .mutants
        .iter()
        .filter_map(|mutant| match &mutant.fate {
            Fate::Survived { missing: Missing::Test(test) } => Some(test.as_str()),
            _ => None,
        })
        .collect();
    if tests.is_empty() {
        return None;
    }
    let head = if text.trim().is_empty() {
        "# Found by `rollgate mutate --write-tests`: each pins what no other test did. Give them better names, and move\n\
         # them to the file they belong to.\n"
    } else {
        text
    };
    let all = format!("{}\n\n{}", head.trim_end(), tests.join("\n"));
    // What is written has to pass `fmt --check`; a file that is not TOML has been refused before.
    Some((format(&all).unwrap_or(all), tests.len()))
}
