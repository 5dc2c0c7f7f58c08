//! A file that somebody else writes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rollgate::adapters::source::About;
use rollgate::adapters::source::file::{Config, GrowingFile, Start};
use rollgate::model::snapshot::Snapshot;
use rollgate::model::time::{Duration as Length, Time};
use rollgate::ports::source::{Source, SourceError};

use super::world::{METRIC, Say, World, now};

pub struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
    source: GrowingFile,
    last: Time,
}

pub fn world() -> File {
    file(Start::Beginning)
}

fn file(start: Start) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.ndjson");
    let source = open(&path, start);
    File { _folder: folder, path, source, last: now() }
}

fn open(path: &std::path::Path, start: Start) -> GrowingFile {
    let about = About { rollout: Some("checkout".to_owned()), environment: None };
    GrowingFile::new(Config { name: "file".to_owned(), about, path: path.to_path_buf(), start })
}

/// A line without its end.
fn line(at: Time, reading: &str) -> String {
    format!(r#"{{"time":"{at}","groups":{{"treatment":{{"{METRIC}":{reading}}}}}}}"#)
}

impl File {
    fn append(&self, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(&self.path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn number(&self, value: i32) -> String {
        format!("{}\n", line(self.last, &value.to_string()))
    }

    fn numbers(&self, values: &[i32]) -> String {
        values.iter().map(|value| self.number(*value)).collect()
    }

    /// What comes, as it is handed out.
    fn look(&mut self) -> Result<Vec<i64>, SourceError> {
        let value = |snapshot: &Snapshot| snapshot.groups["treatment"][METRIC].value as i64;
        self.source.poll(now()).map(|snapshots| snapshots.iter().map(value).collect())
    }

    /// What comes, and is kept.
    fn poll(&mut self) -> Result<Vec<i64>, SourceError> {
        let came = self.look()?;
        self.source.acknowledge().unwrap();
        Ok(came)
    }

    fn reopen(&mut self) {
        self.source = open(&self.path, Start::End);
    }

    fn moved_to(&self) -> PathBuf {
        self.path.with_extension("1")
    }
}

impl World for File {
    fn source(&mut self) -> &mut dyn Source {
        &mut self.source
    }

    fn deadline(&self) -> Duration {
        Duration::ZERO
    }

    fn say(&mut self, what: Say) -> Time {
        let hour = Length::from_hours(1);
        let (at, reading) = match what {
            Say::Number(value) => (now(), value.to_string()),
            Say::NotANumber => (now(), "\"NaN\"".to_owned()),
            Say::Nothing => (now(), "null".to_owned()),
            Say::Partial => (now(), r#"{"unknown":"source-error"}"#.to_owned()),
            Say::Behind(value) => (self.last - hour, value.to_string()),
            Say::Ahead(value) => (now() + hour, value.to_string()),
        };
        self.last = at;
        self.append(&format!("{}\n", line(at, &reading)));
        at
    }

    /// A pipe in its place: whoever opens it waits for a writer that never comes.
    fn hang(&mut self) {
        self.die();
        assert!(Command::new("mkfifo").arg(&self.path).status().unwrap().success());
        // What it has open it still reads to its end; a fault is seen once it lets go.
        while self.poll().is_ok() {}
    }

    fn die(&mut self) {
        fs::remove_file(&self.path).unwrap();
    }

    fn recover(&mut self) {
        let _ = fs::remove_file(&self.path);
    }

    fn restart(&mut self) {
        self.source = open(&self.path, Start::Beginning);
    }
}

#[test]
fn what_is_there_already_is_no_news_unless_asked_for() {
    for (start, first) in [(Start::End, vec![]), (Start::Beginning, vec![1, 2])] {
        let mut file = file(start);
        file.append(&file.numbers(&[1, 2]));
        assert_eq!(file.poll().unwrap(), first);
        file.append(&file.number(3));
        assert_eq!(file.poll().unwrap(), [3]);
        assert_eq!(file.poll().unwrap(), [0; 0]);
    }
}

#[test]
fn a_file_that_was_awaited_is_news_from_its_beginning() {
    let mut file = file(Start::End);
    assert_eq!(file.poll().unwrap_err().kind(), "unreachable");
    file.append(&file.number(1));
    assert_eq!(file.poll().unwrap(), [1]);
}

#[test]
fn a_line_without_its_end_waits_for_it() {
    let mut file = file(Start::Beginning);
    let text = file.numbers(&[1, 2]);
    let (whole, half) = text.split_at(text.len() - 20);
    file.append(whole);
    assert_eq!(file.poll().unwrap(), [1]);
    assert_eq!(file.poll().unwrap(), [0; 0]);
    file.append(half);
    assert_eq!(file.poll().unwrap(), [2]);
    assert!(file.source.problems().is_empty());
}

#[test]
fn beginning_at_the_end_a_half_written_line_is_read_whole() {
    let mut file = file(Start::End);
    let text = file.numbers(&[1, 2]);
    let (whole, half) = text.split_at(text.len() - 20);
    file.append(whole);
    assert_eq!(file.poll().unwrap(), [0; 0]);
    file.append(half);
    assert_eq!(file.poll().unwrap(), [2]);
}

#[test]
fn a_file_that_was_moved_aside_is_read_to_its_end_before_the_next() {
    let mut file = file(Start::Beginning);
    file.append(&file.number(1));
    assert_eq!(file.poll().unwrap(), [1]);
    fs::rename(&file.path, file.moved_to()).unwrap();
    // Who writes it has not heard of it yet.
    let mut old = OpenOptions::new().append(true).open(file.moved_to()).unwrap();
    old.write_all(file.number(2).as_bytes()).unwrap();
    file.append(&file.number(4));
    assert_eq!(file.poll().unwrap(), [2]);
    assert_eq!(file.poll().unwrap(), [0; 0]);
    old.write_all(file.number(3).as_bytes()).unwrap();
    assert_eq!(file.poll().unwrap(), [3]);
    let came: Vec<i64> = (0..3).flat_map(|_| file.poll().unwrap()).collect();
    assert_eq!(came, [4]);
}

#[test]
fn a_file_that_was_moved_aside_while_nobody_looked_is_found() {
    let mut file = file(Start::Beginning);
    file.append(&file.number(1));
    assert_eq!(file.poll().unwrap(), [1]);
    file.append(&file.number(2));
    fs::rename(&file.path, file.moved_to()).unwrap();
    file.append(&file.number(3));
    file.reopen();
    let came: Vec<i64> = (0..4).flat_map(|_| file.poll().unwrap()).collect();
    assert_eq!(came, [2, 3]);
}

#[test]
fn a_file_that_was_cut_short_is_read_from_its_beginning() {
    let mut file = file(Start::Beginning);
    file.append(&file.numbers(&[1, 2]));
    assert_eq!(file.poll().unwrap(), [1, 2]);
    fs::write(&file.path, file.number(3)).unwrap();
    assert_eq!(file.poll().unwrap(), [3]);
    assert!(file.source.problems()[0].contains("cut short"), "{:?}", file.source.problems());
}

#[test]
fn a_file_written_anew_and_longer_is_read_from_its_beginning() {
    let mut file = file(Start::Beginning);
    file.append(&file.number(1));
    assert_eq!(file.poll().unwrap(), [1]);
    fs::write(&file.path, file.numbers(&[7, 8])).unwrap();
    assert_eq!(file.poll().unwrap(), [7, 8]);
    // And so it is by one that starts again.
    fs::write(&file.path, file.numbers(&[5, 6])).unwrap();
    file.reopen();
    assert_eq!(file.poll().unwrap(), [5, 6]);
}

#[test]
fn a_line_that_is_no_snapshot_costs_itself_and_is_told() {
    let mut file = file(Start::Beginning);
    let good = file.number(1);
    file.append(&format!(
        "rubbish\n\n{{\"time\":\"today\",\"groups\":{{}}}}\n{good}{{\"v\":2,\"time\":\"{}\",\"groups\":{{}}}}\n",
        now()
    ));
    assert_eq!(file.poll().unwrap(), [1]);
    let problems = file.source.problems();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[0].starts_with("the line at byte 0 is no snapshot"), "{problems:?}");
    assert!(problems[2].contains("it has shape 2, and this rollgate reads 1"), "{problems:?}");
    assert_eq!(file.poll().unwrap(), [0; 0]);
    assert!(file.source.problems().is_empty());
}

#[test]
fn a_file_full_of_rubbish_is_told_in_a_few_words() {
    let mut file = file(Start::Beginning);
    file.append(&"x\n".repeat(1000));
    assert_eq!(file.poll().unwrap(), [0; 0]);
    assert_eq!(file.source.problems().len(), 11);
    assert_eq!(file.source.problems()[10], "and 990 more");
}

#[test]
fn a_line_without_end_is_passed_over_and_the_next_is_read() {
    let mut file = file(Start::Beginning);
    file.append(&"x".repeat(6 * 1024 * 1024));
    assert_eq!(file.poll().unwrap(), [0; 0]);
    assert!(file.source.problems()[0].contains("too long"), "{:?}", file.source.problems());
    file.append(&format!("{}\n{}", "x".repeat(100), file.number(1)));
    let came: Vec<i64> = (0..4).flat_map(|_| file.poll().unwrap()).collect();
    assert_eq!(came, [1]);
}

#[test]
fn a_backlog_is_taken_piece_by_piece_and_nothing_of_it_twice() {
    let mut file = file(Start::Beginning);
    let lines: Vec<String> = (0..55_000).map(|value| file.number(value)).collect();
    file.append(&lines.concat());
    let mut came = file.poll().unwrap();
    assert!(came.len() < 55_000, "all at once");
    while came.len() < 55_000 {
        let more = file.poll().unwrap();
        assert!(!more.is_empty());
        came.extend(more);
    }
    assert!(came.iter().copied().eq(0..55_000));
}

#[test]
fn snapshots_are_signed_and_say_what_they_are_about() {
    let mut file = file(Start::Beginning);
    file.append(&file.number(1));
    let line = format!("{{\"rollout\":\"other\",\"source\":\"me\",{}", &file.number(2)[1..]);
    file.append(&line);
    let came = file.source.poll(now()).unwrap();
    let about: Vec<_> = came.iter().map(|snapshot| (snapshot.rollout.as_deref(), snapshot.source.as_deref())).collect();
    assert_eq!(about, [(Some("checkout"), Some("file")), (Some("other"), Some("file"))]);
}

#[test]
fn a_mark_that_is_damaged_is_told_and_not_guessed() {
    let mut file = file(Start::Beginning);
    file.append(&file.number(1));
    let mark = file.path.with_file_name("metrics.ndjson.rollgate-offset");
    fs::write(&mark, "{").unwrap();
    let error = file.poll().unwrap_err();
    assert_eq!(error.kind(), "malformed");
    assert!(error.to_string().contains("remove it"), "{error}");
    fs::remove_file(&mark).unwrap();
    assert_eq!(file.poll().unwrap(), [1]);
}

#[test]
fn a_mark_that_cannot_be_written_is_told() {
    let mut file = file(Start::Beginning);
    file.append(&file.number(1));
    // A folder in its place refuses whoever is asked, root included.
    let mark = file.path.with_file_name("metrics.ndjson.rollgate-offset");
    fs::create_dir_all(mark.with_extension("rollgate-offset.tmp")).unwrap();
    let error = file.poll().unwrap_err();
    assert_eq!(error.kind(), "refused", "{error}");
    assert!(error.to_string().contains("cannot be kept"), "{error}");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 48, ..Default::default() })]

    /// However the writer's bytes are cut into writes, and wherever this side is killed between two calls, every whole
    /// line is handed out, in order, and what was acknowledged only once.
    #[test]
    fn no_cut_and_no_crash_loses_or_invents_a_line(
        lines in proptest::collection::vec(proptest::option::weighted(0.8, 0_i64..1000), 1..12),
        cuts in proptest::collection::vec((0.0_f64..1.0, proptest::bool::ANY, proptest::bool::ANY), 0..12),
    ) {
        let mut file = file(Start::Beginning);
        let line = |value: &Option<i64>| match value {
            Some(value) => file.number(i32::try_from(*value).unwrap()),
            None => "\u{fffd}{\n".to_owned(),
        };
        let text: Vec<u8> = lines.iter().flat_map(|value| line(value).into_bytes()).collect();
        let mut cuts: Vec<_> = cuts.into_iter().map(|(at, ack, crash)| ((at * text.len() as f64) as usize, ack, crash)).collect();
        cuts.sort_unstable();
        let (mut from, mut kept) = (0, Vec::new());
        for (to, ack, crash) in cuts.into_iter().chain([(text.len(), true, false)]) {
            let mut out = OpenOptions::new().append(true).create(true).open(&file.path).unwrap();
            out.write_all(&text[from..to]).unwrap();
            from = to;
            let came = file.look().unwrap();
            if ack {
                file.source.acknowledge().unwrap();
                kept.extend(came);
            }
            if crash {
                file.source = open(&file.path, Start::Beginning);
            }
        }
        let good: Vec<i64> = lines.into_iter().flatten().collect();
        proptest::prop_assert_eq!(kept, good);
    }
}
