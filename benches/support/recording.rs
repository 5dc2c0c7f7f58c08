//! Reading recorded data: NDJSON lines into frames.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write};
use std::sync::Arc;

use rollgate::fixture::data::open::open;
use rollgate::fixture::{ReadOptions, Recording};
use rollgate::model::frame::Frame;
use rollgate::model::time::Time;

use super::harness::{Plan, Variant, measure, show};
use super::world::{self, METRICS, Sample, Shape};
use super::{Bench, Line};

/// A policy that takes readings without sample counts, as most recordings have them.
pub(crate) const SHAPE: Shape = Shape { samples: false, ..Shape::PLAIN };

/// Writes `count` snapshots, one a minute, all quiet, 24 readings each; returns the bytes of one line.
pub(crate) fn write(count: usize, out: &mut impl Write) -> std::io::Result<usize> {
    let days = world::quiet(997);
    let start = Time::parse("2026-01-01T00:00:00Z").expect("it is a time").as_millis();
    let (mut line, mut bytes) = (String::new(), 0);
    for ix in 0..count {
        let snapshot = &days[ix % days.len()];
        line.clear();
        let time = Time::from_millis(start + ix as i64 * 60_000);
        let _ = write!(line, "{{\"v\":1,\"time\":\"{time}\",\"groups\":{{\"treatment\":{{");
        group(&mut line, &snapshot.treatment);
        line += "},\"control\":{";
        group(&mut line, &snapshot.control);
        line += "}}}\n";
        bytes += line.len();
        out.write_all(line.as_bytes())?;
    }
    Ok(bytes / count.max(1))
}

fn group(line: &mut String, samples: &[Sample; 12]) {
    for (ix, ((name, _), sample)) in METRICS.iter().zip(samples).enumerate() {
        let comma = if ix == 0 { "" } else { "," };
        let _ = write!(line, "{comma}\"{name}\":{}", sample.value);
    }
}

/// What a program without slots would read a line into.
#[derive(serde::Deserialize)]
struct Maps<'a> {
    #[serde(borrow)]
    time: &'a str,
    #[serde(borrow)]
    groups: BTreeMap<&'a str, BTreeMap<&'a str, f64>>,
}

/// What a program written for exactly these metrics would read a line into.
#[derive(serde::Deserialize)]
struct Typed<'a> {
    #[serde(borrow)]
    time: &'a str,
    groups: TypedGroups,
}

#[derive(serde::Deserialize)]
struct TypedGroups {
    treatment: TypedGroup,
    control: TypedGroup,
}

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "filling them is what is measured")]
struct TypedGroup {
    score: f64,
    errors: f64,
    p95: f64,
    p99: f64,
    cascades: f64,
    cpu: f64,
    memory: f64,
    queue: f64,
    timeouts: f64,
    retries: f64,
    uptime: f64,
    restarts: f64,
}

pub(crate) fn run(bench: &mut Bench) {
    // Longer than the window in which rows are put in order: filling that the first time is not what a line costs.
    let lines = if bench.quick { 200 } else { 100_000 };
    let plan = Plan { rounds: bench.plan.rounds.min(11), ..bench.plan };
    let policy = world::policy(SHAPE);
    let catalogue = Arc::new(policy.catalogue.clone());
    let mut bytes = Vec::new();
    let length = write(lines, &mut bytes).expect("memory takes everything");
    let bytes: Arc<[u8]> = Arc::from(bytes);
    let frames = || {
        let reader = Box::new(Cursor::new(Arc::clone(&bytes)));
        let recording = Recording { name: "bench.ndjson".to_owned(), reader, series: None, format: None };
        let mut frames = open(recording, &catalogue, &ReadOptions::default()).expect("it is NDJSON");
        let (mut frame, mut count, mut cells) = (Frame::default(), 0, 0);
        while frames.next_frame(&mut frame).expect("it can be read") {
            count += 1;
            cells += frame.cells.len();
        }
        (count, cells)
    };
    assert_eq!(frames(), (lines, lines * 24));
    let text = std::str::from_utf8(&bytes).expect("it was written as text");
    // A whole file is one repetition.
    let figures = measure(
        plan,
        vec![
            Variant::new("frames", frames),
            Variant::new("typed", || {
                let parsed = text.lines().map(|line| {
                    let line: Typed<'_> = serde_json::from_str(line).expect("it is one of ours");
                    let at = Time::parse(line.time).expect("it is a time");
                    line.groups.treatment.score + line.groups.control.score + at.as_millis() as f64
                });
                parsed.sum::<f64>()
            }),
            Variant::new("maps", || {
                let parsed = text.lines().map(|line| {
                    let line: Maps<'_> = serde_json::from_str(line).expect("it is one of ours");
                    line.groups.len() + line.time.len()
                });
                parsed.sum::<usize>()
            }),
        ],
    );
    let each = |name| figures.ns(name) / lines as f64;
    bench.lines.push(Line::fact(
        "a line of NDJSON to a frame",
        format!("{} for {length} B", show(each("frames"))),
        format!(
            "{:.2}x serde_json into a struct ({}), {:.2}x into maps ({})",
            figures.ratio("frames", "typed"),
            show(each("typed")),
            figures.ratio("frames", "maps"),
            show(each("maps")),
        ),
    ));
}
