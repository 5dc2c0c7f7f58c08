//! Writes every recording under `fixtures/`: `cargo run --example make_fixtures`.
//!
//! Each situation is a table of series in the notation of policy tests, so the data is readable here and the same on
//! every machine: noise is seeded by the file's name and the series' own. `tests/policies.rs` compares what this writes
//! with what is committed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use rollgate::fixture::series::{Sample, Series};
use rollgate::model::reading::Unknown;
use rollgate::model::snapshot::{Snapshot, WireReading};
use rollgate::model::time::{Duration, Time};
use rollgate::model::units::Unit;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::json;

/// The day most situations happen on: a Tuesday morning, far from every freeze.
const TUESDAY: &str = "2026-11-10T09:00:00Z";

/// One series of one situation.
#[derive(Clone)]
struct Line {
    metric: &'static str,
    group: &'static str,
    region: &'static str,
    /// The series notation; parts joined by ` plus ` are added up, so that a ramp can be noisy.
    shape: String,
    /// How many requests a reading rests on, where the source says so.
    samples: Option<u64>,
    /// From this minute on the source repeats its last answer, with the time it had.
    repeats_from: Option<i64>,
}

/// One file of recorded data.
struct File {
    path: &'static str,
    start: &'static str,
    step: Duration,
    lines: Vec<Line>,
}

fn line(metric: &'static str, group: &'static str, shape: impl Into<String>) -> Line {
    Line { metric, group, region: "", shape: shape.into(), samples: None, repeats_from: None }
}

impl Line {
    fn of(self, samples: u64) -> Line {
        Line { samples: Some(samples), ..self }
    }

    fn in_region(self, region: &'static str) -> Line {
        Line { region, ..self }
    }

    /// The readings with their distance from the start. Two decimals are what a dashboard would show.
    fn readings(&self, file: &File) -> Vec<Sample> {
        let unit = if self.metric == "deploy_health" { Unit::State } else { Unit::Number };
        let mut sum: Vec<Sample> = Vec::new();
        for part in self.shape.split(" plus ") {
            let seed = format!("{}/{}/{}/{}/{part}", file.path, self.metric, self.group, self.region);
            let series = Series::parse(part, unit).unwrap_or_else(|errors| panic!("{}: {errors:?}", file.path));
            let samples = series.samples(&seed, file.step).unwrap_or_else(|error| panic!("{}: {error}", file.path));
            if sum.is_empty() {
                sum = samples;
            } else {
                assert_eq!(sum.len(), samples.len(), "{}: the parts of {} differ in length", file.path, self.metric);
                sum.iter_mut().zip(samples).for_each(|(a, b)| a.value = a.value.and_then(|a| Ok(a + b.value?)));
            }
        }
        for sample in &mut sum {
            sample.value = sample.value.map(|value| (value * 100.0).round() / 100.0);
        }
        sum
    }

    /// The readings as a source reports them: when it answers, with what, and when it says it observed that.
    fn reports(&self, file: &File) -> Vec<(Time, Sample, Time)> {
        let start = file.start();
        let mut last: Option<(Sample, Time)> = None;
        let mut reports = Vec::new();
        for sample in self.readings(file) {
            let at = start + sample.offset;
            let repeats = self.repeats_from.is_some_and(|minute| sample.offset >= Duration::from_mins(minute));
            let (told, observed) = last.filter(|_| repeats).unwrap_or((sample, at));
            last = Some((told, observed));
            reports.push((at, told, observed));
        }
        reports
    }
}

impl File {
    fn new(path: &'static str, lines: Vec<Line>) -> File {
        File { path, start: TUESDAY, step: Duration::from_mins(1), lines }
    }

    fn start(&self) -> Time {
        Time::parse(self.start).unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }

    /// By the name's extension, like `rollgate` itself.
    fn bytes(&self) -> Vec<u8> {
        let (stem, packed) = match self.path.rsplit_once('.') {
            Some((stem, packed @ ("gz" | "zst"))) => (stem, packed),
            _ => (self.path, ""),
        };
        let text = match stem.rsplit_once('.') {
            Some((_, "ndjson")) => self.ndjson(),
            Some((_, "csv")) => self.csv(),
            _ => self.query_range(),
        };
        match packed {
            "gz" => {
                let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
                encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).unwrap_or_default()
            }
            "zst" => compress_to_vec(text.as_bytes(), CompressionLevel::Fastest),
            _ => text.into_bytes(),
        }
    }

    /// Snapshots, one per minute and region.
    fn ndjson(&self) -> String {
        let mut snapshots: BTreeMap<(Time, &str), Snapshot> = BTreeMap::new();
        for line in &self.lines {
            for (time, sample, observed) in line.reports(self) {
                let empty = || Snapshot {
                    v: 1,
                    time,
                    rollout: None,
                    environment: None,
                    region: line.region.to_owned(),
                    source: None,
                    exposure: None,
                    groups: BTreeMap::new(),
                };
                let snapshot = snapshots.entry((time, line.region)).or_insert_with(empty);
                let mut reading = match sample.value {
                    Ok(value) => WireReading { samples: line.samples, ..WireReading::number(value) },
                    Err(why) => WireReading::missing(why),
                };
                reading.observed = (observed != time).then_some(observed);
                snapshot.groups.entry(line.group.to_owned()).or_default().insert(line.metric.to_owned(), reading);
            }
        }
        let lines = snapshots.values().map(|snapshot| serde_json::to_string(snapshot).unwrap_or_default() + "\n");
        lines.collect()
    }

    /// One reading per row, in order of time.
    fn csv(&self) -> String {
        let mut rows: BTreeMap<Time, String> = BTreeMap::new();
        let regional = self.lines.iter().any(|line| !line.region.is_empty());
        for line in &self.lines {
            for (time, sample, _) in line.reports(self) {
                let value = match sample.value {
                    Ok(value) if line.metric == "deploy_health" => if value > 0.5 { "failed" } else { "ok" }.to_owned(),
                    Ok(value) => value.to_string(),
                    Err(Unknown::NotANumber) => "NaN".to_owned(),
                    Err(Unknown::Infinite) => "+Inf".to_owned(),
                    Err(_) => String::new(),
                };
                let samples = line.samples.map_or_else(String::new, |samples| samples.to_string());
                let region = if regional { format!("{},", line.region) } else { String::new() };
                let row = format!("{time},{},{},{region}{value},{samples}\n", line.metric, line.group);
                rows.entry(time).or_default().push_str(&row);
            }
        }
        let region = if regional { "region," } else { "" };
        let mut text = format!("timestamp,metric,group,{region}value,samples\n");
        text.extend(rows.into_values());
        text
    }

    /// The answer of a Prometheus `query_range`, one series a line.
    fn query_range(&self) -> String {
        let mut text = String::from("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[\n");
        for (at, line) in self.lines.iter().enumerate() {
            let values: Vec<serde_json::Value> = line
                .reports(self)
                .iter()
                .map(|(time, sample, _)| json!([time.as_millis() / 1000, sample.value.unwrap_or(f64::NAN).to_string()]))
                .collect();
            let series = json!({ "metric": { "__name__": line.metric, "group": line.group }, "values": values });
            let comma = if at == 0 { "" } else { ",\n" };
            let _infallible = write!(text, "{comma}{series}");
        }
        text.push_str("\n]}}\n");
        text
    }
}

/// `request-isolation` with nothing wrong, for so many minutes. A canary's share of the requests.
fn healthy(minutes: u32) -> Vec<Line> {
    let last = |shape: &str| format!("{shape} for {minutes}m");
    vec![
        line("isolation_score", "treatment", last("noise 99.96 +- 0.03")).of(1200),
        line("error_rate", "treatment", last("noise 0.12 +- 0.08")).of(1200),
        line("error_rate", "control", last("noise 0.12 +- 0.04")).of(10800),
        line("response_time_p95", "treatment", last("noise 201 +- 6")).of(1200),
        line("response_time_p95", "control", last("noise 200 +- 4")).of(10800),
        line("websocket_delivery", "treatment", last("noise 99.9 +- 0.09")).of(1200),
        line("cascade_failures", "all", last("3")),
        line("resource_utilisation", "all", last("noise 61 +- 3")),
        line("deploy_health", "all", last("ok")),
    ]
}

/// The same with some series as they were in the situation.
fn but(lines: Vec<Line>, changes: &[(&str, &str, &str)]) -> Vec<Line> {
    let mut lines = lines;
    for (metric, group, shape) in changes {
        let line = lines.iter_mut().find(|line| line.metric == *metric && line.group == *group);
        line.unwrap_or_else(|| panic!("no series {metric} of {group}")).shape = (*shape).to_owned();
    }
    lines
}

/// `web-service` in one region with nothing wrong.
fn service(minutes: u32) -> Vec<Line> {
    let last = |shape: &str| format!("{shape} for {minutes}m");
    vec![
        line("error_rate", "treatment", last("noise 0.2 +- 0.1")).of(900),
        line("response_time_p95", "treatment", last("noise 121 +- 5")).of(900),
    ]
}

/// Every recording: its path under `fixtures/`, and its bytes.
pub(crate) fn recordings() -> Vec<(String, Vec<u8>)> {
    let files = ladder().into_iter().chain(bad_changes()).chain(not_the_change()).chain(bad_sources());
    files.map(|file| (file.path.to_owned(), file.bytes())).collect()
}

/// Climbing, or not yet.
fn ladder() -> Vec<File> {
    vec![
        seven_days(),
        File {
            start: "2026-11-10T00:30:00Z",
            ..File::new(
                "flawless-canary-with-much-traffic/data.csv.gz",
                but(healthy(750), &[("isolation_score", "treatment", "noise 99.96 +- 0.03 for 750m")])
                    .into_iter()
                    .map(|line| Line { samples: line.samples.map(|samples| samples * 2), ..line })
                    .collect(),
            )
        },
        File::new(
            "too-little-traffic/data.ndjson",
            but(
                healthy(90),
                &[
                    ("error_rate", "treatment", "0 for 20m, 8.33 for 3m, 0 for 30m, 8.33 for 4m, 0 for 33m"),
                    ("isolation_score", "treatment", "100 for 40m, 91.67 for 2m, 100 for 48m"),
                ],
            )
            .into_iter()
            .map(|line| if line.group == "treatment" { line.of(12) } else { line })
            .collect(),
        ),
        File::new(
            "noise-without-a-cause/data.ndjson.zst",
            but(
                healthy(360),
                &[
                    (
                        "error_rate",
                        "treatment",
                        "noise 0.4 +- 0.09 for 100m, 6 for 1m, noise 0.4 +- 0.09 for 120m, 1.8 for 2m, noise 0.4 +- 0.09 for 137m",
                    ),
                    ("error_rate", "control", "noise 0.4 +- 0.08 for 360m"),
                    (
                        "response_time_p95",
                        "treatment",
                        "noise 200 +- 8 for 150m, 310 for 1m, noise 200 +- 8 for 89m, 236 for 5m, noise 200 +- 8 for 115m",
                    ),
                    ("response_time_p95", "control", "noise 200 +- 6 for 360m"),
                    (
                        "isolation_score",
                        "treatment",
                        "noise 99.7 +- 0.18 for 240m, 98.6 for 1m, noise 99.7 +- 0.18 for 119m",
                    ),
                    ("resource_utilisation", "all", "noise 68 +- 14 for 360m"),
                ],
            ),
        ),
    ]
}

/// Monday morning to Monday morning: five stages, two days at 10 %, two and a weekend at 50 %.
fn seven_days() -> File {
    // A reading every two minutes: off from 0, the team from 2h, everybody from 168h, when control is empty.
    let treatment = |shape: &str| format!("_ for 2h, {shape} for 168h");
    let control = |shape: &str| format!("{shape} for 168h");
    File {
        start: "2026-11-02T08:00:00Z",
        step: Duration::from_mins(2),
        ..File::new(
            "seven-days-clean/data.ndjson.zst",
            vec![
                line("isolation_score", "treatment", "_ for 2h, 100 for 25h, noise 99.7 +- 0.15 for 143h").of(3000),
                line("error_rate", "treatment", treatment("noise 0.1 +- 0.06")).of(3000),
                line("error_rate", "control", control("noise 0.1 +- 0.04")).of(20000),
                line("response_time_p95", "treatment", treatment("noise 201 +- 5")).of(3000),
                line("response_time_p95", "control", control("noise 200 +- 4")).of(20000),
                line("websocket_delivery", "treatment", treatment("noise 99.9 +- 0.08")).of(3000),
                line("cascade_failures", "all", "12 for 170h"),
                line("resource_utilisation", "all", "noise 58 +- 4 for 170h"),
                line("deploy_health", "all", "ok for 170h"),
            ],
        )
    }
}

/// Situations in which the change was bad.
fn bad_changes() -> Vec<File> {
    vec![
        File::new(
            "failed-health-check-in-the-dark/data.csv",
            vec![
                line("response_time_p95", "control", "noise 200 +- 4 for 80m").of(12000),
                line("cascade_failures", "all", "3 for 80m"),
                line("resource_utilisation", "all", "noise 55 +- 3 for 80m"),
                line("deploy_health", "all", "ok for 47m, failed for 6m, ok for 27m"),
            ],
        ),
        File::new(
            "team-shares-a-session/data.json",
            but(healthy(60), &[("isolation_score", "treatment", "100 for 33m, 97.5 for 5m, 100 for 22m")]),
        ),
        File::new(
            "isolation-leak-grows/data.ndjson",
            but(
                healthy(110),
                &[(
                    "isolation_score",
                    "treatment",
                    "noise 99.96 +- 0.03 for 30m, ramp 99.9 -> 94 over 60m, 94 for 20m",
                )],
            ),
        ),
        File::new(
            "errors-step-in-treatment-only/data.csv",
            but(healthy(75), &[("error_rate", "treatment", "noise 0.12 +- 0.08 for 40m, noise 2.4 +- 0.5 for 35m")]),
        ),
        File::new(
            "five-times-the-errors-of-control/data.ndjson",
            but(healthy(75), &[("error_rate", "treatment", "noise 0.12 +- 0.08 for 40m, noise 0.8 +- 0.08 for 35m")]),
        ),
        File::new(
            "latency-creeps/data.csv.gz",
            but(
                healthy(180),
                &[(
                    "response_time_p95",
                    "treatment",
                    "200 for 30m, ramp 200 -> 260 over 120m, 260 for 30m plus noise 0 +- 4 for 180m",
                )],
            ),
        ),
        File::new(
            "failing-and-slow-at-full/data.ndjson",
            without_control(but(
                healthy(70),
                &[
                    ("response_time_p95", "treatment", "noise 201 +- 6 for 25m, noise 245 +- 8 for 45m"),
                    ("error_rate", "treatment", "noise 0.12 +- 0.08 for 45m, noise 1.9 +- 0.4 for 25m"),
                ],
            )),
        ),
        File::new(
            "cascade-at-full/data.ndjson",
            without_control(but(healthy(100), &[("cascade_failures", "all", "3 for 82m, 4 for 18m")])),
        ),
        File::new(
            "failure-begins-after-the-bake/data.ndjson",
            but(
                healthy(80),
                &[(
                    "isolation_score",
                    "treatment",
                    "noise 99.96 +- 0.03 for 56m, 98.2 for 1m, noise 93 +- 0.8 for 23m",
                )],
            ),
        ),
        File::new("new-version-is-slow/data.json", {
            let mut lines = service(60);
            lines[1].shape = "noise 121 +- 5 for 30m, noise 215 +- 10 for 30m".to_owned();
            lines
        }),
        File::new("one-bad-region/data.csv", {
            let mut lines: Vec<Line> = service(60).into_iter().map(|line| line.in_region("eu")).collect();
            lines.extend(service(60).into_iter().map(|line| line.in_region("us")));
            lines[2].shape = "noise 0.2 +- 0.1 for 35m, noise 8 +- 1 for 25m".to_owned();
            lines
        }),
    ]
}

/// Something is wrong, and it is not the change.
fn not_the_change() -> Vec<File> {
    vec![
        File::new(
            "outage-in-both-groups/data.ndjson",
            but(
                healthy(90),
                &[
                    // A dependency refuses connections: errors come fast, so the slowest requests are gone.
                    (
                        "error_rate",
                        "treatment",
                        "noise 0.12 +- 0.08 for 30m, noise 22 +- 3 for 15m, noise 0.12 +- 0.08 for 45m",
                    ),
                    (
                        "error_rate",
                        "control",
                        "noise 0.12 +- 0.04 for 30m, noise 21 +- 2 for 15m, noise 0.12 +- 0.04 for 45m",
                    ),
                    (
                        "response_time_p95",
                        "treatment",
                        "noise 201 +- 6 for 30m, noise 150 +- 6 for 15m, noise 201 +- 6 for 45m",
                    ),
                    (
                        "response_time_p95",
                        "control",
                        "noise 200 +- 4 for 30m, noise 150 +- 4 for 15m, noise 200 +- 4 for 45m",
                    ),
                ],
            ),
        ),
        File::new(
            "both-groups-slow-down-together/data.csv.gz",
            but(
                healthy(150),
                &[
                    (
                        "response_time_p95",
                        "treatment",
                        "200 for 20m, ramp 200 -> 232 over 30m, 232 for 100m plus noise 0 +- 4 for 150m",
                    ),
                    (
                        "response_time_p95",
                        "control",
                        "200 for 20m, ramp 200 -> 229 over 30m, 229 for 100m plus noise 0 +- 3 for 150m",
                    ),
                ],
            ),
        ),
        File::new(
            "errors-come-and-go-every-five-minutes/data.ndjson",
            but(
                healthy(90),
                &[("error_rate", "treatment", "noise 0.12 +- 0.08 for 20m, alternate 2.5 0.1 every 5m for 70m")],
            ),
        ),
    ]
}

/// What is wrong is the measuring.
fn bad_sources() -> Vec<File> {
    let requests = |line: &Line| line.samples.is_some();
    let (mut app, mut prober): (Vec<Line>, Vec<Line>) = healthy(150).into_iter().partition(requests);
    for line in &mut app {
        line.shape = line.shape.replace(" for 150m", "");
        line.shape = format!("{0} for 30m, _ for 40m, {0} for 80m", line.shape);
    }
    prober.retain(|line| !requests(line));
    let frozen = |line: Line| if requests(&line) { Line { repeats_from: Some(20), ..line } } else { line };
    vec![
        File::new("metrics-source-dies/app.csv", app),
        File::new("metrics-source-dies/prober.ndjson", prober),
        File::new(
            "health-prober-dies/data.ndjson",
            but(healthy(75), &[("deploy_health", "all", "ok for 20m, _ for 55m")]),
        ),
        File::new(
            "cohort-falls-silent/data.csv",
            healthy(90)
                .into_iter()
                .map(|line| match line.group {
                    "treatment" => Line { shape: line.shape.replace("90m", "30m") + ", _ for 60m", ..line },
                    _ => line,
                })
                .collect(),
        ),
        File::new("source-repeats-its-last-answer/data.ndjson", healthy(80).into_iter().map(frozen).collect()),
        File::new(
            "p95-stuck-at-one-value/data.csv",
            but(healthy(130), &[("response_time_p95", "treatment", "noise 201 +- 6 for 20m, 203.4 for 110m")]),
        ),
        File::new(
            "counter-restarts-with-a-gap/data.ndjson",
            without_control(but(healthy(90), &[("cascade_failures", "all", "41 for 20m, _ for 6m, 0 for 64m")])),
        ),
        File::new(
            "exporter-writes-nonsense/data.csv",
            but(
                healthy(90),
                &[
                    ("error_rate", "treatment", "noise 0.12 +- 0.08 for 20m, NaN for 10m, noise 0.12 +- 0.08 for 60m"),
                    ("response_time_p95", "treatment", "noise 201 +- 6 for 25m, +Inf for 10m, noise 201 +- 6 for 55m"),
                    (
                        "isolation_score",
                        "treatment",
                        "noise 99.96 +- 0.03 for 30m, 9993 for 10m, noise 99.96 +- 0.03 for 50m",
                    ),
                    (
                        "websocket_delivery",
                        "treatment",
                        "noise 99.9 +- 0.09 for 35m, null for 10m, noise 99.9 +- 0.09 for 45m",
                    ),
                ],
            ),
        ),
    ]
}

/// At 100 % nobody is left in control.
fn without_control(lines: Vec<Line>) -> Vec<Line> {
    lines.into_iter().filter(|line| line.group != "control").collect()
}

#[allow(dead_code, clippy::disallowed_methods, reason = "the test includes this file for `recordings`")]
fn main() -> std::io::Result<()> {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for (path, bytes) in recordings() {
        let path = fixtures.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, bytes)?;
    }
    Ok(())
}
