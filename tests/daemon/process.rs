//! A controller as a process: it is gone when the test is, and what it says is kept.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::place::PATIENCE;

/// What a process said on stderr, line by line.
#[derive(Default)]
struct Said {
    lines: Mutex<(Vec<String>, bool)>,
    more: Condvar,
}

/// A process that ends with the test, however that ends.
pub struct Process {
    child: Child,
    said: Arc<Said>,
}

impl Process {
    /// Starts it; `command` says what, where, and with which surroundings.
    pub fn start(command: &Command) -> Process {
        // The kernel ends it together with the thread of the test.
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", "KILL"]).arg(command.get_program()).args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            guarded.current_dir(folder);
        }
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        guarded.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = guarded.spawn().expect("setpriv (util-linux) is installed; see scripts/test");
        let (stderr, said) = (child.stderr.take().unwrap(), Arc::new(Said::default()));
        let hears = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                hears.lines.lock().unwrap().0.push(line);
                hears.more.notify_all();
            }
            hears.lines.lock().unwrap().1 = true;
            hears.more.notify_all();
        });
        Process { child, said }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it said so far.
    pub fn said(&self) -> String {
        self.said.lines.lock().unwrap().0.join("\n")
    }

    /// Waits for a line in which `found` finds something; none when the process ends, or the time is over, without it.
    pub fn hears<T>(&self, patience: Duration, mut found: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let until = Instant::now() + patience;
        let (mut seen, mut lines) = (0, self.said.lines.lock().unwrap());
        loop {
            for line in &lines.0[seen..] {
                if let Some(found) = found(line) {
                    return Some(found);
                }
            }
            seen = lines.0.len();
            let left = until.saturating_duration_since(Instant::now());
            if lines.1 || left.is_zero() {
                return None;
            }
            lines = self.said.more.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Waits for a line with these words in it.
    pub fn says(&self, words: &str) -> String {
        let found = self.hears(PATIENCE, |line| line.contains(words).then(|| line.to_owned()));
        found.unwrap_or_else(|| panic!("it never said `{words}`; it said:\n{}", self.said()))
    }

    /// Everything it said, once it has ended.
    pub fn last_words(&self) -> String {
        let _: Option<()> = self.hears(PATIENCE, |_| None);
        self.said()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// SIGSTOP, and it stands still when this returns.
    pub fn pause(&self) {
        self.signal("STOP");
        let stat = format!("/proc/{}/stat", self.id());
        crate::place::until("it stands still", || {
            std::fs::read_to_string(&stat).ok().filter(|stat| stat.contains(") T "))
        });
    }

    /// SIGCONT.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits until it ends by itself.
    pub fn ends(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end; it said:\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = self.said();
            let from = said.len().saturating_sub(6000);
            let from = (from..said.len()).find(|at| said.is_char_boundary(*at)).unwrap_or(from);
            #[expect(clippy::disallowed_macros, reason = "a test that fails says what the process said")]
            {
                eprintln!("--- process {} said:\n{}\n---", self.child.id(), &said[from..]);
            }
        }
    }
}
