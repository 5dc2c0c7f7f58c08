//! A decision of a rollout that runs: the one in force, or one that its store has kept.

use std::collections::VecDeque;

use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::operate::{explained, matching};
use crate::cli::reach::Reach;
use crate::cli::run::session;
use crate::ledger::Entry;
use crate::ledger::hash::Key;
use crate::model::decision::Decision;
use crate::model::snapshot::Snapshot;
use crate::model::time::Time;
use crate::policy::compiled::Policy;
use crate::report::explain::RunUp;

use super::Explain;

/// Entries looked through at once for the decision of a time.
const PAGE: u64 = 200;

impl Explain {
    pub(super) fn running(&self, console: &mut Console) -> anyhow::Result<Exit> {
        let reach = self.reach.look();
        let keys = match &reach {
            Ok(reach) => reach.ask(|operate| operate.rollouts()).map_err(explained)?,
            // Whoever named an API wants to know that it does not answer.
            Err(_) if !self.reach.is_named() => Vec::new(),
            Err(_) => return reach.map(|_| Exit::Failed),
        };
        let environment = self.environment.environment.as_deref();
        let mut found = matching(keys, Some(&self.subject), environment);
        let (Some(key), true, Ok(reach)) = (found.pop(), found.is_empty(), reach) else {
            if found.is_empty() {
                return Err(self.neither());
            }
            let failure = Failure::new(Exit::Usage, format!("`{}` runs in several environments", self.subject));
            return Err(failure.help("name one with -e").into());
        };
        let decision = self.wanted(&reach, &key)?;
        let run_up = self.run_up(&reach, &key, &decision);
        self.show(&decision, &run_up, console)
    }

    fn wanted(&self, reach: &Reach, key: &Key) -> anyhow::Result<Decision> {
        if let Some(id) = &self.id {
            let whole = match id.parse::<u64>() {
                Ok(seq) => id_of(key, seq),
                Err(_) => id.clone(),
            };
            return kept(reach, &whole)?.ok_or_else(|| {
                let failure = Failure::new(Exit::Usage, format!("there is no decision `{whole}`"));
                failure
                    .help("`rollgate audit list` shows the entries; the last one of a change has its decision")
                    .into()
            });
        }
        let at = self.time()?;
        #[cfg(feature = "live")]
        if let (Reach::Controller(client), None) = (reach, at) {
            let views = client.views().map_err(explained)?;
            let view = views.into_iter().find(|view| view.standing.key == *key);
            return view.and_then(|view| view.seen.decision).ok_or_else(|| nothing(key, None));
        }
        last_before(reach, key, at.unwrap_or(Time::FOREVER))?.ok_or_else(|| nothing(key, at))
    }

    fn time(&self) -> anyhow::Result<Option<Time>> {
        let Some(text) = &self.at else { return Ok(None) };
        match Time::parse(text) {
            Ok(at) => Ok(Some(at)),
            Err(error) => {
                let failure = Failure::new(Exit::Usage, format!("`--at {text}`: {error}"));
                Err(failure.help("of a rollout that runs, the time itself is needed").into())
            }
        }
    }

    /// The minutes before, as far as the readings are still there: without them the rest is as true.
    fn run_up(&self, reach: &Reach, key: &Key, decision: &Decision) -> Vec<RunUp> {
        let record = reach.ask(|operate| operate.policy(&decision.policy));
        let Some(policy) = record.ok().flatten().and_then(|record| record.compile().ok()) else { return Vec::new() };
        let mut readings: VecDeque<(Time, Vec<f64>)> = VecDeque::new();
        let since = decision.time - self.before;
        let mut each = |at: Time, snapshot: Snapshot| {
            let values = (at <= decision.time).then(|| values(&policy, &snapshot));
            if let Some(values) = values.filter(|values| values.iter().any(|value| !value.is_nan())) {
                readings.push_back((snapshot.time, values));
            }
            at <= decision.time
        };
        match reach {
            #[cfg(feature = "live")]
            Reach::Controller(client) => drop(client.snapshots(key, since, &mut each)),
            Reach::Store(_) => {
                let home = self.reach.store.home();
                let read = crate::shell::store::journal(home.journal(), key, since, &mut |at, snapshot| {
                    each(at, snapshot);
                });
                drop(read);
            }
        }
        if readings.is_empty() { Vec::new() } else { session::run_up(decision, &readings, &policy) }
    }
}

/// The values of a snapshot by metric, of the group that the policy watches; NaN where there is none.
fn values(policy: &Policy, snapshot: &Snapshot) -> Vec<f64> {
    let of = |(metric, rules): (&crate::model::frame::Metric, &crate::policy::compiled::MetricRules)| {
        let reading = snapshot.groups.get(rules.group.name()).and_then(|group| group.get(metric.name.as_str()));
        reading.filter(|reading| reading.unknown.is_none()).map_or(f64::NAN, |reading| reading.value)
    };
    policy.catalogue.metrics().iter().zip(&policy.metrics).map(of).collect()
}

fn nothing(key: &Key, at: Option<Time>) -> anyhow::Error {
    let when = at.map_or_else(String::new, |at| format!(" by {at}"));
    let failure = Failure::new(Exit::Nothing, format!("nothing was decided about {key}{when}"));
    failure.help("decisions begin with a controller and the first reading: rollgate run").into()
}

/// A decision is named by the last entry that was recorded with it.
fn id_of(key: &Key, seq: u64) -> String {
    format!("{}/{}/{seq}", key.rollout, key.environment)
}

/// The last decision that was recorded by then.
fn last_before(reach: &Reach, key: &Key, at: Time) -> anyhow::Result<Option<Decision>> {
    let standings = reach.ask(|operate| operate.standings(Time::from_millis(0))).map_err(explained)?;
    let last = standings.into_iter().find(|standing| standing.key == *key).map_or(0, |standing| standing.last_entry.0);
    let mut end = last;
    while end > 0 {
        let from = end.saturating_sub(PAGE).saturating_add(1);
        let limit = usize::try_from(end.saturating_sub(from).saturating_add(1)).unwrap_or(usize::MAX);
        let page = reach.ask(|operate| operate.history(key, from, limit)).map_err(explained)?;
        let is_by_then = |entry: &&Entry| entry.record().at <= at;
        for entry in page.iter().rev().filter(is_by_then) {
            if let Some(decision) = kept(reach, &id_of(key, entry.record().seq))? {
                return Ok(Some(decision));
            }
        }
        // Before the first entry that retention left there is nothing.
        if page.is_empty() {
            return Ok(None);
        }
        end = from.saturating_sub(1);
    }
    Ok(None)
}

fn kept(reach: &Reach, id: &str) -> anyhow::Result<Option<Decision>> {
    match reach {
        #[cfg(feature = "live")]
        Reach::Controller(client) => client.decision(id).map_err(explained),
        Reach::Store(session) => match session.store.decision(id).map_err(|error| explained(error.into()))? {
            Some(text) => Ok(Some(serde_json::from_str(&text)?)),
            None => Ok(None),
        },
    }
}
