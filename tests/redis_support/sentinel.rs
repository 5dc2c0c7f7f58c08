//! A master, a replica, and three sentinels that watch them.

use std::fs;
use std::time::Duration;

use redis::{Client, cmd};
use tempfile::TempDir;

use super::{Process, Server, free_port, until};

/// What the sentinels call the master.
pub const MASTER: &str = "main";

pub struct Watched {
    /// Master first, to begin with.
    pub servers: Vec<Server>,
    pub sentinels: Vec<Sentinel>,
}

pub struct Sentinel {
    process: Process,
    pub port: u16,
    _folder: TempDir,
}

impl Sentinel {
    fn start(master: u16, down_after: Duration) -> Sentinel {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let file = folder.path().join("sentinel.conf");
        let lines = format!(
            "port {port}\nbind 127.0.0.1\ndir {dir}\nsentinel monitor {MASTER} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {MASTER} {down}\nsentinel failover-timeout {MASTER} 4000\n\
             sentinel parallel-syncs {MASTER} 1\n",
            dir = folder.path().display(),
            down = down_after.as_millis(),
        );
        fs::write(&file, lines).unwrap();
        let process = Process::start("redis-sentinel", &[file.to_str().unwrap()]);
        let sentinel = Sentinel { process, port, _folder: folder };
        until("the sentinel answers", || sentinel.field("name"));
        sentinel
    }

    /// A field of what it knows about the master.
    pub fn field(&self, name: &str) -> Option<String> {
        let client = Client::open(format!("redis://127.0.0.1:{}", self.port)).ok()?;
        let mut conn = client.get_connection_with_timeout(Duration::from_secs(1)).ok()?;
        let fields: Vec<String> = cmd("SENTINEL").arg("MASTER").arg(MASTER).query(&mut conn).ok()?;
        fields.chunks(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone())
    }

    pub fn kill(&mut self) {
        self.process.kill();
    }

    pub fn stop(&self) {
        self.process.signal("STOP");
    }
}

impl Watched {
    /// `down_after`: how long a master is silent until it counts as down.
    pub fn start(down_after: Duration) -> Watched {
        let master = Server::durable();
        let replica = master.replica();
        let sentinels: Vec<Sentinel> = (0..3).map(|_| Sentinel::start(master.port, down_after)).collect();
        let watched = Watched { servers: vec![master, replica], sentinels };
        for sentinel in &watched.sentinels {
            let is = |name, value: &str| sentinel.field(name).is_some_and(|found| found == value);
            let all = || (is("num-slaves", "1") && is("num-other-sentinels", "2")).then_some(());
            until("the sentinels know each other and the replica", all);
        }
        watched
    }

    /// For the store.
    pub fn url(&self) -> String {
        let ports: Vec<String> = self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        format!("redis+sentinel://{}/{MASTER}", ports.join(","))
    }

    /// The port of the master, as one sentinel sees it.
    pub fn master(&self) -> Option<u16> {
        self.sentinels.iter().find_map(|sentinel| sentinel.field("port"))?.parse().ok()
    }
}
