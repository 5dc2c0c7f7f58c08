//! The container file. There is no container engine here to build it with; what can be told from the text is.

use crate::text;

#[test]
fn the_image_runs_as_nobody_with_the_commands_that_rollgate_has() {
    let file = text("container/Containerfile");
    let last = file.rsplit("\nFROM ").next().unwrap();
    let user = last.lines().find_map(|line| line.strip_prefix("USER ")).expect("a user");
    assert!(user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id >= 1000)), "{user}");
    assert!(last.lines().all(|line| !line.starts_with("RUN")), "the last image has no shell to run anything with");
    let command: Vec<String> =
        serde_json::from_str(last.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap()).unwrap();
    assert_eq!(command[..2], ["run", "--config"]);
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let needed = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(file.contains(&format!("rust:{needed}-")), "the build has another Rust than Cargo.toml asks for");
}
