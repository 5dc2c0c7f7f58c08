//! From settings to a house that is open, and back to nothing.

use std::sync::Arc;
use std::time::Duration as Wait;

use crate::adapters::journal::{FileJournal, Options as JournalOptions};
use crate::model::ids::Actor;
use crate::ports::spool::Spool;
use crate::settings::Settings;
use crate::settings::secret::Secret;
use crate::settings::values::{ApiRole, HeartbeatSettings, LeaseSettings, StorePlace, TokenSettings};
use crate::shell;

use super::desk::Desk;
use super::gather::{self, Asking};
use super::house::{House, Parts};
use super::http::server::{self, Options, Running};
use super::http::{Limits, Rate};
use super::lease::{Leadership, Terms};
#[cfg(feature = "otel")]
use super::otlp::Export;
use super::refusal::OpenError;
use super::reload::{News, PolicyWatcher, Watched};
use super::staff::{Closing, Staff};
use super::stores::Begin;
use super::telemetry::Telemetry;
use super::timed::Timed;
use super::tokens::{Role, Token};
use super::traces::Kind;
use super::{chores, heartbeat, local};

/// A controller that runs.
pub struct Open {
    house: Arc<House>,
    staff: Staff,
    api: Running,
    // Dropping it ends the watching.
    policies: Option<PolicyWatcher>,
    export: Option<Export>,
}

/// Opens everything: store, journal, rollouts, sources, API. Whatever cannot be had, nothing is left behind: threads are
/// ended and the lease is given back.
///
/// # Errors
/// What could not be had.
pub fn open(settings: &Settings, begin: Begin, telemetry: &Arc<Telemetry>) -> Result<Open, OpenError> {
    let holder = holder();
    // First, so that whatever is done from here on is traced.
    let export = export(settings, &holder, telemetry).map_err(OpenError::Telemetry)?;
    let opened = super::stores::open(settings, begin)?;
    let store = Arc::clone(&opened.store);
    if let StorePlace::File(_) = settings.store.place {
        super::lease::bury(store.as_ref())?;
    }
    let journal = FileJournal::open(&settings.journal.path, JournalOptions::default())
        .map_err(|error| OpenError::Journal { path: settings.journal.path.clone(), error })?;
    opened.remember();
    let house = House::new(Parts {
        store,
        spool: spool(settings),
        actuator: Arc::new(Timed::new(shell::store::actuator(), Arc::clone(telemetry))),
        journal: Arc::new(journal),
        leadership: Leadership::new(holder, terms(settings.lease)),
        environment: settings.environment.clone(),
        recalls: settings.journal.keep,
        telemetry: Arc::clone(telemetry),
    });
    // Before anybody sits down: a leader that opens is not a follower for its first second.
    house.leadership().keep(house.store());
    let mut opening = Opening { house, staff: Staff::default(), policies: None };
    match opening.furnish(settings, telemetry) {
        Ok(api) => Ok(Open { house: opening.house, staff: opening.staff, api, policies: opening.policies, export }),
        Err(error) => {
            drop(opening.policies);
            opening.staff.dismiss();
            opening.house.close();
            Err(error)
        }
    }
}

/// A controller that is not open yet.
struct Opening {
    house: Arc<House>,
    staff: Staff,
    policies: Option<PolicyWatcher>,
}

impl Opening {
    /// Lets rollouts, policies, chores and sources in; the API last, so that it answers for all of them.
    fn furnish(&mut self, settings: &Settings, telemetry: &Arc<Telemetry>) -> Result<Running, OpenError> {
        let Opening { house, staff, policies } = self;
        for key in house.store().keys()?.into_iter().filter(|key| key.environment == settings.environment) {
            house.sit(&key, "")?;
        }
        *policies = Some(watch(house, settings, telemetry)?);
        hire(staff, house, settings)?;
        for (name, feeds) in super::sources::pushed(settings) {
            house.source_is_pushed(&name, feeds);
        }
        for source in super::sources::of(settings).map_err(|(name, why)| OpenError::Source { name, why })? {
            ask(staff, house, source)?;
        }
        if let Some(heartbeat) = &settings.heartbeat {
            beat(staff, house, heartbeat, telemetry)?;
        }
        let desk: Arc<dyn Desk> = Arc::clone(house) as Arc<dyn Desk>;
        Ok(server::start(api(settings), desk, Arc::clone(telemetry))?)
    }
}

fn beat(
    staff: &mut Staff,
    house: &Arc<House>,
    heartbeat: &HeartbeatSettings,
    telemetry: &Arc<Telemetry>,
) -> Result<(), OpenError> {
    let secret = |why| OpenError::Source { name: "heartbeat".to_owned(), why };
    let url = Secret::new(super::stores::secret(&heartbeat.url).map_err(secret)?);
    let every = Wait::from_millis(heartbeat.every.as_millis().unsigned_abs());
    let (house, telemetry) = (Arc::clone(house), Arc::clone(telemetry));
    Ok(staff.hire("heartbeat", move |closing| {
        if let Err(why) = heartbeat::beat(&url, every, house.as_ref(), &telemetry, closing) {
            tracing::error!(%why, "there is no heartbeat");
        }
    })?)
}
impl Open {
    /// Where the API answers.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.api.local().url
    }

    /// Reads the policies' files again, without waiting for a change.
    pub fn look(&self) {
        if let Some(policies) = &self.policies {
            policies.look();
        }
    }

    /// The rollouts that are governed here.
    #[must_use]
    pub fn rollouts(&self) -> Vec<crate::ledger::hash::Key> {
        self.house.fed_by(&[])
    }

    /// The rollouts, as others see them.
    #[must_use]
    pub fn desk(&self) -> &dyn Desk {
        self.house.as_ref()
    }

    /// What threads of the caller may sleep on.
    #[must_use]
    pub fn closing(&self) -> Arc<Closing> {
        self.staff.closing()
    }

    /// Takes nothing more in, finishes what it is at, and hands the lease over.
    pub fn close(mut self) {
        drop(self.policies.take());
        self.api.stop();
        self.staff.dismiss();
        self.house.close();
        // Last: what the others did to the end is told.
        if let Some(export) = self.export {
            export.end();
        }
    }
}

#[cfg(feature = "otel")]
fn export(settings: &Settings, holder: &Actor, telemetry: &Arc<Telemetry>) -> Result<Option<Export>, String> {
    let Some(given) = &settings.telemetry else { return Ok(None) };
    let (host, environment) = (shell::operator::machine(), settings.environment.as_str());
    let resource = super::otlp::resource(given, holder.as_str(), &host, environment);
    Export::start(given, resource, telemetry).map(Some)
}

/// Sends nothing: this build cannot.
#[cfg(not(feature = "otel"))]
struct Export;

#[cfg(not(feature = "otel"))]
impl Export {
    fn end(self) {}
}

#[cfg(not(feature = "otel"))]
fn export(settings: &Settings, _: &Actor, _: &Arc<Telemetry>) -> Result<Option<Export>, String> {
    match settings.telemetry {
        None => Ok(None),
        Some(_) => Err("this rollgate cannot send traces: build it with `--features otel`".to_owned()),
    }
}

/// A name for this process that no other has: the lease must tell two on one machine apart.
fn holder() -> Actor {
    Actor::new(format!("{}-{}", shell::operator::machine(), shell::operator::token().get(..8).unwrap_or_default()))
}

const fn terms(lease: LeaseSettings) -> Terms {
    Terms { term: lease.term, renew: lease.renew, step_down: lease.step_down }
}

fn spool(settings: &Settings) -> Arc<dyn Spool> {
    match &settings.store.place {
        StorePlace::File(path) => shell::store::spool(path).into(),
        // Redis is elsewhere; the spool is here, beside what else this controller keeps for itself.
        StorePlace::Redis(_) => shell::store::spool(&settings.journal.path).into(),
    }
}

fn watch(house: &Arc<House>, settings: &Settings, telemetry: &Arc<Telemetry>) -> std::io::Result<PolicyWatcher> {
    let watched = Watched {
        paths: settings.policies.clone(),
        environment: settings.environment.clone(),
        reload: settings.reload,
        only_poll: false,
    };
    let (house, telemetry) = (Arc::clone(house), Arc::clone(telemetry));
    let tell = move |news: News| take_news(&house, &telemetry, news);
    let mut first = tell.clone();
    let (watcher, now) = PolicyWatcher::start(watched, tell)?;
    now.into_iter().for_each(&mut first);
    Ok(watcher)
}

fn take_news(house: &Arc<House>, telemetry: &Telemetry, news: News) {
    // From when its files were read until the rollout has it, or until it was turned away.
    let mut span = telemetry.tracer().begin("reload", Kind::Internal);
    span.keep();
    match news {
        News::Candidate(candidate) => {
            span.began(candidate.at);
            span.set("rollgate.rollout", candidate.key.rollout.as_str());
            span.set("rollgate.environment", candidate.key.environment.as_str());
            span.set("rollgate.policy", candidate.policy.digest.as_str());
            span.set("rollgate.policy.tests", candidate.tests as u64);
            span.set("rollgate.result", "good");
            let (key, digest) = (candidate.key.clone(), candidate.policy.digest.clone());
            tracing::info!(%key, digest = digest.short(), tests = candidate.tests, "a policy was read and is good");
            telemetry.reloaded(&key, "good");
            let path = candidate.source.root.clone();
            if let Err(error) = house.policy_is_good(&key, &path, candidate.record, candidate.policy) {
                tracing::error!(%key, %error, "the system gives no thread for this rollout");
            }
        }
        News::Rejected(rejection) => {
            span.began(rejection.at);
            if let Some(key) = &rejection.key {
                span.set("rollgate.rollout", key.rollout.as_str());
                span.set("rollgate.environment", key.environment.as_str());
            }
            span.set("rollgate.result", "rejected");
            span.fail(rejection.why.join("; "));
            for why in &rejection.why {
                tracing::error!(path = rejection.path, %why, "a policy was turned away; the last good one stays");
            }
            if let Some(key) = &rejection.key {
                telemetry.reloaded(key, "rejected");
            }
            house.policy_is_bad(rejection.key.as_ref(), &rejection.path, rejection.shown());
        }
    }
}

fn hire(staff: &mut Staff, house: &Arc<House>, settings: &Settings) -> std::io::Result<()> {
    let retention = settings.store.retention;
    let (lease, spool, old) = (Arc::clone(house), Arc::clone(house), Arc::clone(house));
    staff.hire("lease", move |closing| chores::keep_lease(&lease, closing))?;
    staff.hire("spool", move |closing| chores::empty_spool(&spool, closing))?;
    staff.hire("retention", move |closing| chores::forget(&old, retention, closing))
}

fn ask(staff: &mut Staff, house: &Arc<House>, made: super::sources::Made) -> std::io::Result<()> {
    let house = Arc::clone(house);
    let name = format!("source {}", made.source.name());
    let mut source = made.source;
    let asking = Asking { every: made.every, feeds: made.feeds };
    staff.hire(&name, move |closing| gather::ask(&house, source.as_mut(), &asking, closing))
}

fn api(settings: &Settings) -> Options {
    let mut options = Options::new(settings.api.listen);
    options.tls =
        settings.api.tls.as_ref().map(|tls| server::TlsFiles { certificate: tls.cert.clone(), key: tls.key.clone() });
    options.announce = match &settings.store.place {
        StorePlace::File(path) => Some(local::beside(path)),
        StorePlace::Redis(_) => Some(local::beside(&settings.journal.path)),
    };
    options.tokens = settings.api.tokens.iter().map(token).collect();
    options.hosts.clone_from(&settings.api.hosts);
    options.sources.clone_from(&settings.sources);
    let given = &settings.api.limits;
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let length = |of: crate::model::time::Duration| Wait::from_millis(of.as_millis().unsigned_abs());
    options.limits = Limits {
        body: size(given.body),
        large_body: size(given.large_body),
        connections: size(given.connections.into()),
        // After a rest, three seconds' worth may come at once.
        calls: Rate { per_second: given.calls, burst: (given.calls * 3.0).max(1.0) },
        pushes: Rate { per_second: given.pushes, burst: given.pushes.max(1.0) },
        head: length(given.head),
        call: length(given.call),
        ..options.limits
    };
    options
}

fn token(of: &TokenSettings) -> Token {
    let role = match of.role {
        ApiRole::Sender => Role::Sender,
        ApiRole::Viewer => Role::Viewer,
        ApiRole::Operator => Role::Operator,
        ApiRole::Admin => Role::Admin,
    };
    Token { name: Arc::from(of.name.as_str()), role, sha256: of.sha256, expires: of.expires }
}
