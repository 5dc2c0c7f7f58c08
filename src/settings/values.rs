//! The settings as plain values, each with the default it has when nothing is written.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::model::ids::Environment;
use crate::model::time::{Duration, Time};

use super::secret::{Open, SecretRef};
use super::sources::SourceSettings;

/// Everything in `rollgate.toml`. The default is what a missing file means.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Which overlay of the policies is in force, and which rollouts are governed here.
    pub environment: Environment,
    /// Policies, or trees of them.
    pub policies: Vec<PathBuf>,
    /// Where ledgers and exposures are kept.
    pub store: StoreSettings,
    /// Where readings are kept until they are decided on.
    pub journal: JournalSettings,
    /// How the controller is talked to.
    pub api: ApiSettings,
    /// How one of several controllers is elected.
    pub lease: LeaseSettings,
    /// Who notices when this controller dies.
    pub heartbeat: Option<HeartbeatSettings>,
    /// What is logged.
    pub log: LogSettings,
    /// Where traces go.
    pub telemetry: Option<TelemetrySettings>,
    /// How edits of policies are taken over.
    pub reload: ReloadSettings,
    /// Where readings come from, besides pushes.
    pub sources: Vec<SourceSettings>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            environment: Environment::new(crate::policy::PRODUCTION),
            policies: vec!["policies".into()],
            store: StoreSettings::default(),
            journal: JournalSettings::default(),
            api: ApiSettings::default(),
            lease: LeaseSettings::default(),
            heartbeat: None,
            log: LogSettings::default(),
            telemetry: None,
            reload: ReloadSettings::default(),
            sources: Vec::new(),
        }
    }
}

/// Where ledgers and exposures are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreSettings {
    /// A file, or Redis.
    pub place: StorePlace,
    /// How long entries of a ledger are kept.
    pub retention: Duration,
    /// Make the store when there is none. Without, a store that lost its data is not taken for a new one.
    pub create: bool,
}

impl Default for StoreSettings {
    fn default() -> StoreSettings {
        StoreSettings {
            place: StorePlace::File("rollgate.redb".into()),
            retention: Duration::from_millis(30 * 24 * 3_600_000),
            create: true,
        }
    }
}

/// One machine, or many.
#[derive(Debug, Clone, PartialEq)]
pub enum StorePlace {
    /// A file of this machine.
    File(PathBuf),
    /// Redis, shared by several controllers.
    Redis(Box<RedisSettings>),
}

/// How Redis is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct RedisSettings {
    /// Which servers.
    pub servers: RedisServers,
    /// The user of its access list.
    pub username: Option<String>,
    /// That user's password.
    pub password: Option<SecretRef>,
    /// The user of the sentinels' own access list.
    pub sentinel_username: Option<String>,
    /// That user's password.
    pub sentinel_password: Option<SecretRef>,
    /// What every key begins with.
    pub prefix: String,
    /// How many replicas must have a write before it counts.
    pub replicas_to_wait: u32,
    /// When a call is given up.
    pub deadline: Duration,
    /// How connections are encrypted, if they are.
    pub tls: Option<RedisTls>,
}

/// Encrypted connections to Redis.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedisTls {
    /// PEM file of whoever signs the servers' certificates; without, whoever this machine trusts.
    pub ca: Option<PathBuf>,
}

/// Where it is, for people; never with a password.
impl fmt::Display for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.servers {
            RedisServers::One(Open::Plain(url)) => f.write_str(url),
            RedisServers::One(Open::Secret(reference)) => write!(f, "the Redis of {reference}"),
            RedisServers::Sentinel { master, sentinels, .. } => {
                write!(f, "redis+sentinel://{}/{master}", sentinels.join(","))
            }
            RedisServers::Cluster(nodes) => write!(f, "redis+cluster://{}", nodes.join(",")),
        }
    }
}

impl RedisSettings {
    pub(crate) fn paths_mut(&mut self, each: &mut dyn FnMut(&mut PathBuf)) {
        self.tls.iter_mut().filter_map(|tls| tls.ca.as_mut()).for_each(each);
    }

    /// `servers` with everything else at its default.
    #[must_use]
    pub fn new(servers: RedisServers) -> RedisSettings {
        RedisSettings {
            servers,
            username: None,
            password: None,
            sentinel_username: None,
            sentinel_password: None,
            prefix: "rollgate".to_owned(),
            replicas_to_wait: 0,
            deadline: Duration::from_millis(500),
            tls: None,
        }
    }
}

/// The three ways of running Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RedisServers {
    /// One server: `redis://host:6379/0`.
    One(Open),
    /// Sentinels, which know the primary.
    Sentinel {
        /// `host:port` of each.
        sentinels: Vec<String>,
        /// What they call the primary.
        master: String,
        /// Which of its databases.
        database: u32,
    },
    /// A cluster: `host:port` of some of its nodes.
    Cluster(Vec<String>),
}

/// Where readings are kept until they are decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalSettings {
    /// A directory.
    pub path: PathBuf,
    /// How far back a restart can look.
    pub keep: Duration,
}

impl Default for JournalSettings {
    fn default() -> JournalSettings {
        JournalSettings { path: "rollgate.journal".into(), keep: Duration::from_millis(2 * 3_600_000) }
    }
}

/// How the controller is talked to.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiSettings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Certificate and key; without them it speaks plain HTTP.
    pub tls: Option<TlsSettings>,
    /// Who may do what. None at all is possible on a loopback address only.
    pub tokens: Vec<TokenSettings>,
    /// Names it may be called by beside `localhost`, while there are no tokens.
    pub hosts: Vec<String>,
    /// The most it takes.
    pub limits: ApiLimits,
}

impl Default for ApiSettings {
    fn default() -> ApiSettings {
        ApiSettings {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7878)),
            tls: None,
            tokens: Vec::new(),
            hosts: Vec::new(),
            limits: ApiLimits::default(),
        }
    }
}

/// What the API proves itself with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file of the certificate and what it is signed by.
    pub cert: PathBuf,
    /// PEM file of the key.
    pub key: PathBuf,
}

/// One caller of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSettings {
    /// The name that ledgers and logs show.
    pub name: String,
    /// What it may do.
    pub role: ApiRole,
    /// SHA-256 of the token: the token itself is nowhere.
    pub sha256: [u8; 32],
    /// From when on it is not taken any more.
    pub expires: Option<Time>,
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApiRole {
    /// Pushes readings, and nothing else.
    Sender,
    /// Looks.
    Viewer,
    /// Looks, starts, holds, resumes, approves, rolls back and disables.
    Operator,
    /// All of it: pushes, advances and puts policies in force too.
    Admin,
}

/// The most the API takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ApiLimits {
    /// Bytes of a body.
    pub body: u64,
    /// Bytes of a body of OTLP metrics, or of a policy.
    pub large_body: u64,
    /// Connections at once.
    pub connections: u32,
    /// Reads and orders of one caller, per second; emergency-disable is exempt.
    pub calls: f64,
    /// Pushes of one caller, per second.
    pub pushes: f64,
    /// How long the head of a request may take.
    pub head: Duration,
    /// How long a whole call may take.
    pub call: Duration,
}

impl Default for ApiLimits {
    fn default() -> ApiLimits {
        ApiLimits {
            body: 1 << 20,
            large_body: 4 << 20,
            connections: 1024,
            calls: 100.0,
            pushes: 20_000.0,
            head: Duration::from_secs(5),
            call: Duration::from_secs(30),
        }
    }
}

/// How one of several controllers is elected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseSettings {
    /// How long a leader that says nothing stays leader.
    pub term: Duration,
    /// How often it says something.
    pub renew: Duration,
    /// When it stops leading because nobody heard it.
    pub step_down: Duration,
}

impl Default for LeaseSettings {
    fn default() -> LeaseSettings {
        LeaseSettings {
            term: Duration::from_millis(4000),
            renew: Duration::from_millis(1200),
            step_down: Duration::from_millis(2800),
        }
    }
}

/// Who notices when this controller dies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatSettings {
    /// Called while all is well. Whoever knows it can fake health, so it is a secret.
    pub url: SecretRef,
    /// How often.
    pub every: Duration,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSettings {
    /// For people or for programs.
    pub format: LogFormat,
    /// The least that is logged.
    pub level: LogLevel,
}

impl Default for LogSettings {
    fn default() -> LogSettings {
        LogSettings { format: LogFormat::Text, level: LogLevel::Info }
    }
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what may.
    Warn,
    /// And what happens.
    Info,
    /// And why.
    Debug,
    /// And everything else.
    Trace,
}

impl LogLevel {
    /// The word of the settings, which filters take too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// Where traces go: an OpenTelemetry collector.
#[derive(Debug, Clone, PartialEq)]
pub struct TelemetrySettings {
    /// Where it takes OTLP over HTTP, without `/v1/traces`.
    pub otlp: Open,
    /// PEM file of whoever signs its certificate; without, whoever this machine trusts.
    pub ca: Option<PathBuf>,
    /// Sent with every call.
    pub headers: Vec<(String, Open)>,
    /// What this service is called there.
    pub service: String,
    /// What else describes it, by name.
    pub attributes: Vec<(String, String)>,
    /// The share of traces, 0 to 1, that are told although nothing came of them.
    pub share: f64,
    /// Log lines go there too.
    pub logs: bool,
}

/// How edits of policies are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReloadSettings {
    /// How long files must rest: one save is several events.
    pub debounce: Duration,
    /// How often to look where the system does not tell of changes.
    pub poll: Duration,
    /// How long a policy's own tests may take.
    pub tests_budget: Duration,
}

impl Default for ReloadSettings {
    fn default() -> ReloadSettings {
        ReloadSettings {
            debounce: Duration::from_millis(50),
            poll: Duration::from_millis(500),
            tests_budget: Duration::from_millis(2000),
        }
    }
}

impl Settings {
    /// The same with every path that is not absolute taken from `folder`, where the file stands.
    #[must_use]
    pub fn below(mut self, folder: &Path) -> Settings {
        let from = |path: &mut PathBuf| *path = folder.join(&*path);
        self.policies.iter_mut().for_each(from);
        match &mut self.store.place {
            StorePlace::File(path) => from(path),
            StorePlace::Redis(redis) => redis.paths_mut(&mut |path| from(path)),
        }
        from(&mut self.journal.path);
        if let Some(tls) = &mut self.api.tls {
            from(&mut tls.cert);
            from(&mut tls.key);
        }
        self.telemetry.iter_mut().filter_map(|telemetry| telemetry.ca.as_mut()).for_each(from);
        self.secrets_mut(&mut |reference| {
            if let SecretRef::File(path) = reference {
                from(path);
            }
        });
        self.sources.iter_mut().for_each(|source| source.paths_mut(&mut |path| from(path)));
        self
    }

    /// The same with its ledger in this file, or at this address. Two ledgers in one folder are two controllers: each has a
    /// journal of its own, unless the settings name one.
    #[must_use]
    pub fn on(mut self, store: &Path) -> Settings {
        if self.journal == JournalSettings::default() {
            self.journal.path = store.with_extension("journal");
        }
        self.store.place = StorePlace::File(store.to_path_buf());
        self
    }

    /// Every secret that is named, so that a missing one is found at the start and not at the first use.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretRef> {
        let mut found = Vec::new();
        self.clone().secrets_mut(&mut |reference| found.push(reference.clone()));
        found
    }

    fn secrets_mut(&mut self, each: &mut dyn FnMut(&mut SecretRef)) {
        if let StorePlace::Redis(redis) = &mut self.store.place {
            redis.secrets_mut(each);
        }
        if let Some(heartbeat) = &mut self.heartbeat {
            each(&mut heartbeat.url);
        }
        if let Some(telemetry) = &mut self.telemetry {
            let named =
                std::iter::once(&mut telemetry.otlp).chain(telemetry.headers.iter_mut().map(|(_, value)| value));
            named.for_each(|open| {
                if let Open::Secret(reference) = open {
                    each(reference);
                }
            });
        }
        self.sources.iter_mut().for_each(|source| source.secrets_mut(each));
    }
}

impl RedisSettings {
    pub(crate) fn secrets_mut(&mut self, each: &mut dyn FnMut(&mut SecretRef)) {
        if let Some(password) = &mut self.password {
            each(password);
        }
        if let Some(password) = &mut self.sentinel_password {
            each(password);
        }
        if let RedisServers::One(Open::Secret(url)) = &mut self.servers {
            each(url);
        }
    }
}
