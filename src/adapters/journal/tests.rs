//! The journal under faults: a disk that is full for a while, a flush that fails, a writer that panics, lines that were
//! altered. What was acknowledged is read back; what was not may be.

#![expect(clippy::disallowed_methods, reason = "tests damage files")]

use std::io::{Error, ErrorKind, Result as Io};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};

use super::files::{FileJournal, Options};
use super::medium::{Files, Medium, Sink};
use crate::ledger::hash::Key;
use crate::model::snapshot::Snapshot;
use crate::model::time::{Duration, Time};
use crate::ports::journal::Journal as _;
use crate::ports::store::StoreError;

fn key(name: &str) -> Key {
    Key::new(name.into(), "production".into())
}

fn at(second: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + second * 1000)
}

fn snapshot(second: i64) -> Snapshot {
    let text = format!(r#"{{"time":"{}","groups":{{"treatment":{{"error_rate":0.1}}}}}}"#, at(second));
    serde_json::from_str(&text).unwrap()
}

fn recalled(journal: &FileJournal, name: &str, since: Time) -> (Vec<Time>, u64) {
    let mut times = Vec::new();
    let lost = journal.recall(&key(name), since, &mut |_, snapshot| times.push(snapshot.time)).unwrap();
    (times, lost)
}

fn times(seconds: impl IntoIterator<Item = i64>) -> Vec<Time> {
    seconds.into_iter().map(at).collect()
}

fn open(folder: &Path) -> FileJournal {
    FileJournal::open(folder, Options::default()).unwrap()
}

fn segment(folder: &Path, number: u64) -> PathBuf {
    folder.join(super::segments::name(number))
}

/// A medium whose writes or flushes fail while told so; a failing write leaves half of it behind, as a full disk does.
#[derive(Clone, Default)]
struct Failing {
    full: Arc<AtomicBool>,
    unsynced: Arc<AtomicBool>,
    uncut: Arc<AtomicBool>,
    unfilled: Arc<AtomicBool>,
    syncs: Arc<AtomicUsize>,
}

struct FailingSink(Failing, Box<dyn Sink>);

impl Medium for Failing {
    fn create(&self, path: &Path) -> Io<Box<dyn Sink>> {
        Ok(Box::new(FailingSink(self.clone(), Files.create(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> Io<()> {
        Files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Io<()> {
        Files.remove(path)
    }
}

impl Sink for FailingSink {
    fn append(&mut self, bytes: &[u8]) -> Io<()> {
        if self.0.full.load(Ordering::SeqCst) {
            self.1.append(&bytes[..bytes.len() / 2])?;
            return Err(Error::from(ErrorKind::StorageFull));
        }
        self.1.append(bytes)
    }

    fn sync(&mut self) -> Io<()> {
        self.0.syncs.fetch_add(1, Ordering::SeqCst);
        if self.0.unsynced.load(Ordering::SeqCst) { Err(Error::other("the disk is gone")) } else { self.1.sync() }
    }

    fn cut(&mut self, length: u64) -> Io<()> {
        if self.0.uncut.load(Ordering::SeqCst) { Err(Error::other("the disk is gone")) } else { self.1.cut(length) }
    }

    fn fill(&mut self, bytes: u64, until: &dyn Fn() -> bool) -> Io<()> {
        if self.0.unfilled.load(Ordering::SeqCst) {
            return Err(Error::from(ErrorKind::StorageFull));
        }
        self.1.fill(bytes, until)
    }
}

#[test]
fn what_was_kept_is_recalled_in_order_by_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    journal.keep(&key("a"), at(1), &[snapshot(1), snapshot(2)]).unwrap();
    journal.keep(&key("b"), at(2), &[snapshot(3)]).unwrap();
    journal.keep(&key("a"), at(3), &[snapshot(4)]).unwrap();
    drop(journal);
    let journal = open(folder.path());
    assert_eq!(recalled(&journal, "a", at(0)), (times([1, 2, 4]), 0));
    assert_eq!(recalled(&journal, "b", at(0)), (times([3]), 0));
    assert_eq!(recalled(&journal, "a", at(3)), (times([4]), 0), "what came in before is left out");
    assert_eq!(recalled(&journal, "c", at(0)), (times([]), 0));
}

#[test]
fn names_that_look_like_json_stay_apart() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    for name in ["a", "a\",\"environment\":\"production\"", "a,b", "\u{e9}\n"] {
        journal.keep(&key(name), at(1), &[snapshot(1)]).unwrap();
        assert_eq!(recalled(&journal, name, at(0)), (times([1]), 0), "{name:?}");
    }
    assert_eq!(recalled(&journal, "a", at(0)), (times([1]), 0));
}

#[test]
fn a_folder_has_one_journal_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder.path().join("j"));
    journal.keep(&key("a"), at(1), &[snapshot(1)]).unwrap();
    let second = FileJournal::open(&folder.path().join("j"), Options::default());
    assert!(matches!(second, Err(StoreError::Busy(_))));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("j")), 0o700);
        assert_eq!(mode(&segment(&folder.path().join("j"), 1)), 0o600);
    }
    drop(journal);
    drop(open(&folder.path().join("j")));
}

#[test]
fn a_torn_end_is_passed_over_counted_and_never_written_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    (1..=3).for_each(|second| journal.keep(&key("a"), at(second), &[snapshot(second)]).unwrap());
    drop(journal);
    let path = segment(folder.path(), 1);
    let whole = std::fs::read(&path).unwrap();
    let last = whole.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().len();
    for cut in 1..=last {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let journal = open(folder.path());
        let expected = match cut {
            // Only the line break is gone: all that was said is there.
            1 => (times([1, 2, 3]), 0),
            all if all == last => (times([1, 2]), 0),
            _ => (times([1, 2]), 1),
        };
        assert_eq!(recalled(&journal, "a", at(0)), expected, "{cut} bytes cut off");
        journal.keep(&key("b"), at(4), &[snapshot(4)]).unwrap();
        assert_eq!(recalled(&journal, "b", at(0)).0.last(), Some(&at(4)));
        assert_eq!(std::fs::read(&path).unwrap().len(), whole.len() - cut, "a segment of an earlier process grew");
    }
}

#[test]
fn every_altered_byte_costs_its_line_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    (1..=3).for_each(|second| journal.keep(&key("a"), at(second), &[snapshot(second)]).unwrap());
    drop(journal);
    let path = segment(folder.path(), 1);
    let whole = std::fs::read(&path).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let second = first + whole[first..].iter().position(|byte| *byte == b'\n').unwrap();
    let journal = open(folder.path());
    for place in first..second {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        std::fs::write(&path, &altered).unwrap();
        let (seen, lost) = recalled(&journal, "a", at(0));
        assert_eq!(seen, times([1, 3]), "byte {place}");
        assert!(lost >= 1, "byte {place}");
    }
    // A line taken away, and a line of another segment, are known too.
    let without: Vec<u8> = [&whole[..first], &whole[second + 1..]].concat();
    std::fs::write(&path, without).unwrap();
    assert_eq!(recalled(&journal, "a", at(0)), (times([1, 3]), 1));
    std::fs::rename(&path, segment(folder.path(), 9)).unwrap();
    assert_eq!(recalled(&journal, "a", at(0)), (times([]), 2));
}

#[test]
fn calls_that_come_together_share_a_flush() {
    let folder = tempfile::tempdir().unwrap();
    let medium = Failing::default();
    let options = Options { gather: Duration::from_secs(5), ..Options::default() };
    let journal = FileJournal::on(Arc::new(medium.clone()), folder.path(), options).unwrap();
    // While the first batch is told, the writer is busy; what comes meanwhile is one batch.
    let (told, go) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (told_too, go_too) = (Arc::clone(&told), Arc::clone(&go));
    let stand = Box::new(move |kept: Result<(), StoreError>| {
        kept.unwrap();
        told_too.wait();
        go_too.wait();
    });
    journal.keep_then(&key("a"), at(0), &[snapshot(0)], stand);
    told.wait();
    let (sender, answers) = channel();
    for second in 1..=100 {
        let sender = sender.clone();
        let done = Box::new(move |kept| sender.send((second, kept)).unwrap());
        journal.keep_then(&key("a"), at(second), &[snapshot(second)], done);
    }
    go.wait();
    let order: Vec<i64> = (1..=100).map(|_| answers.recv().unwrap()).map(|(second, kept)| (kept, second).1).collect();
    assert_eq!(order, (1..=100).collect::<Vec<_>>(), "told in another order than asked");
    assert_eq!(medium.syncs.load(Ordering::SeqCst), 2);
    assert_eq!(journal.tally().snapshots, 101);
}

#[test]
fn a_full_disk_refuses_and_once_there_is_room_it_goes_on_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let medium = Failing::default();
    let journal = FileJournal::on(Arc::new(medium.clone()), folder.path(), Options::default()).unwrap();
    journal.keep(&key("a"), at(1), &[snapshot(1)]).unwrap();
    medium.full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let refused = journal.keep(&key("a"), at(2), &[snapshot(2)]).unwrap_err();
        assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    }
    medium.full.store(false, Ordering::SeqCst);
    journal.keep(&key("a"), at(3), &[snapshot(3)]).unwrap();
    assert_eq!(recalled(&journal, "a", at(0)), (times([1, 3]), 0));
    assert_eq!(journal.tally().failures, 3);
    assert!(!segment(folder.path(), 2).exists(), "a new segment for every refusal would fill the folder");
}

#[test]
fn after_a_failed_flush_nothing_acknowledged_is_lost_and_a_new_segment_begins() {
    let folder = tempfile::tempdir().unwrap();
    let medium = Failing::default();
    let journal = FileJournal::on(Arc::new(medium.clone()), folder.path(), Options::default()).unwrap();
    journal.keep(&key("a"), at(1), &[snapshot(1)]).unwrap();
    medium.unsynced.store(true, Ordering::SeqCst);
    medium.uncut.store(true, Ordering::SeqCst);
    let refused = journal.keep(&key("a"), at(2), &[snapshot(2)]).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    medium.unsynced.store(false, Ordering::SeqCst);
    journal.keep(&key("a"), at(3), &[snapshot(3)]).unwrap();
    drop(journal);
    let (seen, lost) = recalled(&open(folder.path()), "a", at(0));
    assert!(seen == times([1, 3]) || seen == times([1, 2, 3]), "{seen:?}");
    assert_eq!(lost, 0);
    assert!(segment(folder.path(), 2).exists());
}

#[test]
fn the_journals_own_limit_refuses_and_forgetting_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 1, max_bytes: Some(1000), ..Options::default() };
    let journal = FileJournal::open(folder.path(), options).unwrap();
    let kept =
        (1..=100).take_while(|second| journal.keep(&key("a"), at(*second), &[snapshot(*second)]).is_ok()).count();
    assert!((2..10).contains(&kept), "{kept}");
    let last = i64::try_from(kept).unwrap();
    assert!(matches!(journal.keep(&key("a"), at(200), &[snapshot(200)]), Err(StoreError::Full(_))));
    journal.forget(at(last)).unwrap();
    assert_eq!(recalled(&journal, "a", at(0)).0, times([last]));
    journal.keep(&key("a"), at(201), &[snapshot(201)]).unwrap();
    assert_eq!(recalled(&journal, "a", at(0)).0, times([last, 201]));
}

#[test]
fn old_segments_are_dropped_whole_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_age: Duration::from_secs(10), ..Options::default() };
    let journal = FileJournal::open(folder.path(), options.clone()).unwrap();
    (0..30).for_each(|second| journal.keep(&key("a"), at(second), &[snapshot(second)]).unwrap());
    drop(journal);
    // Another process knows nothing of them but their names.
    let journal = FileJournal::open(folder.path(), options).unwrap();
    journal.forget(at(9)).unwrap();
    assert_eq!(recalled(&journal, "a", at(0)).0, times(0..30), "a segment with something newer stays whole");
    journal.forget(at(10)).unwrap();
    assert_eq!(recalled(&journal, "a", at(0)).0, times(10..30));
    journal.forget(at(1000)).unwrap();
    assert_eq!(recalled(&journal, "a", at(0)).0, times([]));
    // A name is not used again: a line of the old segment would not be of the new one.
    journal.keep(&key("a"), at(2000), &[snapshot(2000)]).unwrap();
    assert!(segment(folder.path(), 4).exists());
}

#[test]
fn a_caller_that_panics_silences_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    journal.keep_then(&key("a"), at(1), &[snapshot(1)], Box::new(|_| panic!("of the caller's making")));
    journal.keep(&key("a"), at(2), &[snapshot(2)]).unwrap();
    assert_eq!(recalled(&journal, "a", at(0)), (times([1, 2]), 0));
}

#[test]
fn closing_writes_what_waits_and_tells_everybody() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    let (sender, answers) = channel();
    for second in 0..500 {
        let sender = sender.clone();
        journal.keep_then(&key("a"), at(second), &[snapshot(second)], Box::new(move |kept| drop(sender.send(kept))));
    }
    drop((journal, sender));
    let answers: Vec<_> = answers.into_iter().collect();
    assert_eq!(answers.len(), 500);
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(recalled(&open(folder.path()), "a", at(0)), (times(0..500), 0));
}

/// Keeps snapshots until `enough`; how many there are.
fn keep_until(journal: &FileJournal, enough: impl Fn() -> bool) -> i64 {
    let many = (1..100_000).find(|second| {
        journal.keep(&key("a"), at(*second), &[snapshot(*second)]).unwrap();
        enough()
    });
    many.expect("it came to that")
}

#[test]
fn what_comes_in_fast_is_written_where_zeros_were_made_ahead_and_they_are_gone_when_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { ahead_after: 2000, segment_bytes: 1 << 20, ..Options::default() };
    let journal = FileJournal::open(folder.path(), options).unwrap();
    let length = |number| std::fs::metadata(segment(folder.path(), number)).map_or(0, |file| file.len());
    let kept = keep_until(&journal, || length(2) > 0);
    assert!(length(1) < 1 << 20, "the first is left as soon as the second is made");
    assert_eq!(length(2), 1 << 20, "made ahead of time");
    assert_eq!(recalled(&journal, "a", at(0)), (times(1..=kept), 0));
    drop(journal);
    let text = std::fs::read(segment(folder.path(), 2)).unwrap();
    assert!(text.ends_with(b"\n") && !text.contains(&0), "zeros stay behind");
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 3, "something other than two segments and the lock stays behind");
    assert_eq!(recalled(&open(folder.path()), "a", at(0)), (times(1..=kept), 0));
}

#[test]
fn a_disk_without_room_for_zeros_has_room_for_lines() {
    let folder = tempfile::tempdir().unwrap();
    let medium = Failing::default();
    medium.unfilled.store(true, Ordering::SeqCst);
    let options = Options { ahead_after: 500, segment_bytes: 5000, ..Options::default() };
    let journal = FileJournal::on(Arc::new(medium), folder.path(), options).unwrap();
    let kept = keep_until(&journal, || segment(folder.path(), 4).exists());
    assert_eq!(recalled(&journal, "a", at(0)), (times(1..=kept), 0));
    drop(journal);
    assert!(!folder.path().join("ahead").exists());
}

#[test]
fn what_a_crash_left_of_a_segment_with_zeros_is_read_as_far_as_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    (1..=4).for_each(|second| journal.keep(&key("a"), at(second), &[snapshot(second)]).unwrap());
    drop(journal);
    let path = segment(folder.path(), 1);
    let whole = std::fs::read(&path).unwrap();
    let line = whole.len() / 4;
    // Of a batch that was being written, any page may be on disk and any may not.
    let zeroed = |from: usize, to: usize| {
        let mut left = [whole.as_slice(), &[0; 100_000]].concat();
        left[from..to].fill(0);
        std::fs::write(&path, left).unwrap();
        std::fs::write(folder.path().join("ahead"), [0; 10]).unwrap();
        let journal = open(folder.path());
        assert!(!folder.path().join("ahead").exists(), "what was made ahead stays behind");
        recalled(&journal, "a", at(0))
    };
    assert_eq!(zeroed(0, 0), (times([1, 2, 3, 4]), 0));
    assert_eq!(zeroed(3 * line, 4 * line), (times([1, 2, 3]), 0));
    assert_eq!(zeroed(3 * line + 7, 4 * line), (times([1, 2, 3]), 1));
    assert_eq!(zeroed(line, 2 * line), (times([1, 3, 4]), 1));
    // Both ends of a line are there, and count as what they are.
    assert_eq!(zeroed(line + 10, line + 20).0, times([1, 3, 4]));
    assert!(zeroed(line + 10, line + 20).1 >= 1);
    assert_eq!(zeroed(line - 1, 2 * line + 1).0, times([1, 4]), "a line whose break alone is gone is whole");
}
