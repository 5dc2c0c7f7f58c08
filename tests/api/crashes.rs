//! `kill -9` while snapshots are journalled, at every named point and at any moment: whatever was acknowledged is read
//! back by the next process.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rollgate::adapters::journal::{FileJournal, Options};
use rollgate::ledger::hash::Key;
use rollgate::model::snapshot::Snapshot;
use rollgate::model::time::Time;
use rollgate::ports::crash::{POINTS, STANDS_AT};
use rollgate::ports::journal::Journal as _;

const FOLDER: &str = "ROLLGATE_TEST_JOURNAL";
const KEPT: &str = "kept ";
const START: i64 = 1_800_000_000_000;

fn key() -> Key {
    Key::new("checkout".into(), "production".into())
}

fn snapshot(number: i64) -> Snapshot {
    let time = Time::from_millis(START + number);
    serde_json::from_str(&format!(r#"{{"time":"{time}","groups":{{"treatment":{{"error_rate":0.1}}}}}}"#)).unwrap()
}

fn open(folder: &Path) -> FileJournal {
    // Small segments, so that a few snapshots pass every point.
    FileJournal::open(folder, Options { segment_bytes: 2000, ahead_after: 500, ..Options::default() }).unwrap()
}

/// What a child process does: keeps numbered snapshots from several threads, and says which ones are kept.
fn keep_for_ever(folder: &str) {
    rollgate::shell::operator::arm_crash_point();
    let journal = open(Path::new(folder));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0.. {
                    let number = number * 4 + thread;
                    journal.keep(&key(), Time::from_millis(START + number), &[snapshot(number)]).unwrap();
                    // One call, so that lines of several threads stay whole.
                    std::io::stderr().write_all(format!("{KEPT}{number}\n").as_bytes()).unwrap();
                }
            });
        }
    });
}

fn child(test: &str, folder: &Path, point: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(FOLDER, folder);
    if let Some(point) = point {
        command.env("ROLLGATE_CRASH_AT", point);
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a child of this test is told by it")]
fn is_child() -> Option<String> {
    std::env::var(FOLDER).ok()
}

/// Kills the child when `enough` says so; the numbers that it said were kept.
fn kill_when(mut child: Child, mut enough: impl FnMut(&str) -> bool) -> BTreeSet<i64> {
    let mut acknowledged = BTreeSet::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut killed = false;
    for line in lines.by_ref() {
        acknowledged.extend(line.strip_prefix(KEPT).map(|number| number.parse::<i64>().unwrap()));
        if enough(&line) {
            child.kill().unwrap();
            killed = true;
            break;
        }
    }
    // What it had said before it died counts as well.
    acknowledged.extend(lines.filter_map(|line| line.strip_prefix(KEPT)?.parse::<i64>().ok()));
    let status = child.wait().unwrap();
    assert!(killed && status.code().is_none(), "it ended by itself: {status}");
    acknowledged
}

fn recalled(folder: &Path) -> Vec<i64> {
    let mut numbers = Vec::new();
    let lost = open(folder).recall(&key(), Time::from_millis(START), &mut |_, snapshot| {
        numbers.push(snapshot.time.as_millis() - START);
    });
    // At most the one line that was being written.
    assert!(lost.unwrap() <= 1);
    numbers
}

fn assert_all_there(acknowledged: &BTreeSet<i64>, folder: &Path, what: &str) {
    let found = recalled(folder);
    let distinct: BTreeSet<i64> = found.iter().copied().collect();
    assert_eq!(distinct.len(), found.len(), "{what}: something is there twice");
    let missing: Vec<_> = acknowledged.difference(&distinct).collect();
    assert!(missing.is_empty(), "{what}: acknowledged and gone: {missing:?}");
}

#[test]
fn a_journal_killed_at_any_point_has_what_it_acknowledged() {
    if let Some(folder) = is_child() {
        return keep_for_ever(&folder);
    }
    for point in POINTS.iter().filter(|point| point.starts_with("journal.")) {
        for time in [1, 2, 5] {
            let folder = tempfile::tempdir().unwrap();
            let what = format!("{point}:{time}");
            let child =
                child("crashes::a_journal_killed_at_any_point_has_what_it_acknowledged", folder.path(), Some(&what));
            let acknowledged = kill_when(child, |line| line.starts_with(STANDS_AT));
            assert_all_there(&acknowledged, folder.path(), &what);
        }
    }
}

#[test]
fn a_journal_killed_at_any_moment_has_what_it_acknowledged() {
    if let Some(folder) = is_child() {
        return keep_for_ever(&folder);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut all = BTreeSet::new();
    for round in 1..=5 {
        // Each child counts anew; a folder of its own keeps numbers apart, and one journal is opened again and again.
        let mut seen = 0;
        let enough = round * 37;
        let own = folder.path().join(round.to_string());
        let child = child("crashes::a_journal_killed_at_any_moment_has_what_it_acknowledged", &own, None);
        let acknowledged = kill_when(child, |line| {
            seen += usize::from(line.starts_with(KEPT));
            seen >= enough
        });
        assert!(acknowledged.len() >= enough);
        assert_all_there(&acknowledged, &own, &format!("after {enough}"));
        all.extend(acknowledged);
    }
    assert!(!all.is_empty());
}
