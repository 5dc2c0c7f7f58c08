//! Two policies over one long recording, as `diff` compares them: in a process of its own, so that its memory can be
//! told.

use std::fs;
use std::path::Path;

use rollgate::model::ids::Environment;
use rollgate::review::compare::{Case, CompareOptions, compare};
use rollgate::review::verdict::Standing;
use rollgate::shell::data::open_recording;
use rollgate::shell::files::load_policy;

use super::harness::median;
use super::process::{Took, took, write_data};
use super::{Bench, Line, recording, world};

/// The first argument of such a process.
pub(crate) const ALONE: &str = "--compare";

pub(crate) fn run(bench: &mut Bench) {
    let dir = tempfile::tempdir().expect("there is room for temporary files");
    let (lines, repeat) = if bench.quick { (2_000, 1) } else { (1_000_000, 5) };
    let (data, _) = write_data(dir.path(), lines);
    let (toml, _) = world::texts(recording::SHAPE);
    let policy = |name: &str, text: &str| {
        let folder = dir.path().join(name);
        fs::create_dir_all(&folder).expect("the directory is ours");
        fs::write(folder.join("policy.toml"), text).expect("the directory is ours");
        folder.to_string_lossy().into_owned()
    };
    // Nobody answers for it any more: another digest, and the same decisions.
    let old = policy("old", &toml);
    let new = policy("new", &format!("owner = \"nobody\"\n{toml}"));
    let stepwise = [("diff of 1,000,000 NDJSON snapshots", ""), ("  with every moment judged again", "per-step")];
    for (what, how) in stepwise {
        let args: Vec<String> = [ALONE, &old, &new, &data.to_string_lossy(), how].map(str::to_owned).to_vec();
        let me = std::env::current_exe().expect("it is running");
        let answer = dir.path().join("answer");
        let runs: Vec<Took> = (0..repeat).map(|_| took(&me, &args, &answer)).collect();
        let said = fs::read_to_string(&answer).expect("it was written");
        assert_eq!(said.trim(), format!("{lines} same"));
        let walls: Vec<f64> = runs.iter().map(|took| took.wall.as_secs_f64()).collect();
        let cpus: Vec<f64> = runs.iter().map(|took| took.cpu.as_secs_f64()).collect();
        let (wall, cpu) = (median(&walls), median(&cpus));
        let peak = runs.iter().map(|took| took.peak).max().unwrap_or(0) as f64 / 1024.0 / 1024.0;
        let best = walls.iter().copied().fold(f64::INFINITY, f64::min);
        bench.lines.push(Line::promise(
            what,
            "<= 5 s on 2 cores, <= 64 MiB",
            format!("{wall:.2} s (best {best:.2} s), {peak:.0} MiB"),
            format!("{cpu:.2} s of CPU"),
            wall * 1e6 / lines as f64 <= 5.0 && peak <= 64.0,
        ));
    }
}

/// The process that is measured.
pub(crate) fn alone(args: &[String]) {
    let [old, new, data, how] = args else { panic!("two policies, a recording, and how") };
    let environment = Environment::new("production");
    let policy = |folder: &str| {
        let compiled = rollgate::policy::compile(&load_policy(Path::new(folder)), &environment);
        std::sync::Arc::new(compiled.policy.expect("it compiles"))
    };
    let (old, new) = (policy(old), policy(new));
    let source = Box::new(|| Ok(vec![open_recording(data, None)?]));
    let mut case = Case::of_history(data.as_str(), &old, &new, source);
    for reading in [&mut case.before, &mut case.after] {
        // As `replay --baseline p95=200ms` has it.
        let p95 = old.catalogue.find("p95").expect("the policy has it");
        reading.scenario.start.baseline.insert(p95, 200.0);
    }
    let options = CompareOptions { per_step: how == "per-step", ..CompareOptions::default() };
    let compared = compare(&case, &old, &new, &options).expect("it can be read");
    assert!(compared.per_step.is_none_or(|steps| steps.differ == 0 && steps.judged >= compared.snapshots));
    let standing = if compared.standing == Standing::Same { "same" } else { "other" };
    println!("{} {standing}", compared.snapshots);
}
