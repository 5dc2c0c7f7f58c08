//! A desk whose rollouts stand in a real store: commands are carried out straight on it, pushes are kept in memory, and
//! a test decides what is refused.

use std::sync::{Arc, Mutex};

use rollgate::adapters::log_actuator::LogActuator;
use rollgate::adapters::store::{Embedded, Options};
use rollgate::control::keep::{self, Checked};
use rollgate::control::{Ask, Command, Direct, Operate as _, OperateError, Outcome, PolicyRecord};
use rollgate::daemon::desk::{
    Accepted, Denial, Desk, NotAccepted, Notice, PolicyFiles, Rejected, Reply, Seen, SourceHealth, View,
};
use rollgate::ledger::Entry;
use rollgate::ledger::hash::Key;
use rollgate::model::decision::{Decision, Reasons, Verdict, Wait};
use rollgate::model::finding::{CheckKind, Finding, FindingState, Origin, Side};
use rollgate::model::ids::{Digest, Generation};
use rollgate::model::severity::{Response, Severity};
use rollgate::model::snapshot::Snapshot;
use rollgate::model::time::{Duration, Time};
use rollgate::model::units::Unit;
use rollgate::policy::source::PolicySource;
use rollgate::ports::store::StoreError;
use rollgate::shell::clock;
use tempfile::TempDir;

/// Nobody sees anything in the lowest stage, so it can be left without data.
const POLICY: &str = r#"
schema = 1
rollout = "checkout"
features = ["new_checkout", "new_basket"]
[metrics]
error_rate = { unit = "percent", better = "lower", max_age = "90s", on_unknown = "hold" }
[triggers]
errors = { in = ["canary"], metric = "error_rate", above = "5%" }
[[stages]]
name = "off"
[[stages]]
name = "canary"
traffic = "10%"
bake = "10m"
"#;

type Listener = Box<dyn FnMut(&Notice) -> bool + Send>;

/// What a test may look at, and set.
#[derive(Default)]
pub struct Set {
    pub pushed: Vec<(String, Snapshot)>,
    pub denials: Vec<Denial>,
    pub refuse_push: Option<NotAccepted>,
    /// Pushes are taken and never answered.
    pub silent: bool,
    /// Looking at rollouts panics.
    pub panics: bool,
    pub unready: Vec<String>,
    pub broken: Option<StoreError>,
}

pub struct Double {
    pub store: Embedded,
    pub set: Mutex<Set>,
    actuator: LogActuator,
    listeners: Mutex<Vec<Listener>>,
    kept_replies: Mutex<Vec<Reply<Result<Accepted, NotAccepted>>>>,
    _folder: TempDir,
}

impl Double {
    /// `checkout` stands in its lowest stage, in production.
    pub fn new() -> Arc<Double> {
        let folder = TempDir::new().unwrap();
        let options = Options { create: true, ..Options::default() };
        let store = Embedded::open(&folder.path().join("s.redb"), options, Box::new(clock::now)).unwrap();
        let desk = Arc::new(Double {
            store,
            set: Mutex::default(),
            actuator: LogActuator::default(),
            listeners: Mutex::default(),
            kept_replies: Mutex::default(),
            _folder: folder,
        });
        desk.start("production");
        desk
    }

    /// Begins `checkout` in an environment.
    pub fn start(&self, environment: &str) {
        let command = Command {
            actor: "setup".into(),
            reason: "to begin with".to_owned(),
            ask: Ask::Start { policy: Box::new(record("checkout", environment)), revision: "r1".into() },
            token: format!("setup-{environment}"),
        };
        let outcome = self.direct().carry_out(&key(environment), &command, clock::now(), false).unwrap();
        assert_eq!(outcome.refused, None);
    }

    pub fn direct(&self) -> Direct<'_> {
        Direct::new(&self.store, &self.actuator)
    }

    pub fn entries(&self, environment: &str) -> Vec<Entry> {
        self.direct().history(&key(environment), 0, usize::MAX).unwrap()
    }

    pub fn tell(&self, notice: &Notice) {
        self.listeners.lock().unwrap().retain_mut(|listener| listener(notice));
    }

    pub fn denials(&self) -> Vec<Denial> {
        self.set.lock().unwrap().denials.clone()
    }
}

impl Desk for Double {
    fn views(&self) -> Vec<Arc<View>> {
        assert!(!self.set.lock().unwrap().panics, "a bug of the test's making");
        let mut standings = self.direct().standings(clock::now()).unwrap();
        standings.sort_by(|one, other| one.key.cmp(&other.key));
        standings.into_iter().map(|standing| Arc::new(view(standing))).collect()
    }

    fn push(&self, source: &str, snapshots: Vec<Snapshot>, reply: Reply<Result<Accepted, NotAccepted>>) {
        let mut set = self.set.lock().unwrap();
        if set.silent {
            return self.kept_replies.lock().unwrap().push(reply);
        }
        if let Some(refusal) = set.refuse_push.clone() {
            return reply(Err(refusal));
        }
        let accepted = Accepted { snapshots: snapshots.len(), unmapped: 0 };
        set.pushed.extend(snapshots.into_iter().map(|snapshot| (source.to_owned(), snapshot)));
        reply(Ok(accepted));
    }

    fn command(&self, key: &Key, command: Command, dry_run: bool, reply: Reply<Result<Outcome, OperateError>>) {
        if let Some(error) = self.set.lock().unwrap().broken.clone() {
            return reply(Err(error.into()));
        }
        reply(self.direct().carry_out(key, &command, clock::now(), dry_run));
    }

    fn history(&self, key: &Key, from: u64, limit: usize) -> Result<Vec<Entry>, OperateError> {
        self.direct().history(key, from, limit)
    }

    fn check(&self, key: &Key) -> Result<Checked, OperateError> {
        if let Some(error) = self.set.lock().unwrap().broken.clone() {
            return Err(error.into());
        }
        Ok(keep::check(&self.store, key)?)
    }

    fn decision(&self, id: &str) -> Result<Option<String>, OperateError> {
        Ok((id == "d-1").then(|| r#"{"schema":"rollgate/v1","decision":"hold"}"#.to_owned()))
    }

    fn policies(&self) -> Result<Vec<Digest>, OperateError> {
        if let Some(error) = self.set.lock().unwrap().broken.clone() {
            return Err(error.into());
        }
        self.direct().policies()
    }

    fn policy(&self, digest: &Digest) -> Result<Option<PolicyRecord>, OperateError> {
        self.direct().policy(digest)
    }

    fn denied(&self, denial: Denial) {
        self.set.lock().unwrap().denials.push(denial);
    }

    fn listen(&self, listener: Listener) {
        self.listeners.lock().unwrap().push(listener);
    }

    fn unready(&self) -> Vec<String> {
        self.set.lock().unwrap().unready.clone()
    }
}

pub fn key(environment: &str) -> Key {
    Key::new("checkout".into(), environment.into())
}

/// The policy of a rollout, as a store keeps it.
pub fn record(rollout: &str, environment: &str) -> PolicyRecord {
    let mut source = PolicySource::new("policies/checkout");
    source.insert("policy.toml", POLICY.replace("checkout\"\nfeatures", &format!("{rollout}\"\nfeatures")));
    if environment != rollgate::policy::PRODUCTION {
        source.insert(format!("env/{environment}.toml"), "");
    }
    let compiled = rollgate::policy::compile(&source, &environment.into());
    let policy = compiled.policy.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    PolicyRecord::new(&policy, &source)
}

/// As a worker would publish it.
fn view(standing: rollgate::control::Standing) -> View {
    let at = clock::now();
    let rejected = Rejected { digest: None, at, why: vec!["unknown key `trafic`".to_owned()] };
    let seen = Seen {
        decision: Some(decision(&standing, at)),
        data_at: Some(at - Duration::from_secs(12)),
        rejected_snapshots: 3,
        wake_at: None,
        leads: true,
        leader: Some("here-1".into()),
        files: PolicyFiles {
            path: "policies/checkout".to_owned(),
            digest: standing.policy.clone(),
            loaded_at: Some(at),
            waits: false,
            rejected: Some(rejected),
        },
        store_problem: None,
        spooled: 0,
        sources: vec![SourceHealth {
            name: "push".to_owned(),
            last_snapshot: Some(at - Duration::from_secs(12)),
            last_answer: Some(at),
            problem: None,
            failures: 0,
        }],
        at,
    };
    View { standing, seen }
}

fn decision(standing: &rollgate::control::Standing, at: Time) -> Decision {
    let finding = Finding {
        check: "errors".into(),
        kind: CheckKind::Trigger,
        severity: Some(Severity::P0),
        response: Response::Rollback,
        state: FindingState::Ok,
        region: "".into(),
        metric: Some("error_rate".into()),
        group: None,
        unit: Some(Unit::Percent),
        value: Some(0.2),
        unknown: None,
        side: Some(Side::Above),
        bound: Some(5.0),
        margin: Some(4.8),
        comparison: None,
        progress: None,
        samples: None,
        age: Some(Duration::from_secs(12)),
        hidden_by: None,
        shadow: false,
        muted: false,
        control_too: false,
        facts: String::new(),
        condition: Arc::from("above 5%"),
        origin: Origin { file: Arc::from("policy.toml"), line: 8 },
    };
    Decision {
        time: at,
        rollout: standing.key.rollout.clone(),
        environment: standing.key.environment.clone(),
        policy: standing.policy.clone().unwrap(),
        revision: standing.revision.clone(),
        stage: standing.stage.clone(),
        traffic: standing.traffic,
        time_in_stage: Duration::from_mins(3),
        bake: (Duration::ZERO, None),
        verdict: Verdict::Hold { because: Reasons::new(Wait::Final, Vec::new()) },
        severity: None,
        shadow: false,
        findings: vec![finding],
        wake_at: None,
        generation: Generation(1),
    }
}
