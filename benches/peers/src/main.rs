//! Times every contender and prints the table: `cargo run --release`, or `-- --quick` to see that everything runs.

use std::collections::HashMap;
use std::process::Command;

use rollgate_peers::{Contender, NATIVE, assert_parity, cedar, cel, contenders, ours, rego, snapshots, vrl};

#[path = "../../support/harness.rs"]
mod harness;

use harness::{Plan, Variant, markdown, measure, show};

/// How many times faster rollgate with an interpreted script rule has to be.
const BOUNDS: [(&str, f64); 5] =
    [(rego::INTERPRETER, 40.0), (rego::MACHINE, 8.0), (cel::NAME, 15.0), (cedar::NAME, 15.0), (vrl::NAME, 3.0)];

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick");
    let mut all = contenders();
    assert_parity(&mut all);
    let names: Vec<&'static str> = all.iter().map(|contender| contender.name).collect();
    let snapshots = snapshots();
    let variants = all.iter_mut().map(|Contender { name, decide }| {
        let mut days = snapshots.iter().cycle();
        Variant::new(name, move || days.next().map(&mut *decide))
    });
    let plan = if quick { Plan::QUICK } else { Plan::FULL };
    let figures = measure(plan, variants.collect());
    let counts = allocations();
    let rows: Vec<Vec<String>> = names
        .into_iter()
        .map(|name| {
            let times = figures.ratio(name, ours::SCRIPT);
            let bound = BOUNDS.iter().find(|(peer, _)| *peer == name).map(|(_, bound)| *bound);
            vec![
                name.to_owned(),
                show(figures.ns(name)),
                counts.get(name).cloned().unwrap_or_default(),
                format!("{:.1}", figures.ratio(name, NATIVE)),
                format!("{times:.2}"),
                bound.map_or_else(String::new, |bound| format!(">= {bound}")),
                bound.map_or("", |bound| if times >= bound { "yes" } else { "NO" }).to_owned(),
            ]
        })
        .collect();
    let head = ["decided by", "a decision", "allocations", "x straight-line", "x rollgate with script", "bound", "met"];
    println!("{}\n\n{}", harness::machine(), markdown(&head, &rows));
}

/// Counted by a program of its own: counting costs time.
fn allocations() -> HashMap<String, String> {
    let output = match std::env::var("CARGO") {
        Ok(cargo) => Command::new(cargo)
            .args(["run", "--release", "--quiet", "--bin", "allocations"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output(),
        // Started by itself: then the program beside it.
        Err(_) => std::env::current_exe().and_then(|own| Command::new(own.with_file_name("allocations")).output()),
    };
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once('\t')).map(|(name, n)| (name.to_owned(), n.to_owned())).collect()
}
