//! A real Prometheus for tests, scraping a page of the test's own; and the small HTTP server under that page, which can
//! also play whatever answers by HTTP. Each on a free loopback port, awaited until it answers, and gone with the test.

#![allow(dead_code, reason = "every test binary uses some of it")]
#![allow(unreachable_pub, reason = "shared by the files of a test binary")]
#![allow(clippy::disallowed_methods, reason = "tests start processes, wait for them and read clocks")]

pub mod http;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use http::{Reply, Server};

/// The longest anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A page of series and their values, as a service exposes it.
pub struct Page {
    series: Arc<Mutex<BTreeMap<String, String>>>,
    server: Server,
}

impl Page {
    pub fn start() -> Page {
        let series: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let shown = Arc::clone(&series);
        let server = Server::start(move |_| {
            let series = shown.lock().unwrap();
            let lines: String = series.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
            Reply::Say(200, vec![("content-type", "text/plain; version=0.0.4".to_owned())], lines.into_bytes())
        });
        Page { series, server }
    }

    /// Shows a series, such as `hits_total{code="500"}`, from now on; behind the value there may be a time of its own, in
    /// milliseconds.
    pub fn show(&self, series: &str, value: &str) {
        self.series.lock().unwrap().insert(series.to_owned(), value.to_owned());
    }

    /// Shows nothing any more.
    pub fn clear(&self) {
        self.series.lock().unwrap().clear();
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.server.address.to_string()
    }
}

/// Debian's Prometheus.
pub struct Prometheus {
    child: Child,
    pub port: u16,
    folder: TempDir,
}

impl Prometheus {
    /// One that scrapes `page` five times a second. It begins with that some five seconds after it was started.
    pub fn start(page: &Page) -> Prometheus {
        let folder = TempDir::new().unwrap();
        let config = format!(
            "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms }}\n\
             scrape_configs: [{{ job_name: test, static_configs: [{{ targets: ['{}'] }}] }}]\n",
            page.address()
        );
        fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        // Somebody else may take the port between the look and the start.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut started = Launched { child: launch(&folder, port), port };
            if started.comes_up() {
                return Prometheus { child: started.child, port, folder };
            }
        }
        panic!("no Prometheus comes up");
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it again on the same port, with what it has on disk.
    pub fn restart(&mut self) {
        self.kill();
        let mut started = Launched { child: launch(&self.folder, self.port), port: self.port };
        assert!(started.comes_up(), "Prometheus does not come up again");
        self.child = started.child;
    }

    /// SIGSTOP: it accepts connections, and says nothing.
    pub fn stop(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // SIGKILL, which also ends one that stands still.
        self.kill();
    }
}

fn launch(folder: &TempDir, port: u16) -> Child {
    // It ends with the thread that started it, however that ends.
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "prometheus"])
        .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    child.expect("setpriv (util-linux) and prometheus are installed; scripts/test installs them")
}

/// One that may not have come up yet.
struct Launched {
    child: Child,
    port: u16,
}

impl Launched {
    fn comes_up(&mut self) -> bool {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            if self.is_ready() {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    fn is_ready(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let asked = stream.write_all(b"GET /-/ready HTTP/1.0\r\n\r\n");
        let mut answer = String::new();
        asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
    }
}
