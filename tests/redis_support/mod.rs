//! Real Redis servers for tests: alone, with replicas and sentinels, as a cluster. Each on a free loopback port, in a
//! folder of its own, awaited until it answers, and killed when it is dropped or the test process dies.

#![allow(dead_code, reason = "every test binary uses some of it")]
#![allow(unreachable_pub, reason = "shared by the files of a test binary")]
#![allow(clippy::disallowed_methods, reason = "tests start processes, wait for them and read clocks")]

pub mod cluster;
pub mod proxy;
pub mod sentinel;
pub mod tls;

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use redis::{Client, Connection, FromRedisValue, cmd};
use tempfile::TempDir;

/// The longest anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is so, looking often; fails when it takes too long.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// When a test began to wait.
pub fn now() -> Instant {
    Instant::now()
}

/// A port nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// A redis-server.
pub struct Server {
    process: Process,
    pub port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl Server {
    /// One that keeps nothing on disk.
    pub fn start() -> Server {
        Server::with(&[])
    }

    /// One whose every acknowledged write is on disk.
    pub fn durable() -> Server {
        Server::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// One that follows this one.
    pub fn replica(&self) -> Server {
        let port = self.port.to_string();
        let replica = Server::with(&["--replicaof", "127.0.0.1", &port]);
        until("the replica follows", || replica.info("master_link_status").filter(|status| status == "up"));
        // A master counts it from the first hello, and counts its acknowledgements only from when it calls it online.
        let address = format!("port={port},state=online", port = replica.port);
        until("the master knows it", || {
            self.try_ask::<String>("INFO replication").ok().filter(|all| all.contains(&address))
        });
        replica
    }

    pub fn with(arguments: &[&str]) -> Server {
        Server::with_each(|| arguments.iter().map(|argument| (*argument).to_owned()).collect())
    }

    /// With arguments that are made anew for every try: somebody else may take a port between the look and the start.
    fn with_each(arguments: impl Fn() -> Vec<String>) -> Server {
        for _ in 0..5 {
            let (folder, port, arguments) = (TempDir::new().unwrap(), free_port(), arguments());
            let process = launch(port, &folder, &arguments);
            let mut server = Server { process, port, folder, arguments };
            if server.comes_up() {
                return server;
            }
        }
        panic!("no redis-server comes up; is it installed?");
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// For the store.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    fn comes_up(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.answers() {
                return true;
            }
            if self.process.has_ended() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// Whether this very process answers, and not another one on the same port, and has read its data.
    fn answers(&self) -> bool {
        let Ok(mut conn) = connect(self.port) else { return false };
        match cmd("INFO").query::<String>(&mut conn) {
            Ok(info) => info.contains(&format!("process_id:{}\r", self.process.id())) && info.contains("\nloading:0"),
            // It wants a password: its own arguments say so.
            Err(error) => error.code() == Some("NOAUTH"),
        }
    }

    /// A connection of its own.
    pub fn conn(&self) -> Connection {
        connect(self.port).unwrap()
    }

    /// One command: `server.ask("SET a b")`; `''` is an empty word.
    pub fn ask<T: FromRedisValue>(&self, words: &str) -> T {
        self.try_ask(words).unwrap()
    }

    pub fn try_ask<T: FromRedisValue>(&self, words: &str) -> redis::RedisResult<T> {
        let mut words = words.split_whitespace();
        let mut command = cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(if word == "''" { "" } else { word });
        });
        command.query(&mut connect(self.port)?)
    }

    /// A field of `INFO`.
    pub fn info(&self, field: &str) -> Option<String> {
        let all: String = self.try_ask("INFO").ok()?;
        let found = all.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(str::to_owned));
        found.map(|value| value.trim().to_owned())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGSTOP: it accepts connections, and says nothing.
    pub fn stop(&self) {
        self.process.signal("STOP");
        let stat = format!("/proc/{}/stat", self.process.id());
        until("it stands still", || std::fs::read_to_string(&stat).ok().filter(|stat| stat.contains(") T ")));
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.process.signal("CONT");
    }

    /// Starts it again on the same port, with what it has on disk.
    pub fn restart(&mut self) {
        self.process.kill();
        until("it comes up again", || {
            self.process = launch(self.port, &self.folder, &self.arguments);
            self.comes_up().then_some(())
        });
    }

    /// Starts it again on the same port, without its data.
    pub fn restart_empty(&mut self) {
        self.process.kill();
        self.folder = TempDir::new().unwrap();
        self.restart();
    }

    /// Leaves this much room beyond what it uses now.
    pub fn leave_room(&self, bytes: u64) {
        let used: u64 = self.info("used_memory").unwrap().parse().unwrap();
        self.ask::<()>(&format!("CONFIG SET maxmemory {}", used + bytes));
    }
}

fn connect(port: u16) -> redis::RedisResult<Connection> {
    let client = Client::open(format!("redis://127.0.0.1:{port}"))?;
    let conn = client.get_connection_with_timeout(Duration::from_secs(2))?;
    conn.set_read_timeout(Some(Duration::from_secs(5)))?;
    Ok(conn)
}

fn launch(port: u16, folder: &TempDir, arguments: &[String]) -> Process {
    let port = port.to_string();
    let folder = folder.path().to_str().unwrap();
    let mut all = vec!["--port", &port, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    // Otherwise a master waits five seconds for more replicas to come.
    all.extend(["--repl-diskless-sync-delay", "0"]);
    all.extend(arguments.iter().map(String::as_str));
    Process::start("redis-server", &all)
}

/// A process that ends with the test, however that ends.
pub struct Process {
    child: Child,
    /// The thread that started it ends when this is dropped; the kernel ends the process with its thread.
    _keeper: Sender<()>,
}

impl Process {
    pub fn start(program: &str, arguments: &[&str]) -> Process {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", program]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (started, child) = channel();
        let (keeper, kept): (Sender<()>, Receiver<()>) = channel();
        std::thread::spawn(move || {
            let child = command.spawn().expect("setpriv (util-linux) and redis are installed; see scripts/test");
            started.send(child).unwrap();
            // Ends when the keeper is dropped.
            let _ = kept.recv();
        });
        Process { child: child.recv().expect("the process was started"), _keeper: keeper }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
