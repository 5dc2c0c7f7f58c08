//! Readers of recorded data: one table per format and per kind of problem.

use std::sync::Arc;

use proptest::prelude::*;
use rollgate::fixture::data::names::Mapping;
use rollgate::fixture::data::open::{open, open_all};
use rollgate::fixture::data::report::Problem;
use rollgate::fixture::{DataError, DataReport, Frames, ReadOptions, Recording};
use rollgate::model::frame::{Catalogue, Frame, Group, Kind, Metric};
use rollgate::model::ids::{MetricName, Region};
use rollgate::model::reading::Unknown;
use rollgate::model::time::Time;
use rollgate::model::units::{Better, Unit};
use rstest::rstest;

fn metric(name: &str, unit: Unit, better: Better) -> Metric {
    Metric { name: MetricName::new(name), unit, better, range: unit.default_range(), kind: Kind::Gauge }
}

fn catalogue_in(regions: &[&str]) -> Arc<Catalogue> {
    let metrics = vec![
        metric("score", Unit::Percent, Better::Higher),
        metric("error_rate", Unit::Percent, Better::Lower),
        metric("latency", Unit::Ms, Better::Lower),
        metric("health", Unit::State, Better::Lower),
    ];
    Arc::new(Catalogue::new(metrics, regions.iter().map(Region::new).collect()))
}

fn catalogue() -> Arc<Catalogue> {
    catalogue_in(&[])
}

fn drain(frames: &mut dyn Frames) -> Result<(Vec<Frame>, DataReport), DataError> {
    let (mut all, mut frame) = (Vec::new(), Frame::default());
    while frames.next_frame(&mut frame)? {
        all.push(frame.clone());
    }
    Ok((all, frames.report().clone()))
}

fn read_as(name: &str, text: &str, options: &ReadOptions) -> Result<(Vec<Frame>, DataReport), DataError> {
    drain(&mut *open(Recording::from_bytes(name, text), &catalogue(), options)?)
}

fn read(name: &str, text: &str) -> (Vec<Frame>, DataReport) {
    read_as(name, text, &ReadOptions::default()).unwrap()
}

fn strict() -> ReadOptions {
    ReadOptions { strict: true, ..ReadOptions::default() }
}

/// `metric/group=value`, sorted: what a frame says, for people.
fn says(frame: &Frame) -> String {
    let catalogue = catalogue();
    let mut parts: Vec<String> = frame
        .cells
        .iter()
        .map(|cell| {
            let (_, group, metric) = catalogue.series(cell.slot).unwrap();
            let name = &catalogue.metric(metric).unwrap().name;
            match cell.unknown {
                Some(why) => format!("{name}/{group}={why}"),
                None => format!("{name}/{group}={}", cell.value),
            }
        })
        .collect();
    parts.sort();
    parts.join(" ")
}

const CSV: &str = "timestamp,metric,group,value\n";

fn minute(minute: u32) -> String {
    format!("2026-11-01T{:02}:{:02}:00Z", minute / 60, minute % 60)
}

#[test]
fn snapshots_become_frames_with_every_kind_of_reading() {
    let (frames, report) = read(
        "run.ndjson",
        concat!(
            r#"{"v":1,"time":"2026-11-01T00:00:00Z","exposure":10,"groups":{"treatment":{"score":{"value":99.8,"samples":1200},"error_rate":null,"latency":"NaN","health":"failed"},"control":{"score":99}}}"#,
            "\n\n",
            r#"{"time":"2026-11-01T00:01:00Z","source":"x","groups":{"all":{"score":{"unknown":"source-error"},"latency":"+Inf","error_rate":true,"health":"ok"}}}"#,
            "\r\n",
        ),
    );
    assert_eq!(frames.len(), 2);
    assert_eq!(
        says(&frames[0]),
        "error_rate/treatment=absent health/treatment=1 latency/treatment=not-a-number score/control=99 score/treatment=99.8"
    );
    assert_eq!(says(&frames[1]), "error_rate/all=wrong-type health/all=0 latency/all=infinite score/all=source-error");
    assert_eq!(frames[0].exposure, Some(10.0));
    assert_eq!(frames[0].cells[0].samples, Some(1200));
    assert_eq!(report.of(Problem::NotANumber), 1);
    assert_eq!(report.of(Problem::Infinite), 1);
    assert_eq!(report.of(Problem::WrongType), 1);
    assert_eq!((report.frames, report.readings), (2, 9));
}

#[test]
fn a_region_may_be_named_behind_its_readings_and_all_regions_of_an_instant_are_one_frame() {
    let catalogue = catalogue_in(&["eu", "us"]);
    let text = concat!(
        r#"{"time":"2026-11-01T00:00:00Z","groups":{"all":{"score":99}},"region":"us"}"#,
        "\n",
        r#"{"time":"2026-11-01T00:00:00Z","region":"eu","groups":{"all":{"score":98}}}"#,
        "\n",
        r#"{"time":"2026-11-01T00:00:00Z","region":"mars","groups":{"all":{"score":1}}}"#,
    );
    let recording = Recording::from_bytes("run.ndjson", text);
    let (frames, report) = drain(&mut *open(recording, &catalogue, &ReadOptions::default()).unwrap()).unwrap();
    assert_eq!(frames.len(), 1);
    let regions: Vec<(u16, f64)> =
        frames[0].cells.iter().map(|cell| (catalogue.series(cell.slot).unwrap().0.0, cell.value)).collect();
    assert_eq!(regions, [(0, 98.0), (1, 99.0)]);
    assert_eq!(report.of(Problem::UnknownRegion), 1);
    assert_eq!(report.unknown_regions.keys().collect::<Vec<_>>(), ["mars"]);
}

#[rstest]
#[case::any_order("value,group,samples,metric,timestamp\n99,treatment,40,score,2026-11-01T00:00:00Z\n", Some(40))]
#[case::unix_seconds("timestamp,metric,group,value\n1793491200,score,treatment,99\n", None)]
#[case::with_byte_order_mark("\u{feff}timestamp,metric,group,value\n2026-11-01T00:00:00Z,score,treatment,99\n", None)]
#[case::quoted(
    "\"timestamp\",\"metric\",\"group\",\"value\"\r\n\"2026-11-01T00:00:00Z\",\"score\",\"treatment\",\"99\"\r\n",
    None
)]
#[case::whole_sample_count_as_float(
    "timestamp,metric,group,value,samples\n2026-11-01T00:00:00Z,score,treatment,99,12.0\n",
    Some(12)
)]
fn long_csv_is_read_in_any_spelling(#[case] text: &str, #[case] samples: Option<u64>) {
    for name in ["run.csv", "run", "run.csv.gz"] {
        let (frames, report) = read(name, text);
        assert_eq!(frames.len(), 1, "{report:?}");
        assert_eq!(frames[0].time, Time::parse("2026-11-01T00:00:00Z").unwrap());
        assert_eq!(says(&frames[0]), "score/treatment=99");
        assert_eq!(frames[0].cells[0].samples, samples);
        assert!(report.is_clean());
    }
}

#[test]
fn prometheus_texts_and_labels_are_understood() {
    let text = r#"{"status":"success","data":{"resultType":"matrix","result":[
        {"metric":{"__name__":"score","group":"treatment"},"values":[[1793491200,"99.5"],[1793491260,"NaN"]]},
        {"values":[[1793491200,"+Inf"],[1793491260.5,"12"]],"metric":{"__name__":"latency","group":"control"}},
        {"metric":{"__name__":"unheard_of"},"values":[[1793491200,"1"]]}]}}"#;
    let (frames, report) = read("answer.json", text);
    let said: Vec<String> = frames.iter().map(says).collect();
    assert_eq!(
        said,
        ["latency/control=infinite score/treatment=99.5", "score/treatment=not-a-number", "latency/control=12"]
    );
    assert!(report.files[0].series_ordered);
    assert_eq!(report.of(Problem::UnknownName), 1);
}

#[test]
fn a_nameless_series_takes_the_name_given_for_the_file() {
    let text =
        r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1793491200,"3"]]}]}}"#;
    let mut recording = Recording::from_bytes("answer.json", text);
    recording.series = Some(rollgate::fixture::data::prometheus::SeriesName::parse("latency/control"));
    let (frames, _) = drain(&mut *open(recording, &catalogue(), &ReadOptions::default()).unwrap()).unwrap();
    assert_eq!(says(&frames[0]), "latency/control=3");
    let (_, report) = read("answer.json", text);
    assert!(report.problems[&Problem::UnknownName].first[0].what.contains("--series"));
}

#[rstest]
#[case::wide("run.csv", "timestamp,error_rate,latency\n1,2,3\n", "make it long, one row per reading")]
#[case::wide_sniffed("run", "time,error_rate,latency\n1,2,3\n", "error_rate, latency")]
#[case::prose("notes.txt", "Dear diary,\n", "it starts with `Dear diary,`")]
#[case::prose_called_ndjson("run.ndjson", "Dear diary,\n", "not one line can be read, line 1")]
#[case::gzip("run", "\u{1f}", "it starts with")]
#[case::instant_vector(
    "a.json",
    r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
    "`vector`, not the matrix"
)]
#[case::prometheus_error("a.json", r#"{"status":"error","error":"query timed out"}"#, "query timed out")]
fn what_is_no_recording_says_what_was_expected(#[case] name: &str, #[case] text: &str, #[case] says: &str) {
    let error = read_as(name, text, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains(says) && error.contains(name), "{error}");
}

#[rstest]
#[case::bad_time("yesterday,score,all,99", Problem::BadLine)]
#[case::too_few_columns("2026-11-01T00:05:00Z,score", Problem::BadLine)]
#[case::text_value("2026-11-01T00:05:00Z,score,all,fine", Problem::WrongType)]
#[case::state_word_for_a_number("2026-11-01T00:05:00Z,score,all,ok", Problem::WrongType)]
#[case::nan("2026-11-01T00:05:00Z,score,all,NaN", Problem::NotANumber)]
#[case::infinite("2026-11-01T00:05:00Z,score,all,-Inf", Problem::Infinite)]
#[case::unknown_name("2026-11-01T00:05:00Z,scores,all,99", Problem::UnknownName)]
#[case::unknown_group("2026-11-01T00:05:00Z,score,canary,99", Problem::UnknownGroup)]
#[case::duplicate("2026-11-01T00:04:00Z,score,all,99", Problem::Duplicate)]
#[case::conflict("2026-11-01T00:04:00Z,score,all,97", Problem::Conflict)]
#[case::disorder("2026-11-01T00:00:30Z,score,all,99", Problem::Disorder)]
#[case::gap("2026-11-01T03:00:00Z,score,all,99", Problem::Gap)]
fn each_problem_is_counted_with_its_line_and_fatal_when_strict(#[case] row: &str, #[case] problem: Problem) {
    let good: String = (0..=4).map(|m| format!("{},score,all,99\n", minute(m))).collect();
    let text = format!("{CSV}{good}{row}\n");
    let (_, report) = read("run.csv", &text);
    assert_eq!(report.problems.keys().collect::<Vec<_>>(), [&problem]);
    assert_eq!(report.of(problem), 1);
    let spot = &report.problems[&problem].first[0];
    assert_eq!((spot.file.as_str(), spot.line), ("run.csv", if problem == Problem::Gap { 0 } else { 7 }));
    let refused = read_as("run.csv", &text, &strict()).unwrap_err();
    let DataError::Refused { line, what, mend, .. } = &refused else { panic!("{refused}") };
    assert_eq!(*line, spot.line);
    assert!(!what.is_empty() && !mend.is_empty(), "{refused}");
    assert!(read_as("run.csv", &format!("{CSV}{good}"), &strict()).is_ok());
}

#[rstest]
#[case("score", "99", "97", "97")]
#[case("error_rate", "0.5", "0.7", "0.7")]
#[case("latency", "", "12", "12")]
fn of_two_values_for_one_instant_the_worse_counts_in_either_order(
    #[case] metric: &str,
    #[case] one: &str,
    #[case] other: &str,
    #[case] kept: &str,
) {
    for (a, b) in [(one, other), (other, one)] {
        let rows = format!("{CSV}{t},{metric},all,{a}\n{t},{metric},all,{b}\n", t = minute(0));
        let (frames, report) = read("run.csv", &rows);
        assert_eq!(says(&frames[0]), format!("{metric}/all={kept}"));
        assert_eq!(report.of(Problem::Conflict), 1);
    }
}

#[test]
fn names_are_mapped_and_converted_as_decimals() {
    let mut mapping = Mapping::default();
    mapping.add("success_ratio=score:ratio").unwrap();
    mapping.add("lat/canary=latency/treatment:s").unwrap();
    mapping.add("lat/stable=latency/control:s").unwrap();
    let options = ReadOptions { mapping, ..ReadOptions::default() };
    let rows = format!("{CSV}{t},success_ratio,all,0.29\n{t},lat,canary,0.25\n{t},lat,stable,0.1\n", t = minute(0));
    let (frames, report) = read_as("run.csv", &rows, &options).unwrap();
    assert_eq!(says(&frames[0]), "latency/control=100 latency/treatment=250 score/all=29");
    assert!(report.is_clean());
}

#[rstest]
#[case("latency", "there is no `=`")]
#[case("a=latency:parsec", "no unit is called `parsec`")]
#[case("a=latency/blue", "no group is called `blue`")]
#[case("a=latncy", "did you mean `latency`")]
#[case("a=latency:ratio", "ratio cannot be converted to ms")]
#[case("=latency", "a name is missing")]
fn a_mapping_that_leads_nowhere_is_refused(#[case] rule: &str, #[case] says: &str) {
    let mut mapping = Mapping::default();
    let error = mapping.add(rule).and_then(|()| mapping.fits(&catalogue())).unwrap_err().to_string();
    assert!(error.contains(says), "{error}");
}

#[test]
fn two_names_on_one_metric_are_an_error() {
    let mut mapping = Mapping::default();
    mapping.add("p95=latency").unwrap();
    let options = ReadOptions { mapping, ..ReadOptions::default() };
    let rows = format!("{CSV}{t},p95,all,10\n{t},latency,all,12\n", t = minute(0));
    let error = read_as("run.csv", &rows, &options).unwrap_err().to_string();
    assert!(error.contains("`p95` and `latency`") && error.contains("latency (all)"), "{error}");
}

#[test]
fn strange_names_are_listed_once_with_a_suggestion_and_ratios_are_noticed() {
    let rows: String = (0..50).map(|m| format!("{t},eror_rate,all,1\n{t},score,all,0.99\n", t = minute(m))).collect();
    let (_, report) = read("run.csv", &format!("{CSV}{rows}"));
    assert_eq!(report.unknown_names["eror_rate"].count, 50);
    assert_eq!(report.unknown_names["eror_rate"].suggestion.as_deref(), Some("error_rate"));
    assert_eq!(report.ratio_like, ["score"]);
    let notes = report.notes().join("\n");
    assert!(
        notes.contains("--map 'eror_rate=error_rate'") && notes.contains("if it was recorded as a ratio"),
        "{notes}"
    );
    let metric = catalogue().find("score").unwrap();
    assert_eq!(report.groups_of(metric).collect::<Vec<_>>(), [Group::All]);
}

#[test]
fn assumed_samples_fill_only_the_counts_that_are_missing() {
    let rows = format!(
        "timestamp,metric,group,value,samples\n{},score,all,99,7\n{},score,all,99,\n{},score,all,,\n",
        minute(0),
        minute(1),
        minute(2)
    );
    let options = ReadOptions { assume_samples: Some(1000), ..ReadOptions::default() };
    let (frames, report) = read_as("run.csv", &rows, &options).unwrap();
    let samples: Vec<Option<u64>> = frames.iter().map(|frame| frame.cells[0].samples).collect();
    assert_eq!(samples, [Some(7), Some(1000), None]);
    assert_eq!(frames[2].cells[0].unknown, Some(Unknown::Absent));
    assert_eq!(report.assumed_samples, Some((1000, 1)));
}

/// `count` instants of two metrics, one row each.
fn time_ordered(count: u32) -> Vec<String> {
    (0..count)
        .flat_map(|second| {
            let at = 1_793_491_200 + second;
            [format!("{at},score,all,{}", 90 + second % 10), format!("{at},latency,all,{second}")]
        })
        .collect()
}

fn csv(rows: &[String]) -> String {
    format!("{CSV}{}\n", rows.join("\n"))
}

#[test]
fn series_after_series_gives_the_frames_of_time_order() {
    let rows = time_ordered(12_000);
    let (expected, plain) = read("run.csv", &csv(&rows));
    assert!(!plain.files[0].series_ordered && plain.is_clean());
    let mut by_series = rows.clone();
    by_series.sort_by_key(|row| row.contains("latency"));
    let (frames, report) = read("run.csv", &csv(&by_series));
    assert_eq!(frames, expected);
    assert!(report.files[0].series_ordered && report.is_clean());
    let options = ReadOptions { max_points: 23_999, ..ReadOptions::default() };
    let error = read_as("run.csv", &csv(&by_series), &options).unwrap_err().to_string();
    assert!(error.contains("--max-points"), "{error}");
    assert!(read_as("run.csv", &csv(&rows), &options).is_ok(), "time-ordered data is never loaded as a whole");
}

#[test]
fn a_row_beyond_the_window_is_delivered_late_with_its_own_time() {
    let mut rows = time_ordered(8_000);
    let late = rows.remove(0);
    rows.insert(13_000, late);
    let (frames, report) = read("run.csv", &csv(&rows));
    assert_eq!(report.of(Problem::Late), 1);
    let late: Vec<(&Frame, Time)> = frames
        .iter()
        .flat_map(|frame| {
            frame.cells.iter().filter(|cell| cell.observed != frame.time).map(move |cell| (frame, cell.observed))
        })
        .collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].1, Time::parse("2026-11-01T00:00:00Z").unwrap());
    assert!(late[0].0.time > late[0].1);
    assert!(frames.is_sorted_by(|a, b| a.time < b.time));
}

#[test]
fn another_rollouts_snapshots_are_passed_over_and_counted() {
    let line = |rollout: &str| {
        format!(r#"{{"time":"2026-11-01T00:00:00Z","rollout":"{rollout}","groups":{{"all":{{"score":9}}}}}}"#)
    };
    let options = ReadOptions { rollout: Some("mine".into()), ..ReadOptions::default() };
    let (frames, report) = read_as("run.ndjson", &format!("{}\n{}\n", line("other"), line("mine")), &options).unwrap();
    assert_eq!((frames.len(), report.of(Problem::OtherRollout)), (1, 1));
}

#[test]
fn reading_ahead_changes_nothing() {
    let text = csv(&time_ordered(3_000));
    let (expected, report) = read("run.csv", &text);
    let frames = open(Recording::from_bytes("run.csv", text), &catalogue(), &ReadOptions::default()).unwrap();
    let mut ahead = rollgate::fixture::data::prefetch::prefetch(frames, None).unwrap();
    assert_eq!(drain(&mut ahead).unwrap(), (expected, report));
    let broken = format!("{CSV}{},score,all,1\nrubbish\n", minute(0));
    let frames = open(Recording::from_bytes("run.csv", broken), &catalogue(), &strict()).unwrap();
    let mut ahead = rollgate::fixture::data::prefetch::prefetch(frames, None).unwrap();
    assert!(matches!(drain(&mut ahead), Err(DataError::Refused { line: 3, .. })));
}

fn merged(parts: Vec<String>) -> (Vec<Frame>, DataReport) {
    let recordings =
        parts.into_iter().enumerate().map(|(at, text)| Recording::from_bytes(format!("{at}.csv"), text)).collect();
    drain(&mut *open_all(recordings, &catalogue(), &ReadOptions::default()).unwrap()).unwrap()
}

proptest! {
    #[test]
    fn any_bytes_end_in_frames_or_a_message(bytes in proptest::collection::vec(any::<u8>(), 0..400), name in 0..4_usize) {
        let name = ["a.ndjson", "a.csv", "a.json", "a"][name];
        let recording = Recording::from_bytes(name, bytes);
        if let Ok(mut frames) = open(recording, &catalogue(), &ReadOptions::default()) {
            let _ended = drain(&mut *frames).is_ok();
        }
    }

    #[test]
    fn any_mutilated_recording_ends_in_frames_or_a_message(cut in 0..300_usize, byte in any::<u8>(), kind in 0..3_usize) {
        let (name, text) = [
            ("a.ndjson", concat!(r#"{"time":"2026-11-01T00:00:00Z","region":"","groups":{"all":{"score":{"value":1,"samples":2,"observed":"2026-11-01T00:00:00Z"},"latency":[1,{"a":null}]}}}"#, "\n").repeat(2)),
            ("a.csv", format!("timestamp,metric,group,value,region,samples\n{t},score,all,1,,3\n{t},latency,all,\"1\n\",,\n", t = minute(0))),
            ("a.json", r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"score"},"values":[[1793491200,"1"],[1793491201,null]]}]}}"#.to_owned()),
        ][kind].clone();
        let mut bytes = text.into_bytes();
        let at = cut % bytes.len();
        bytes[at] = byte;
        if let Ok(mut frames) = open(Recording::from_bytes(name, bytes), &catalogue(), &ReadOptions::default()) {
            let _ended = drain(&mut *frames).is_ok();
        }
    }

    #[test]
    fn shuffled_rows_give_the_same_frames(rows in Just(time_ordered(60)).prop_shuffle()) {
        let (expected, _) = read("run.csv", &csv(&time_ordered(60)));
        let (frames, report) = read("run.csv", &csv(&rows));
        prop_assert_eq!(frames, expected);
        prop_assert_eq!(report.of(Problem::Late), 0);
    }

    #[test]
    fn merging_does_not_depend_on_the_order_of_files(cuts in proptest::collection::vec(0..3_usize, 80), turn in 0..3_usize) {
        let rows = time_ordered(40);
        let part = |n: usize| csv(&rows.iter().zip(&cuts).filter(|(_, cut)| **cut == n).map(|(row, _)| row.clone()).collect::<Vec<_>>());
        let (expected, _) = merged(vec![part(0), part(1), part(2)]);
        let (frames, report) = merged(vec![part(turn), part((turn + 1) % 3), part((turn + 2) % 3)]);
        prop_assert_eq!(&frames, &expected);
        prop_assert_eq!(report.readings, 80);
        let (whole, _) = read("run.csv", &csv(&rows));
        prop_assert_eq!(frames, whole);
    }
}
