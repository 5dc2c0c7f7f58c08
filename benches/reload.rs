//! From a saved edit to the policy handed over: debounce, reading, compiling, linting and the policy's own tests
//! included. What is left until it is in force is one message to the rollout's thread.
//!
//! `cargo bench --bench reload`; `-- --edits 20` for a quick look.

#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a bench reads clocks and prints figures")]

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use rollgate::daemon::reload::{News, PolicyWatcher, Watched};
use rollgate::settings::values::ReloadSettings;

/// The bound of the design, for the slowest edit in a hundred.
const BOUND: Duration = Duration::from_millis(300);
/// Longer than any edit may take.
const PATIENCE: Duration = Duration::from_secs(30);

const POLICY: &str = include_str!("../src/cli/init/canary/policy.toml");
const TESTS: [(&str, &str); 2] = [
    ("errors.toml", include_str!("../src/cli/init/canary/tests/errors.toml")),
    ("bounds.toml", include_str!("../src/cli/init/canary/tests/bounds.toml")),
];

fn main() {
    let edits = edits();
    let folder = tempfile::tempdir().expect("a folder");
    let policy = folder.path().join("policies/my-rollout/policy.toml");
    fs::create_dir_all(policy.with_file_name("tests")).expect("a folder");
    for (name, text) in TESTS {
        fs::write(policy.with_file_name("tests").join(name), text).expect("a file");
    }
    save(&policy, 0);
    let watched = Watched {
        paths: vec![folder.path().join("policies")],
        environment: "production".into(),
        reload: ReloadSettings::default(),
        only_poll: false,
    };
    let (sender, news) = channel();
    let started = PolicyWatcher::start(watched, move |news| drop(sender.send((Instant::now(), news))));
    let (_watcher, first) = started.expect("a thread");
    assert!(matches!(first.as_slice(), [News::Candidate(_)]), "the policy is good to begin with");

    let mut took = Vec::with_capacity(edits);
    for edit in 1..=edits {
        let saved = Instant::now();
        save(&policy, edit);
        let (told, news) = news.recv_timeout(PATIENCE).expect("news");
        let News::Candidate(candidate) = news else { panic!("the edit was turned away") };
        assert!(candidate.record.files["policy.toml"].contains(&marker(edit)), "another edit's news");
        took.push(told - saved);
    }
    tell(&mut took);
}

fn edits() -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--edits").skip(1);
    arguments.next().and_then(|count| count.parse().ok()).unwrap_or(300)
}

/// An edit of a number that the tests do not pin, saved as editors do.
fn save(path: &Path, edit: usize) {
    let text = POLICY.replace("bake    = \"2h\"", &format!("bake    = \"2h\" {}", marker(edit)));
    let beside = path.with_extension("toml~");
    fs::write(&beside, text).expect("a file");
    fs::rename(beside, path).expect("a file");
}

fn marker(edit: usize) -> String {
    format!("# edit {edit}")
}

fn tell(took: &mut [Duration]) {
    took.sort();
    let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)];
    println!(
        "saved edit to candidate, {} edits   p50 {:.1?}   p99 {:.1?}   worst {:.1?}   debounce 50 ms",
        took.len(),
        at(50),
        at(99),
        at(100)
    );
    println!("bound {BOUND:?} at p99: {}", if at(99) <= BOUND { "held" } else { "MISSED" });
}
