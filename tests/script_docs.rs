//! The committed pages about the script functions are what the program prints.

use std::path::Path;

use rollgate::policy::script::api;

#[rstest::rstest]
#[case("docs/rhai/rollgate.d.rhai", api::definitions())]
#[case("docs/rhai/reference.md", api::reference())]
fn committed_page_is_current(#[case] path: &str, #[case] printed: String) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &printed).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(committed, printed, "run `UPDATE_DOCS=1 cargo test --test script_docs` and commit {path}");
}

#[test]
fn every_function_is_documented_with_a_use_of_it() {
    for item in api::FUNCTIONS.iter().chain(&api::PROPERTIES) {
        assert!(item.example.contains(item.name), "{}", item.name);
        assert!(api::definitions().contains(item.name), "{}", item.name);
    }
}
