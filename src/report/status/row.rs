//! A rollout as `status` knows it: what the ledger says, and what a controller sees beside it.

use serde::Serialize;

use crate::control::Standing;
use crate::control::seen::{Seen, SourceHealth};
use crate::model::finding::{Finding, FindingState};
use crate::model::reading::Unknown;
use crate::model::severity::Severity;
use crate::model::time::{Duration, Time};

use super::brief;

/// How old what a controller publishes may be: it looks around every second.
const SILENT: Duration = Duration::from_secs(10);

/// A rollout.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What the ledger says.
    pub standing: Standing,
    /// What a controller sees, when one answers.
    pub seen: Option<Seen>,
}

/// The worst that is broken, firing or not yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worst {
    /// How bad.
    pub severity: Severity,
    /// Firing, or on the way to it or from it.
    pub state: FindingState,
}

impl Worst {
    /// Whether it acts; otherwise it only forbids the advance.
    #[must_use]
    pub fn fires(self) -> bool {
        self.state == FindingState::Firing
    }
}

/// How old the data is that decisions rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// There never was any.
    None,
    /// As old as its newest reading.
    Fresh(Duration),
    /// A reading that is needed is this old: too old.
    Stale(Duration),
}

/// Something that a person should look after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What it is about: `source prom-eu`, `policy`, `spool`.
    pub about: String,
    /// What is wrong, and since when.
    pub what: String,
}

impl Row {
    /// What the ledger alone says.
    #[must_use]
    pub const fn of_ledger(standing: Standing) -> Row {
        Row { standing, seen: None }
    }

    /// The clock of whoever said how long it has been so.
    #[must_use]
    pub fn now(&self) -> Time {
        self.standing.since + self.standing.lasted
    }

    /// The worst that is broken.
    #[must_use]
    pub fn worst(&self) -> Option<Worst> {
        let decision = self.seen.as_ref()?.decision.as_ref()?;
        let broken = decision.findings.iter().filter(|finding| is_broken(finding));
        let worst = broken.filter_map(|finding| Some(Worst { severity: finding.severity?, state: finding.state }));
        worst.max_by_key(|worst| (worst.severity, worst.fires()))
    }

    /// How old its data is; none when nobody can tell.
    #[must_use]
    pub fn data(&self) -> Option<Data> {
        let seen = self.seen.as_ref()?;
        let Some(newest) = seen.data_at else { return Some(Data::None) };
        let newest = age(self.now(), newest);
        let Some(decision) = &seen.decision else { return Some(Data::Fresh(newest)) };
        let is_stale = |finding: &&Finding| finding.counts() && finding.unknown == Some(Unknown::Stale);
        let waited = age(self.now(), decision.time);
        let stale = decision.findings.iter().filter(is_stale);
        let oldest = stale.map(|finding| finding.age.map_or(newest, |age| age + waited)).max();
        Some(oldest.map_or(Data::Fresh(newest), Data::Stale))
    }

    /// Whether something that the decision needs cannot be told.
    #[must_use]
    pub fn is_blind(&self) -> bool {
        use crate::model::decision::{Verdict, Wait};
        let decision = self.seen.as_ref().and_then(|seen| seen.decision.as_ref());
        decision.is_some_and(|decision| match &decision.verdict {
            Verdict::Hold { because } => matches!(because.first(), Wait::Unknown { .. }),
            _ => false,
        })
    }

    /// Everything that a person should look after beside the decision itself, the worst first.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        let Some(seen) = &self.seen else { return Vec::new() };
        let now = self.now();
        let mut troubles = Vec::new();
        let mut add = |about: &str, what: String| troubles.push(Trouble { about: about.to_owned(), what });
        let silent = age(now, seen.at);
        if silent > SILENT {
            add("controller", format!("has not looked at this rollout for {}", brief(silent)));
        }
        if let Some(problem) = &seen.store_problem {
            add("store", problem.clone());
        }
        match seen.spooled {
            0 => {}
            1 => add("spool", "1 roll back waits for the store".to_owned()),
            more => add("spool", format!("{more} roll backs wait for the store")),
        }
        if let Some(rejected) = &seen.files.rejected {
            add("policy", self.turned_away(rejected.digest.as_ref(), age(now, rejected.at), &rejected.why));
        }
        for source in &seen.sources {
            if let Some(problem) = &source.problem {
                add(&format!("source {}", source.name), failing(source, problem, now));
            }
        }
        troubles
    }

    fn turned_away(&self, digest: Option<&crate::model::ids::Digest>, since: Duration, why: &[String]) -> String {
        let which = digest.map_or_else(|| "an edit".to_owned(), |digest| format!("edit {}", digest.short()));
        let stays = match &self.standing.policy {
            Some(policy) => format!("{} stays in force", policy.short()),
            None => "no policy is in force".to_owned(),
        };
        format!("{which} was turned away {} ago, {stays}: {}", brief(since), why.join("; "))
    }
}

fn failing(source: &SourceHealth, problem: &str, now: Time) -> String {
    let times = match source.failures {
        0 => String::new(),
        1 => " once".to_owned(),
        many => format!(" {many} times"),
    };
    let last = match source.last_answer {
        Some(last) => format!("last answer {} ago", brief(age(now, last))),
        None => "it never answered".to_owned(),
    };
    format!("failed{times}, {last}: {problem}")
}

/// How long ago; a clock that is ahead makes nothing younger than now.
pub(super) fn age(now: Time, then: Time) -> Duration {
    now.since(then).max(Duration::ZERO)
}

/// Whether a finding stands against the rollout, firing or not.
pub(super) fn is_broken(finding: &Finding) -> bool {
    let broken = matches!(finding.state, FindingState::Firing | FindingState::Pending | FindingState::Clearing);
    finding.counts() && broken
}

/// A row for programs: the fields of the ledger's, those of the controller's API, and what this program makes of them.
#[derive(Debug, Serialize)]
pub struct Shown<'a> {
    #[serde(flatten)]
    standing: &'a Standing,
    #[serde(flatten)]
    seen: Option<&'a Seen>,
    #[serde(flatten)]
    told: Option<Told>,
}

#[derive(Debug, Serialize)]
struct Told {
    severity: Option<Severity>,
    severity_state: Option<FindingState>,
    data_age: Option<Duration>,
    data_stale: bool,
    troubles: Vec<String>,
}

impl<'a> Shown<'a> {
    /// Of a row.
    #[must_use]
    pub fn new(row: &'a Row) -> Shown<'a> {
        let told = row.seen.as_ref().map(|_| {
            let (worst, data) = (row.worst(), row.data());
            let (data_age, data_stale) = match data {
                Some(Data::Fresh(age)) => (Some(age), false),
                Some(Data::Stale(age)) => (Some(age), true),
                Some(Data::None) | None => (None, false),
            };
            let troubles = row.troubles().into_iter().map(|trouble| format!("{}: {}", trouble.about, trouble.what));
            Told {
                severity: worst.map(|worst| worst.severity),
                severity_state: worst.map(|worst| worst.state),
                data_age,
                data_stale,
                troubles: troubles.collect(),
            }
        });
        Shown { standing: &row.standing, seen: row.seen.as_ref(), told }
    }
}
