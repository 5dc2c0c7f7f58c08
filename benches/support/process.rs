//! Whole processes: the binary as people and pipelines start it.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::{median, show};
use super::world::{self, Shape};
use super::{Bench, Line, recording};

/// What a process took.
pub(crate) struct Took {
    pub(crate) wall: Duration,
    /// Of all its threads.
    pub(crate) cpu: Duration,
    /// The most memory it ever had, in bytes.
    pub(crate) peak: u64,
}

pub(crate) fn run(bench: &mut Bench) {
    let dir = tempfile::tempdir().expect("there is room for temporary files");
    let policy = write_policy(dir.path(), recording::SHAPE);
    replay(bench, dir.path(), &policy);
    check(bench, &policy);
}

fn write_policy(dir: &Path, shape: Shape) -> std::path::PathBuf {
    let policy = dir.join("policies").join("bench");
    fs::create_dir_all(&policy).expect("the directory is ours");
    let (toml, _) = world::texts(shape);
    fs::write(policy.join("policy.toml"), toml).expect("the directory is ours");
    policy
}

/// A million snapshots, read, decided and summed up.
fn replay(bench: &mut Bench, dir: &Path, policy: &Path) {
    let (lines, repeat) = if bench.quick { (2_000, 1) } else { (1_000_000, 5) };
    let (data, length) = write_data(dir, lines);
    let args: Vec<String> =
        ["replay", &policy.to_string_lossy(), &data.to_string_lossy(), "--baseline", "p95=200ms", "--output", "json"]
            .map(ToOwned::to_owned)
            .to_vec();
    let runs: Vec<Took> = (0..repeat).map(|_| replayed(&args, lines, &dir.join("report.json"))).collect();
    let walls: Vec<f64> = runs.iter().map(|took| took.wall.as_secs_f64()).collect();
    let cpus: Vec<f64> = runs.iter().map(|took| took.cpu.as_secs_f64()).collect();
    let (wall, cpu) = (median(&walls), median(&cpus));
    let best = walls.iter().copied().fold(f64::INFINITY, f64::min);
    let peak = runs.iter().map(|took| took.peak).max().unwrap_or(0) as f64 / 1024.0 / 1024.0;
    // With both cores to itself it cannot take longer than its CPU time, and not less than half of it.
    bench.lines.push(Line::promise(
        "replay of 1,000,000 NDJSON snapshots",
        "<= 2 s on 2 cores",
        format!("{wall:.2} s (best {best:.2} s)"),
        format!("{cpu:.2} s of CPU, {length} B a line"),
        wall * 1e6 / lines as f64 <= 2.0,
    ));
    bench.lines.push(Line::promise(
        "  its peak memory",
        "<= 64 MiB",
        format!("{peak:.0} MiB"),
        String::new(),
        peak <= 64.0,
    ));
}

/// Writes so many snapshots; where they are, and the bytes of a line.
pub(crate) fn write_data(dir: &Path, lines: usize) -> (std::path::PathBuf, usize) {
    let data = dir.join("million.ndjson");
    let mut file = BufWriter::new(File::create(&data).expect("the directory is ours"));
    let length = recording::write(lines, &mut file).expect("there is room for temporary files");
    drop(file);
    (data, length)
}

/// The command, and what it took; it must have seen every snapshot.
fn replayed(args: &[String], lines: usize, answer: &Path) -> Took {
    let took = took(Path::new(env!("CARGO_BIN_EXE_rollgate")), args, answer);
    let report = fs::read_to_string(answer).expect("it was written");
    let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
    let snapshots = report.pointer("/summary/snapshots").and_then(serde_json::Value::as_u64);
    assert_eq!(snapshots, Some(lines as u64), "{report:#}");
    took
}

/// A process that must end well, and what it took.
pub(crate) fn took(program: &Path, args: &[String], answer: &Path) -> Took {
    // A pipe that nobody reads would stop it.
    let stdout = File::create(answer).expect("the directory is ours");
    let started = Instant::now();
    let mut child =
        Command::new(program).args(args).stdout(stdout).stderr(Stdio::null()).spawn().expect("the binary was built");
    let mut peak = 0;
    while !is_over(&child) {
        peak = peak.max(peak_memory(&child));
        std::thread::sleep(Duration::from_millis(2));
    }
    // Until somebody waits for it, what it used can be looked up.
    let (wall, cpu) = (started.elapsed(), cpu_time(&child));
    let status = child.wait().expect("it ran");
    assert!(status.success(), "{status}");
    Took { wall, cpu, peak }
}

/// The fields of `/proc/ID/stat` behind the name.
fn stat(child: &Child) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    let (_, fields) = text.rsplit_once(") ").unwrap_or_default();
    fields.split(' ').map(ToOwned::to_owned).collect()
}

fn is_over(child: &Child) -> bool {
    stat(child).first().is_none_or(|state| state == "Z")
}

/// User and system time, in the hundredths of a second that Linux counts in.
fn cpu_time(child: &Child) -> Duration {
    let fields = stat(child);
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// The high-water mark of a process.
fn peak_memory(child: &Child) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// What a pre-commit hook waits for.
fn check(bench: &mut Bench, policy: &Path) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/request-isolation");
    let (policy, what) = if example.exists() {
        (example.as_path(), "check of the example policy, whole process")
    } else {
        (policy, "check of a policy, whole process")
    };
    let runs = if bench.quick { 2 } else { 30 };
    let mut walls = Vec::new();
    for _ in 0..runs {
        let started = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_rollgate")).arg("check").arg(policy).output();
        walls.push(started.elapsed().as_secs_f64() * 1e9);
        let output = output.expect("the binary was built");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let worst = walls.iter().copied().fold(0.0, f64::max);
    let ns = median(&walls);
    bench.lines.push(Line::promise(what, "<= 50 ms", show(ns), format!("slowest {}", show(worst)), ns <= 5e7));
}
