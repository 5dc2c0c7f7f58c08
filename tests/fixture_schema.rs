//! The schemas of tests and fixtures are current, accept every committed file, and refuse what the readers refuse.

#![expect(clippy::disallowed_methods, reason = "it compares with committed files, and writes them when asked to")]

use std::fs;
use std::path::{Path, PathBuf};

use rollgate::fixture::schema::{expect_schema, fixture_schema, test_schema};
use rstest::rstest;
use serde_json::Value;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn schema(of: &str) -> Value {
    match of {
        "test" => test_schema(),
        "fixture" => fixture_schema(),
        _ => expect_schema(),
    }
}

fn problems(of: &str, text: &str) -> Vec<String> {
    let file: toml::Table = toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let validator = jsonschema::draft7::new(&schema(of)).unwrap();
    validator.iter_errors(&serde_json::to_value(file).unwrap()).map(|error| error.to_string()).collect()
}

/// `ROLLGATE_BLESS=1 cargo test --test fixture_schema` rewrites the committed files.
#[test]
fn committed_schemas_are_current() {
    for of in ["test", "fixture", "expect"] {
        let path = root().join(format!("schemas/{of}.schema.json"));
        let text = serde_json::to_string_pretty(&schema(of)).unwrap() + "\n";
        if std::env::var_os("ROLLGATE_BLESS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "schemas/{of}.schema.json is out of date: run with ROLLGATE_BLESS=1");
    }
}

/// Every file below `folder` that `wanted` takes.
fn files(folder: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, wanted, found);
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

#[rstest]
#[case::tests("test", 5)]
#[case::fixtures("fixture", 25)]
#[case::expectations("expect", 25)]
fn every_committed_file_is_accepted(#[case] of: &str, #[case] at_least: usize) {
    let wanted = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match of {
            "test" => path.parent().is_some_and(|folder| folder.ends_with("tests")) && name.ends_with(".toml"),
            other => name == format!("{other}.toml"),
        }
    };
    let mut found = Vec::new();
    for folder in ["policies", "fixtures", "src/cli/init"] {
        files(&root().join(folder), &wanted, &mut found);
    }
    assert!(found.len() >= at_least, "{found:?}");
    for path in found {
        let broken = problems(of, &fs::read_to_string(&path).unwrap());
        assert!(broken.is_empty(), "{}: {broken:?}", path.display());
    }
}

const TEST: &str = "[[test]]\nname = \"t\"\nseries = { a = \"1 for 5m\" }\nnever = [{ decision = \"hold\" }]\n";
const FIXTURE: &str = "title = \"t\"\npolicy = \"policies/p\"\ndata = [\"data.csv\"]\n[label]\nverdict = \"good\"\n";
const EXPECT: &str = "[[expect]]\nat = \"5m\"\ndecision = \"hold\"\nwait = \"bake\"\n";

#[rstest]
#[case::key_of_a_test("test", TEST, "series =", "serie =")]
#[case::test_without_name("test", TEST, "name = \"t\"", "")]
#[case::answer("test", TEST, "\"hold\"", "\"rollback\"")]
#[case::series_as_a_list("test", TEST, "\"1 for 5m\"", "[1, 2]")]
#[case::fixture("fixture", FIXTURE, "verdict", "verdikt")]
#[case::verdict("fixture", FIXTURE, "\"good\"", "\"fine\"")]
#[case::no_policy("fixture", FIXTURE, "policy = \"policies/p\"", "")]
#[case::data_as_a_number("fixture", FIXTURE, "[\"data.csv\"]", "7")]
#[case::wait("expect", EXPECT, "\"bake\"", "\"coffee\"")]
#[case::expectation("expect", EXPECT, "decision", "desicion")]
fn what_the_reader_refuses_the_schema_refuses(
    #[case] of: &str,
    #[case] text: &str,
    #[case] old: &str,
    #[case] new: &str,
) {
    assert_eq!(problems(of, text), Vec::<String>::new());
    assert!(text.contains(old));
    assert!(!problems(of, &text.replacen(old, new, 1)).is_empty());
}

#[test]
fn one_table_stands_for_a_list_of_one() {
    let text = TEST.replace("[{ decision = \"hold\" }]", "{ decision = \"hold\" }");
    assert_eq!(problems("test", &text), Vec::<String>::new());
    assert_eq!(problems("fixture", &FIXTURE.replace("[\"data.csv\"]", "\"data.csv\"")), Vec::<String>::new());
}
