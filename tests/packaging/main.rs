//! What is shipped beside the binary, held to the tools that will read it: systemd, promtool, the schemas of Kubernetes,
//! and rollgate's own reading of settings and policies.

#![allow(clippy::disallowed_methods, reason = "it reads what is committed")]
#![allow(missing_docs, reason = "tests say what they are about by name")]

mod alerts;
mod container;
mod kubernetes;
mod systemd;

use std::path::{Path, PathBuf};
use std::process::Command;

fn packaging(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(packaging(path)).unwrap_or_else(|error| panic!("packaging/{path}: {error}"))
}

/// Runs a tool that scripts/test installs; what it says is the failure.
fn must(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}; see scripts/test"));
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{said}");
    said
}

/// The settings in `text`, which must be sound but for warnings.
fn settings(text: &str) -> rollgate::settings::Settings {
    let read = rollgate::settings::read(".", "rollgate.toml", text);
    read.settings.unwrap_or_else(|| panic!("{:#?}", read.diagnostics))
}
