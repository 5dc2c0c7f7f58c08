//! The page of a replay as a strict parser sees it.

use std::fs;

use assert_cmd::Command;
use rstest::rstest;

use crate::support::{elements, holds_what_every_page_must, page_of, read, rollgate, text};

#[rstest]
#[case::rolled_back("isolation-leak-grows", "request-isolation")]
#[case::a_week("seven-days-clean", "request-isolation")]
#[case::regions("one-bad-region", "web-service")]
#[case::gaps("metrics-source-dies", "request-isolation")]
#[case::prometheus("new-version-is-slow", "web-service")]
fn a_page_needs_nothing_but_itself(#[case] fixture: &str, #[case] policy: &str) {
    holds_what_every_page_must(&page_of(fixture, policy, &[]));
}

#[test]
fn a_page_says_in_one_sentence_what_happened_and_measured_against_what() {
    let page = page_of("isolation-leak-grows", "request-isolation", &[]);
    read(&page, |document| {
        let verdict = elements(document, "section").find(|section| section.attribute("aria-label") == Some("verdict"));
        let said = text(verdict.unwrap());
        for part in [
            "Rolled back from staged (50%) to off",
            "Tue 2026-11-10 10:20:00 UTC",
            "isolation_score 94.9% is below 95%, 40m after the first breach",
            "margin -0.1pp",
            "policy.toml:44",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let title = elements(document, "title").next().unwrap();
        assert_eq!(text(title), "request-isolation: Rolled back from staged (50%) to off");
    });
}

#[test]
fn a_triangle_in_the_band_leads_to_the_row_that_explains_it() {
    let page = page_of("isolation-leak-grows", "request-isolation", &[]);
    read(&page, |document| {
        let mut links = document.descendants().filter(|node| node.tag_name().name() == "a");
        let triangle = links.find(|link| link.attribute("aria-label").is_some()).expect("the roll back is there");
        assert_eq!(triangle.attribute("aria-label"), Some("10:20:00: rolled back to off"));
        let id = triangle.attribute("href").unwrap().trim_start_matches('#');
        let row = document.descendants().find(|node| node.attribute("id") == Some(id)).unwrap();
        let said = text(row);
        for part in
            ["10:20:00", "+1h20m", "P0", "▼ ROLL BACK → off", "isolation_score 94.9% is below 95%", "decided it"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        // It is the one that is open at first sight.
        let open = |row: roxmltree::Node<'_, '_>| row.descendants().any(|node| node.attribute("open").is_some());
        let rows: Vec<_> = elements(document, "tbody").filter(|row| row.attribute("id").is_some()).collect();
        assert_eq!(
            rows.iter().filter(|row| open(**row)).map(|row| row.attribute("id").unwrap()).collect::<Vec<_>>(),
            [id]
        );
    });
}

#[test]
fn every_bound_in_force_is_drawn_and_named_with_its_check_its_level_and_its_duty() {
    let page = page_of("isolation-leak-grows", "request-isolation", &[]);
    read(&page, |document| {
        let names: Vec<String> = document
            .descendants()
            .filter(|node| node.attribute("class").is_some_and(|class| class.starts_with("bound-")))
            .map(text)
            .collect();
        let pairs: Vec<String> = names.chunks(2).map(|pair| pair.join(", ")).collect();
        for bound in [
            "P0 isolation_score.p0, below 95%: roll back",
            "P1 isolation_score.p1, below 99%: hold",
            "P2 isolation_score.p2, below 99.5%: warn",
            "P0 error-flood, ↑ above 5%: roll back",
            "P0 staged-slower, above 220ms: roll back",
        ] {
            assert!(pairs.iter().any(|pair| pair == bound), "{bound}: {pairs:#?}");
        }
        let lines = |class: &str| document.descendants().filter(|node| node.attribute("class") == Some(class)).count();
        assert!(lines("bound p0") >= 4 && lines("bound p1") >= 3 && lines("baseline") >= 1);
    });
}

#[test]
fn what_could_not_be_told_is_hatched_and_says_why() {
    let page = page_of("metrics-source-dies", "request-isolation", &[]);
    read(&page, |document| {
        let holes: Vec<String> = document
            .descendants()
            .filter(|node| node.attribute("class") == Some("hole"))
            .filter_map(|hole| hole.parent_element())
            .map(|group| text(group.children().find(|node| node.tag_name().name() == "title").unwrap()))
            .collect();
        assert!(holes.iter().any(|hole| hole == "unknown: stale, 09:31:30 to 10:10:00, 38m29s"), "{holes:?}");
        // The line of the readings is broken there.
        let chart = elements(document, "div").find(|div| text(*div).starts_with("isolation_ score")).unwrap();
        let strokes = chart
            .descendants()
            .filter(|node| node.tag_name().name() == "path" && node.attribute("class") == Some("series r0"));
        assert_eq!(strokes.count(), 2);
    });
}

#[test]
fn regions_are_told_apart_by_their_strokes() {
    let page = page_of("one-bad-region", "web-service", &[]);
    read(&page, |document| {
        let keys: Vec<String> = elements(document, "ul")
            .find(|list| list.attribute("class") == Some("keys"))
            .unwrap()
            .children()
            .filter(|node| node.has_tag_name("li"))
            .map(text)
            .collect();
        assert_eq!(keys, ["us", "eu"]);
        for class in ["series r0", "series r1"] {
            assert!(document.descendants().any(|node| node.attribute("class") == Some(class)), "{class}");
        }
    });
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let pages: Vec<String> = (0..2)
        .map(|_| {
            crate::support::write_page("seven-days-clean", "request-isolation", &[], &path);
            fs::read_to_string(&path).unwrap()
        })
        .collect();
    assert!(pages[0] == pages[1], "two runs differ");
    assert!(pages[0].len() < 400_000, "{} bytes for a week", pages[0].len());
}

#[test]
fn times_are_shown_in_the_zone_asked_for() {
    let page = page_of("isolation-leak-grows", "request-isolation", &["--tz", "Europe/Berlin"]);
    assert!(page.contains("Tue 2026-11-10 11:20:00 CET"), "the roll back");
    assert!(page.contains("All times in Europe/Berlin"));
    assert!(
        page.contains("rollgate replay policies/request-isolation fixtures/isolation-leak-grows --tz Europe/Berlin<")
    );
}

const HOSTILE: &str = "</title></svg></style><script>alert(1)</script>\" onload='alert(2)' 🦀 &amp; <b>";

#[test]
fn hostile_names_are_inert() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    // In the name of a file as far as a file system allows it, in what a person ordered, and in the command.
    let name = HOSTILE.replace('/', "\u{2215}") + ".csv";
    let fixture = home.join("fixtures/hostile");
    fs::create_dir_all(&fixture).unwrap();
    let rows: String =
        (0..10).map(|minute| format!("2026-11-10T09:{minute:02}:00Z,error_rate,treatment,0.1,1000\n")).collect();
    fs::write(fixture.join(&name), format!("timestamp,metric,group,value,samples\n{rows}")).unwrap();
    let quoted = |text: &str| toml_edit::Value::from(text).to_string();
    let order = format!("{{ at = \"3m\", verb = \"rollback\", actor = {0}, reason = {0} }}", quoted(HOSTILE));
    fs::write(
        fixture.join("fixture.toml"),
        format!(
            "title = {0}\nsource = \"a test\"\npolicy = \"policies/web-service\"\ndata = [{1}]\nstart = {{ stage = \"canary\" }}\norders = [{order}]\n",
            quoted(HOSTILE),
            quoted(&name)
        ),
    )
    .unwrap();
    let page = home.join("page.html");
    let mut command = rollgate();
    command.args(["replay", "policies/web-service"]).arg(&fixture).arg("--html").arg(&page);
    command.assert().success();
    let page = fs::read_to_string(page).unwrap();
    holds_what_every_page_must(&page);
    read(&page, |document| {
        let all = text(document.root_element());
        assert!(all.contains(&format!("ordered by {HOSTILE}: {HOSTILE}")), "the reason is shown as it was given");
        assert!(all.contains(&HOSTILE.replace('/', "\u{2215}")), "the file's name is shown as it is");
    });
}

/// What cannot be done is said before any work is done, or leaves nothing behind.
#[test]
fn a_page_that_cannot_be_written_is_refused_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let replay = |arguments: &[&str]| -> (Option<i32>, String) {
        let mut command: Command = rollgate();
        command.args(["replay", "policies/request-isolation", "fixtures/isolation-leak-grows"]).args(arguments);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let shown = folder.path().to_str().unwrap();
    let (code, said) = replay(&["--html", shown]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("is a directory") && said.contains("replay.html"), "{said}");
    let (code, said) = replay(&["--html", "page.html", "--output", "jsonl"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("`--html` and `--output jsonl` do not go together"), "{said}");
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (code, said) = replay(&["--html", file.join("page.html").to_str().unwrap()]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("cannot be written"), "{said}");
}

#[test]
fn the_report_is_printed_beside_the_page_and_data_without_a_reading_gives_a_page_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let outcome = |html: bool| {
        let mut command = rollgate();
        command.args(["replay", "policies/request-isolation", "fixtures/isolation-leak-grows"]);
        if html {
            command.arg("--html").arg(&path);
        }
        command.output().unwrap()
    };
    let (with, without) = (outcome(true), outcome(false));
    assert_eq!(String::from_utf8(with.stdout).unwrap(), String::from_utf8(without.stdout).unwrap());
    let said = String::from_utf8(with.stderr).unwrap();
    assert_eq!(said.trim(), format!("page written to {}", path.display()));
    let mut command = rollgate();
    command.args([
        "replay",
        "policies/request-isolation",
        "fixtures/isolation-leak-grows",
        "--from",
        "2030-01-01T00:00:00Z",
    ]);
    command.arg("--html").arg(&path).assert().code(5);
    let page = fs::read_to_string(&path).unwrap();
    holds_what_every_page_must(&page);
    assert!(page.contains("Nothing was decided"), "{page}");
}
