//! The committed pages of the example policies are what the program prints.

use std::path::Path;

use rollgate::handbook::Handbook;
use rollgate::handbook::grafana::Queries;
use rstest::rstest;

use super::policies::example;

#[rstest]
fn committed_pages_are_current(
    #[values("request-isolation", "web-service")] name: &str,
    #[values("plan.md", "runbook.md", "matrix.md", "dashboard.json")] file: &str,
) {
    let (source, policy) = example(name);
    let book = Handbook::new(&policy, &source);
    let printed = match file {
        "plan.md" => book.plan(None, &jiff::tz::TimeZone::UTC),
        "runbook.md" => book.runbook(),
        "matrix.md" => book.matrix(),
        _ => book.grafana(&Queries::new()),
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name).join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &printed).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let same = committed == printed;
    assert!(same, "run `UPDATE_DOCS=1 cargo test --test handbook` and commit {}", path.display());
}
