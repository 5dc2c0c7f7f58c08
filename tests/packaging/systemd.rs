//! The systemd unit.

use std::process::Command;

use crate::{must, packaging, settings, text};

const UNIT: &str = "systemd/rollgate.service";

/// The unit with the binary of this build, since systemd looks whether it is there.
fn unit() -> (tempfile::TempDir, std::path::PathBuf) {
    let installed = "/usr/local/bin/rollgate";
    let unit = text(UNIT);
    assert!(unit.contains(installed));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollgate.service");
    std::fs::write(&path, unit.replace(installed, env!("CARGO_BIN_EXE_rollgate"))).unwrap();
    (folder, path)
}

#[test]
fn systemd_takes_the_unit() {
    let (_folder, unit) = unit();
    let said = must(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&unit));
    assert_eq!(said.trim(), "", "not even a remark");
}

#[test]
fn the_service_is_shut_in() {
    let (_folder, unit) = unit();
    // Ten is a service with the rights of root; one and a half leaves what a network service cannot do without.
    must(Command::new("systemd-analyze").args(["security", "--offline=true", "--threshold=15"]).arg(&unit));
}

#[test]
fn its_settings_write_only_where_it_may() {
    let settings = settings(&text("systemd/rollgate.toml")).below(std::path::Path::new("/etc/rollgate"));
    let state = std::path::Path::new("/var/lib/rollgate");
    let rollgate::settings::values::StorePlace::File(store) = &settings.store.place else { panic!() };
    assert!(store.starts_with(state) && settings.journal.path.starts_with(state));
    assert!(settings.policies.iter().all(|path| path.starts_with("/etc/rollgate")));
    assert!(packaging(UNIT).is_file() && text(UNIT).contains("StateDirectory=rollgate"));
}
