//! Measures variants of one piece of work against each other on a machine that is never quiet.
//!
//! Every variant runs one timed batch per round, rounds are interleaved and rotated, and batches last equally long, so
//! a slow phase of the machine hits all alike. A figure is the median over the rounds; a ratio is the median of the
//! ratios within each round. Batches are timed by the CPU time of the thread: what a neighbour steals is not counted
//! as ours, but wall time is kept beside it.

#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(dead_code, reason = "shared by two programs that use different parts")]

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Rounds, each with one batch of every variant.
    pub(crate) rounds: usize,
    /// How long one batch lasts.
    pub(crate) batch: Duration,
}

impl Plan {
    /// Long batches: shorter ones find the slow variants with cold caches and the fast ones with warm ones.
    pub(crate) const FULL: Plan = Plan { rounds: 41, batch: Duration::from_millis(20) };
    /// Only shows that everything runs.
    pub(crate) const QUICK: Plan = Plan { rounds: 3, batch: Duration::from_millis(1) };
}

/// One way of doing the work.
pub(crate) struct Variant<'a> {
    name: &'static str,
    /// Does the work so many times.
    run: Box<dyn FnMut(u64) + 'a>,
}

impl<'a> Variant<'a> {
    /// `once` does the work once; what it returns is kept from being optimised away.
    pub(crate) fn new<T>(name: &'static str, mut once: impl FnMut() -> T + 'a) -> Variant<'a> {
        let run = move |times| {
            for _ in 0..times {
                std::hint::black_box(once());
            }
        };
        Variant { name, run: Box::new(run) }
    }
}

/// What was measured: nanoseconds per repetition, by variant and round.
#[derive(Debug)]
pub(crate) struct Figures {
    names: Vec<&'static str>,
    cpu: Vec<Vec<f64>>,
    wall: Vec<Vec<f64>>,
}

impl Figures {
    fn at(&self, name: &str) -> usize {
        self.names.iter().position(|known| *known == name).unwrap_or_else(|| panic!("no variant `{name}`"))
    }

    /// Nanoseconds of CPU time, the median over rounds.
    pub(crate) fn ns(&self, name: &str) -> f64 {
        median(&self.cpu[self.at(name)])
    }

    /// Nanoseconds of wall time, the median over rounds.
    pub(crate) fn wall_ns(&self, name: &str) -> f64 {
        median(&self.wall[self.at(name)])
    }

    /// How many times longer `one` takes than `other`.
    pub(crate) fn ratio(&self, one: &str, other: &str) -> f64 {
        let rounds = self.cpu[self.at(one)].iter().zip(&self.cpu[self.at(other)]);
        median(&rounds.map(|(one, other)| one / other).collect::<Vec<f64>>())
    }
}

/// Measures `variants` in interleaved rounds, after finding out how many repetitions fill a batch.
pub(crate) fn measure(plan: Plan, mut variants: Vec<Variant<'_>>) -> Figures {
    let times: Vec<u64> = variants.iter_mut().map(|variant| repetitions(variant, plan.batch)).collect();
    let count = variants.len();
    let mut figures = Figures {
        names: variants.iter().map(|variant| variant.name).collect(),
        cpu: vec![Vec::new(); count],
        wall: vec![Vec::new(); count],
    };
    // The first round only warms up.
    for round in 0..=plan.rounds {
        for step in 0..count {
            let at = (round + step) % count;
            let (wall, cpu) = timed(|| (variants[at].run)(times[at]));
            if round > 0 {
                figures.wall[at].push(nanos(wall) / times[at] as f64);
                figures.cpu[at].push(nanos(cpu) / times[at] as f64);
            }
        }
    }
    figures
}

fn repetitions(variant: &mut Variant<'_>, batch: Duration) -> u64 {
    let mut times = 1;
    loop {
        let (_, cpu) = timed(|| (variant.run)(times));
        if cpu * 4 >= batch {
            let scale = nanos(batch) / nanos(cpu).max(1.0);
            return ((times as f64 * scale) as u64).max(1);
        }
        times *= 2;
    }
}

/// Wall time and CPU time of this thread.
pub(crate) fn timed(work: impl FnOnce()) -> (Duration, Duration) {
    let (wall, cpu) = (Instant::now(), thread_time());
    work();
    (wall.elapsed(), thread_time().saturating_sub(cpu))
}

fn thread_time() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}

/// The middle of `values`.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// CPU model, cores, compiler and how busy the machine is: figures mean nothing without them.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map_or("", |(_, m)| m);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = std::process::Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    let load = read("/proc/loadavg").split(' ').next().unwrap_or("").to_owned();
    format!("{model}, {cores} cores, {rustc}, load {load}")
}

/// Aligned columns, as a Markdown table. Numbers stand to the right.
pub(crate) fn markdown(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
        cells.chain([head[at].chars().count(), 3]).max().unwrap_or(3)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(head.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect());
    let rule = |(at, width): (usize, &usize)| if at == 0 { "-".repeat(*width) } else { "-".repeat(width - 1) + ":" };
    text += &line(widths.iter().enumerate().map(rule).collect());
    for row in rows {
        let cell = |(at, (cell, width)): (usize, (&String, &usize))| {
            if at == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
        };
        text += &line(row.iter().zip(&widths).enumerate().map(cell).collect());
    }
    text
}

/// A length of time in the unit that suits it.
pub(crate) fn show(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.1} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}
