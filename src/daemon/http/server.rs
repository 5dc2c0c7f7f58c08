//! Starting and stopping. The server has a runtime and threads of its own; the rest of the controller knows none of them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::app::{App, stopped};
use super::conn::{self, Service};
use super::events::Hub;
use super::limits::{Budgets, Limits};
use super::orders::Seen;
use super::routes;
use super::tls::Tls;
pub use super::tls::TlsFiles;
use crate::daemon::desk::Desk;
use crate::daemon::local::{Announced, Local};
use crate::daemon::telemetry::Telemetry;
use crate::daemon::tokens::{NewToken, Role, Token, Tokens};
use crate::settings::sources::SourceSettings;

/// Threads that answer calls; they never wait for a disk.
const THREADS: usize = 2;
/// Threads that wait for the store on behalf of calls.
const WAITING_THREADS: usize = 16;
/// How often certificates are looked at.
const CERTIFICATES: Duration = Duration::from_secs(60);

/// How a server is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// With these certificates; without, in the clear.
    pub tls: Option<TlsFiles>,
    /// Who may call; when nobody is named, whoever calls from this machine may read and push.
    pub tokens: Vec<Token>,
    /// Names it may be called by beside `localhost`, for a server that names no tokens.
    pub hosts: Vec<String>,
    /// Where commands on this machine look for it: see [`crate::daemon::local::beside`].
    pub announce: Option<PathBuf>,
    /// What the source of pushed snapshots is called.
    pub source: String,
    /// Sources of the settings that push in formats of their own: OTLP, Alertmanager. Others are passed over.
    pub sources: Vec<SourceSettings>,
    /// How much, how often, how long.
    pub limits: Limits,
}

impl Options {
    /// On `listen`, with nobody named.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Options {
        Options {
            listen,
            tls: None,
            tokens: Vec::new(),
            hosts: Vec::new(),
            announce: None,
            source: "push".to_owned(),
            sources: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else has the port, or it may not be taken.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// Where.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Without tokens anybody who reaches it could call it.
    #[error("no tokens are set, so it listens on this machine only, and {0} is not of this machine")]
    Open(IpAddr),
    /// The certificate or its key cannot be used.
    #[error("{0}")]
    Tls(String),
    /// The machine gives no threads, or no randomness.
    #[error("the API cannot start: {0}")]
    Machine(String),
    /// The file for commands on this machine cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Announce {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl StartError {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            StartError::Listen { .. } => {
                "end the process that has the port, or set another one; port 0 takes a free one"
            }
            StartError::Open(_) => "make a token with `rollgate token new`, or listen on 127.0.0.1",
            StartError::Tls(_) => "name a certificate and its key, both in PEM",
            StartError::Machine(_) => "see the limits of the process and of the machine",
            StartError::Announce { .. } => "make its folder writable for this process",
        }
    }
}

/// A server that runs. Dropping it stops it.
pub struct Running {
    address: SocketAddr,
    local: Local,
    stop: watch::Sender<bool>,
    runtime: Option<Runtime>,
    accepting: Vec<tokio::task::JoinHandle<()>>,
    grace: Duration,
    announced: Option<Announced>,
}

/// Starts a server over `desk`.
///
/// # Errors
/// See [`StartError`].
pub fn start(options: Options, desk: Arc<dyn Desk>, telemetry: Arc<Telemetry>) -> Result<Running, StartError> {
    let is_named = !options.tokens.is_empty();
    if !is_named && !options.listen.ip().is_loopback() {
        return Err(StartError::Open(options.listen.ip()));
    }
    let tls = options.tls.as_ref().map(Tls::read).transpose().map_err(StartError::Tls)?.map(Arc::new);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(THREADS).max_blocking_threads(WAITING_THREADS).thread_name("api").enable_all();
    let runtime = builder.build().map_err(|error| StartError::Machine(error.to_string()))?;
    let bind = |listen| {
        let listener =
            runtime.block_on(TcpListener::bind(listen)).map_err(|source| StartError::Listen { listen, source })?;
        let address = listener.local_addr().map_err(|source| StartError::Listen { listen, source })?;
        Ok((listener, address))
    };
    let (listener, address) = bind(options.listen)?;
    // With TLS, commands on this machine get a door of their own: a certificate names a host, not this machine.
    let inner = match &tls {
        Some(_) => Some(bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?),
        None => None,
    };
    let key = NewToken::generate("this machine", Role::Admin).map_err(StartError::Machine)?;
    let door = inner.as_ref().map_or(address, |(_, address)| *address);
    let local = Local { url: format!("http://{}", reachable(door)), token: key.text.clone(), pid: std::process::id() };
    let announced = match &options.announce {
        Some(path) => {
            let written = Announced::write(path, &local);
            Some(written.map_err(|source| StartError::Announce { path: path.clone(), source })?)
        }
        None => None,
    };
    let hub = Arc::new(Hub::new(Arc::clone(&telemetry)));
    let told = Arc::downgrade(&hub);
    desk.listen(Box::new(move |notice| {
        told.upgrade().is_some_and(|hub| {
            hub.tell(notice);
            true
        })
    }));
    let (stop, stopping) = watch::channel(false);
    let app = Arc::new(App {
        desk,
        telemetry,
        limits: options.limits.clone(),
        local: key.token.sha256,
        tokens: Tokens::new(options.tokens.into_iter().chain([key.token])),
        trusts_loopback: !is_named,
        hosts: (!is_named).then_some(options.hosts),
        source: options.source,
        sources: options.sources,
        budgets: Budgets::new(),
        hub,
        seen: Seen::default(),
        stopping: stopping.clone(),
    });
    let service = Service { router: routes::router(&app), limits: options.limits.clone(), tls: None, stopping };
    let mut accepting = Vec::new();
    if let Some((listener, _)) = inner {
        accepting.push(runtime.spawn(accept(listener, service.clone())));
    }
    if let Some(tls) = &tls {
        runtime.spawn(renew(Arc::clone(tls)));
    }
    accepting.push(runtime.spawn(accept(listener, Service { tls, ..service })));
    let grace = options.limits.grace;
    Ok(Running { address, local, stop, runtime: Some(runtime), accepting, grace, announced })
}

/// An address that can be called: one that listens everywhere is called on this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            IpAddr::from([127, 0, 0, 1])
        } else {
            IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])
        });
    }
    address
}

async fn accept(listener: TcpListener, service: Service) {
    let room = Arc::new(Semaphore::new(service.limits.connections));
    let mut connections = JoinSet::new();
    loop {
        // Whoever finds no room waits in the system's queue, not in our memory.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(service.stopping.clone()) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let service = service.clone();
                connections.spawn(async move {
                    conn::serve(stream, peer, service).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of files, mostly: trying again at once would only burn the processor.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn renew(tls: Arc<Tls>) {
    loop {
        tokio::time::sleep(CERTIFICATES).await;
        let again = Arc::clone(&tls);
        match tokio::task::spawn_blocking(move || again.refresh()).await {
            Ok(Ok(true)) => tracing::info!("a new certificate is in use"),
            Ok(Ok(false)) => {}
            Ok(Err(why)) => tracing::warn!(why, "the new certificate cannot be used; the old one stays"),
            Err(_) => return,
        }
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How commands on this machine reach it.
    #[must_use]
    pub const fn local(&self) -> &Local {
        &self.local
    }

    /// Takes no more calls, and ends when those under way are answered, or after a while.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Commands must not find a server that is going away.
        drop(self.announced.take());
        self.stop.send_replace(true);
        let Some(runtime) = self.runtime.take() else { return };
        let accepting = std::mem::take(&mut self.accepting);
        let all = async {
            for task in accepting {
                // A task that panicked has no calls under way.
                drop(task.await);
            }
        };
        let grace = self.grace;
        let ended = runtime.block_on(async { tokio::time::timeout(grace, all).await });
        if ended.is_err() {
            tracing::warn!("calls were still under way when the API stopped");
        }
        runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
