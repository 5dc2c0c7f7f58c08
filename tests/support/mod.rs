//! The binary as a user drives it, in a folder of the test's, without the surroundings' say in how things look.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses a part of it")]

pub mod awaited;
pub mod checkout;

use std::path::Path;

use assert_cmd::Command;

/// What alters output or behaviour when the machine that tests happens to have it.
const SURROUNDINGS: [&str; 23] = [
    "NO_COLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "LC_ALL",
    "LANG",
    "TERM",
    "ROLLGATE_ASCII",
    "ROLLGATE_PLAIN",
    "ROLLGATE_ENVIRONMENT",
    "ROLLGATE_CONFIG",
    "ROLLGATE_STORE",
    "ROLLGATE_STORE_CA",
    "ROLLGATE_API",
    "ROLLGATE_API_CA",
    "ROLLGATE_TOKEN",
    "ROLLGATE_BY",
    "SUDO_USER",
    "GITHUB_STEP_SUMMARY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
];

/// The binary with these words.
pub fn rollgate(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("rollgate").expect("the binary was built");
    command.current_dir(folder).args(arguments);
    for name in SURROUNDINGS {
        command.env_remove(name);
    }
    // A repository above a scratch directory is none of the test's.
    command.env("GIT_CEILING_DIRECTORIES", std::env::temp_dir());
    command
}

/// What was printed, results before talk, and how it ended.
pub fn screen(folder: &Path, arguments: &[&str]) -> String {
    screen_of(&mut rollgate(folder, arguments))
}

/// The same of a command that was given more to know.
pub fn screen_of(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    let mut text = String::from_utf8(output.stdout).expect("text");
    text.push_str(&String::from_utf8(output.stderr).expect("text"));
    format!("{text}exit {}\n", output.status.code().expect("it ended by itself"))
}
