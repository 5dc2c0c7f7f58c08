//! From series or recorded data through the machine to expectations, timelines and scores.
#![expect(clippy::disallowed_methods, reason = "the test writes the files it reads")]

use std::io::Write;
use std::sync::Arc;

use rollgate::fixture::data::open;
use rollgate::fixture::data::report::DataReport;
use rollgate::fixture::directory::{read_fixture, read_head};
use rollgate::fixture::run::{Run, RunOptions, run};
use rollgate::fixture::scenario::{PolicyTest, TEST_START, environments_of, read_tests};
use rollgate::fixture::score::{Label, Quality, score};
use rollgate::fixture::series::Series;
use rollgate::fixture::timeline::render;
use rollgate::fixture::{InMemory, Moment, ReadOptions, codes};
use rollgate::model::decision::Answer;
use rollgate::model::frame::Frame;
use rollgate::model::ids::Environment;
use rollgate::model::reading::Unknown;
use rollgate::model::time::Duration;
use rollgate::model::units::Unit;
use rollgate::policy::compiled::Policy;
use rollgate::policy::diagnostic::Diagnostic;
use rollgate::policy::source::PolicySource;
use rollgate::shell::data::open_recording;
use rstest::rstest;

const POLICY: &str = r#"
schema = 1
rollout = "leak"
features = ["leak"]
[metrics]
score = { unit = "percent", better = "higher", max_age = "2m", on_unknown = "hold" }
latency = { unit = "ms", better = "lower", max_age = "2m", on_unknown = "hold" }
[thresholds.score]
p0 = { below = "95%" }
p1 = { below = "99%", for = "2m", clear_after = "2m" }
[thresholds.latency]
p2 = { above = "+10%", than = "baseline", and_above = "+20ms" }
[[stages]]
name = "off"
[[stages]]
name = "canary"
traffic = "10%"
bake = "30m"
approvals = { roles = ["manager"], people = 1 }
[[stages]]
name = "full"
traffic = "100%"
"#;

fn policy() -> Arc<Policy> {
    let mut source = PolicySource::new("policies/leak");
    source.insert("policy.toml", POLICY);
    let compiled = rollgate::policy::compile(&source, &Environment::new("production"));
    Arc::new(compiled.policy.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics)))
}

fn tests(text: &str) -> (Vec<PolicyTest>, Vec<Diagnostic>) {
    read_tests("tests/a.toml", text, &policy())
}

fn play(test: &PolicyTest, options: &RunOptions) -> Run {
    let policy = policy();
    let mut frames = InMemory::new(test.frames.clone(), DataReport::new(&policy.catalogue));
    run(&test.scenario, &policy, &mut frames, options, &mut |_, _, _, _| {}).unwrap()
}

/// A test with these series and expectations, run.
fn outcome(series: &str, expectations: &str) -> Run {
    let text = format!(
        "[[test]]\nname = \"t\"\nbaseline = {{ latency = \"200ms\" }}\n[test.series]\n{series}\n{expectations}"
    );
    let (tests, diagnostics) = tests(&text);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
    play(&tests[0], &RunOptions::default())
}

const FALLING: &str = "score = \"99.9 for 10m, 94.9 for 1m, 99.9 for 9m\"\nlatency = \"200 for 20m\"";

#[rstest]
#[case::roll_back_at_the_instant(
    r#"at = "10m"
decision = "roll_back"
severity = "p0"
because = ["score.p0"]
stage = "canary"
to = "off""#
)]
#[case::latched_behind_it(
    r#"at = "10m30s"
decision = "hold"
wait = "latched"
stage = "off""#
)]
#[case::in_force_between_samples("at = \"9m59s\"\ndecision = \"hold\"\nwait = \"bake\"")]
#[case::by("by = \"10m\"\ndecision = \"roll_back\"")]
#[case::throughout("until = \"9m\"\ndecision = \"hold\"")]
#[case::first_pending("at = \"10m\"\nstate = { \"score.p1\" = \"pending\", \"latency.p2\" = \"ok\" }")]
fn a_met_expectation_is_silent(#[case] expectation: &str) {
    let run = outcome(FALLING, &format!("[[test.expect]]\n{expectation}"));
    assert_eq!(run.failures, [], "{}", render(&run.rows, run.begins));
}

#[rstest]
#[case::too_early("expect", "at = \"9m\"\ndecision = \"roll_back\"", "ROLL BACK at 9m", "HOLD in canary at")]
#[case::by_too_early("expect", "by = \"9m59s\"\ndecision = \"roll_back\"", "by 9m59s", "HOLD in canary")]
#[case::throughout("expect", "from = \"5m\"\ndecision = \"hold\"", "throughout 5m..19m", "ROLL BACK in canary at 10m")]
#[case::never("never", "decision = \"roll_back\"", "never ROLL BACK", "score 94.9% is below 95%")]
#[case::never_check("never", "check = \"score.p0\"", "score.p0 firing", "score.p0 is firing")]
#[case::severity("expect", "at = \"10m\"\nseverity = \"p1\"", "severity P1", "severity P0")]
#[case::beyond("expect", "at = \"25m\"\ndecision = \"hold\"", "at 25m", "the data ends at 19m")]
#[case::final_stage("final", "stage = \"canary\"", "stage canary", "it ends in off")]
#[case::final_exposure("final", "exposure = \"10%\"", "exposure 10%", "0%, in off")]
#[case::final_latch("final", "latched = false", "not latched", "latched since 10m")]
fn an_unmet_expectation_says_what_was_decided_instead(
    #[case] kind: &str,
    #[case] body: &str,
    #[case] expected: &str,
    #[case] got: &str,
) {
    let head = if kind == "final" { "[test.final]".to_owned() } else { format!("[[test.{kind}]]") };
    let run = outcome(FALLING, &format!("{head}\n{body}"));
    assert_eq!(run.failures.len(), 1, "{:?}", run.failures);
    let failure = &run.failures[0];
    assert!(failure.expected.contains(expected) && failure.got.contains(got), "{failure:#?}");
    assert_eq!(&*failure.place.file, "tests/a.toml");
    assert!(!failure.place.span.is_empty());
}

#[rstest]
#[case("never", "decision = \"roll_back\"\nfrom = \"11m\"")]
#[case("never", "decision = \"advance\"")]
#[case("final", "stage = \"off\"\nlatched = true\nexposure = \"0%\"\ndecision = \"hold\"")]
fn what_does_not_happen_in_its_span_is_silent(#[case] kind: &str, #[case] body: &str) {
    let head = if kind == "final" { "[test.final]".to_owned() } else { format!("[[test.{kind}]]") };
    assert_eq!(outcome(FALLING, &format!("{head}\n{body}")).failures, []);
}

#[test]
fn the_timeline_reads_as_an_sre_would() {
    let run = outcome(FALLING, "[[test.never]]\ndecision = \"advance\"");
    insta::assert_snapshot!(render(&run.rows, run.begins));
    assert_eq!(run.rollbacks.len(), 1);
    assert_eq!(run.counts.roll_back, 1);
}

#[test]
fn the_machine_is_woken_between_samples_and_orders_come_at_their_time() {
    // Silence from 5m on: the readings turn stale at 6m plus a hair, long before the next sample.
    let series = "score = \"99.9 for 5m, _ for 10m, 99.9 for 40m\"\nlatency = \"200 for 55m\"";
    let run = outcome(
        series,
        concat!(
            "[[test.orders]]\nat = \"20m30s\"\nverb = \"approve\"\nrole = \"manager\"\nactor = \"ana\"\nreason = \"ok\"\n",
            "[[test.expect]]\nat = \"8m\"\nwait = \"unknown\"\n[[test.expect]]\nat = \"16m\"\nwait = \"bake\"\n",
            "[[test.expect]]\nby = \"54m\"\ndecision = \"advance\"\nto = \"full\"\n",
        ),
    );
    assert_eq!(run.failures, [], "{}", render(&run.rows, run.begins));
    assert!(run.played.ticks > 0);
}

#[test]
fn without_the_approval_nothing_advances_unless_approvals_are_assumed() {
    for (assumed, answer) in [("false", "never"), ("true", "expect")] {
        let time = if answer == "expect" { "by = \"39m\"\n" } else { "" };
        let text = format!(
            "[[test]]\nname = \"t\"\napprovals_assumed = {assumed}\nbaseline = {{ latency = \"200ms\" }}\n[test.series]\nscore = \"99.9 for 40m\"\nlatency = \"200 for 40m\"\n[[test.{answer}]]\n{time}decision = \"advance\""
        );
        let (tests, diagnostics) = tests(&text);
        assert_eq!(diagnostics, []);
        let run = play(&tests[0], &RunOptions::default());
        assert_eq!(run.failures, [], "{assumed}: {}", render(&run.rows, run.begins));
    }
}

#[test]
fn rearming_enters_the_start_stage_again_and_later_breaches_count_again() {
    let series = "score = \"99.9 for 5m, 94 for 1m, 99.9 for 20m, 94 for 1m, 99.9 for 5m\"\nlatency = \"200 for 32m\"";
    let text = format!(
        "[[test]]\nname = \"t\"\nbaseline = {{ latency = \"200ms\" }}\n[test.series]\n{series}\n[[test.never]]\ndecision = \"advance\""
    );
    let (tests, _) = tests(&text);
    let run = play(&tests[0], &RunOptions { rearm: Some(Duration::from_mins(5)), ..RunOptions::default() });
    assert_eq!(run.played.rearmed, 1, "{}", render(&run.rows, run.begins));
    assert_eq!(run.acted().count(), 2);
    let latched = play(&tests[0], &RunOptions::default());
    assert_eq!(latched.acted().count(), 1);
    assert_eq!(latched.rollbacks.iter().filter(|rolled_back| rolled_back.would).count(), 1);
    let would: Vec<_> = latched.rows.iter().filter(|row| row.would).collect();
    assert_eq!(would.len(), 1, "{}", render(&latched.rows, latched.begins));
    assert_eq!(would[0].answer, Answer::RollBack);
}

#[rstest]
#[case::not_toml("[[test]\nname = 1", codes::SYNTAX)]
#[case::no_tests("", codes::MISSING)]
#[case::unknown_key(
    "[[test]]\nname = \"t\"\nseris = 1\n[test.series]\nscore = \"1 for 5m\"\n[[test.never]]\ndecision = \"advance\"",
    codes::UNKNOWN_KEY
)]
#[case::expects_nothing("[[test]]\nname = \"t\"\n[test.series]\nscore = \"1 for 5m\"", codes::EXPECTS_NOTHING)]
#[case::empty_expectation(
    "[[test]]\nname = \"t\"\n[test.series]\nscore = \"1 for 5m\"\n[[test.expect]]\nat = \"1m\"",
    codes::EXPECTS_NOTHING
)]
#[case::no_time(
    "[[test]]\nname = \"t\"\n[test.series]\nscore = \"1 for 5m\"\n[[test.expect]]\ndecision = \"hold\"",
    codes::EXPECTS_NOTHING
)]
#[case::unknown_check(
    "[[test]]\nname = \"t\"\n[test.series]\nscore = \"1 for 5m\"\n[[test.never]]\ncheck = \"score.p9\"",
    codes::UNKNOWN_CHECK
)]
#[case::unknown_stage(
    "[[test]]\nname = \"t\"\nstage = \"canry\"\n[test.series]\nscore = \"1 for 5m\"\n[[test.never]]\ndecision = \"hold\"",
    codes::UNKNOWN_STAGE
)]
#[case::unknown_metric(
    "[[test]]\nname = \"t\"\n[test.series]\nscoer = \"1 for 5m\"\n[[test.never]]\ndecision = \"hold\"",
    codes::UNKNOWN_SERIES
)]
#[case::unknown_group(
    "[[test]]\nname = \"t\"\n[test.series]\n\"score.blue\" = \"1 for 5m\"\n[[test.never]]\ndecision = \"hold\"",
    codes::UNKNOWN_SERIES
)]
#[case::bad_series(
    "[[test]]\nname = \"t\"\n[test.series]\nscore = \"1% for 5m\"\n[[test.never]]\ndecision = \"hold\"",
    codes::SERIES
)]
#[case::bad_word(
    "[[test]]\nname = \"t\"\n[test.series]\nscore = \"1 for 5m\"\n[[test.never]]\ndecision = \"rollback\"",
    codes::VALUE
)]
#[case::same_name(
    "[[test]]\nname = \"t\"\n[test.series]\nscore = \"1 for 5m\"\n[[test.never]]\ndecision = \"hold\"\n[[test]]\nname = \"t\"\n[test.series]\nscore = \"1 for 5m\"\n[[test.never]]\ndecision = \"hold\"",
    codes::SAME_NAME
)]
fn a_wrong_test_file_is_told_with_its_place(#[case] text: &str, #[case] code: rollgate::policy::diagnostic::Code) {
    let (_, diagnostics) = tests(text);
    assert!(diagnostics.iter().any(|diagnostic| diagnostic.code == code), "{diagnostics:#?}");
    assert!(codes::PAGES.iter().any(|page| page.code == code));
}

#[test]
fn all_problems_come_in_one_run_with_spans_on_the_fault() {
    let text = "[[test]]\nname = \"t\"\nstep = \"soon\"\n[test.series]\nscore = \"99 for 5m, 98% for 1m, ramp 1 to 2 over 5m\"\n[[test.expect]]\nat = \"1m\"\ndecison = \"hold\"\nbecause = [\"score.p7\"]";
    let (_, diagnostics) = tests(text);
    let said: Vec<(String, &str)> =
        diagnostics.iter().map(|d| (d.message.clone(), &text[d.primary.place.span.clone()])).collect();
    let expected = [
        ("`soon`", "\"soon\""),
        ("`98%` is not a value", "98%"),
        ("`to` where `->`", "to"),
        ("unknown key `decison`", "decison"),
        ("no check is called `score.p7`", "\"score.p7\""),
    ];
    for (message, place) in expected {
        assert!(said.iter().any(|(m, p)| m.contains(message) && *p == place), "{message}: {said:#?}");
    }
    assert!(diagnostics.iter().any(|d| d.help == ["did you mean `decision`?"]));
}

#[test]
fn environments_of_a_test_file_are_known_before_any_policy() {
    let named: Vec<String> = environments_of("[[test]]\n[[test]]\nenvironment = \"staging\"\n[[test]]\n")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(named, ["production", "staging"]);
}

fn values(text: &str) -> Vec<(i64, String)> {
    let samples = Series::parse(text, Unit::Percent).unwrap().samples("score", Duration::from_mins(1)).unwrap();
    let show = |value: Result<f64, Unknown>| value.map_or_else(|why| why.to_string(), |value| value.to_string());
    samples.iter().map(|s| (s.offset.as_millis() / 60_000, show(s.value))).collect()
}

#[rstest]
#[case("99.9 for 2m, 94.9 for 1m", &[(0, "99.9"), (1, "99.9"), (2, "94.9")])]
#[case("1 for 90s, 2 for 90s", &[(0, "1"), (1, "1"), (2, "2")])]
#[case("ramp 100 -> 94 over 4m", &[(0, "100"), (1, "98"), (2, "96"), (3, "94")])]
#[case("1 x 2, _ for 2m, 3 x 1", &[(0, "1"), (1, "1"), (4, "3")])]
#[case("null for 1m, NaN for 1m, +Inf for 1m", &[(0, "absent"), (1, "not-a-number"), (2, "infinite")])]
#[case("alternate 1 2 every 2m for 5m", &[(0, "1"), (1, "1"), (2, "2"), (3, "2"), (4, "1")])]
#[case("5 x 1, reset to 0, 1 x 1", &[(0, "5"), (1, "0"), (2, "1")])]
#[case("-1.5e2 x 1", &[(0, "-150")])]
fn the_series_notation_gives_these_samples(#[case] text: &str, #[case] expected: &[(i64, &str)]) {
    let expected: Vec<(i64, String)> = expected.iter().map(|(at, value)| (*at, (*value).to_owned())).collect();
    assert_eq!(values(text), expected);
}

#[test]
fn noise_is_bounded_and_the_same_on_every_machine() {
    let series = Series::parse("noise 99.5@40 +- 0.3 for 1h", Unit::Percent).unwrap();
    let of = |seed: &str| series.samples(seed, Duration::from_mins(1)).unwrap();
    assert_eq!(of("a"), of("a"));
    assert_ne!(of("a"), of("b"));
    assert!(of("a").iter().all(|s| s.samples == Some(40) && (s.value.unwrap() - 99.5).abs() <= 0.3));
    let shown: Vec<String> = of("a").iter().take(3).map(|s| s.value.unwrap().to_string()).collect();
    insta::assert_snapshot!(shown.join(" "));
}

#[rstest]
#[case("", "an empty segment")]
#[case("99", "is missing")]
#[case("99 for", "a duration is missing")]
#[case("99 for 0s", "not a duration")]
#[case("99 x 0", "not a number of samples")]
#[case("99@many for 5m", "not a sample count")]
#[case("99 for 5m please", "after the end of the segment")]
#[case("inf for 5m", "not a value")]
#[case("rmap 1 -> 2 over 5m", "`rmap` is not a value")]
fn a_wrong_series_is_told(#[case] text: &str, #[case] message: &str) {
    let errors = Series::parse(text, Unit::Percent).unwrap_err();
    assert!(errors.iter().any(|error| error.message.contains(message) && !error.help.is_empty()), "{errors:?}");
}

#[rstest]
#[case("1 for 30s, 2 for 20s, 3 for 30s", "holds no sample")]
#[case("1 for 90000w", "more than")]
fn a_series_that_makes_no_sense_at_its_step_is_told(#[case] text: &str, #[case] message: &str) {
    let error = Series::parse(text, Unit::Percent).unwrap().samples("a", Duration::from_mins(1)).unwrap_err();
    assert!(error.contains(message), "{error}");
}

#[test]
fn scoring_counts_the_first_roll_back_of_each_window_and_any_outside() {
    let at = |minute| TEST_START + Duration::from_mins(minute);
    let window = |from, to| (Moment::After(Duration::from_mins(from)), Moment::After(Duration::from_mins(to)));
    let label = Label { quality: Quality::Bad, incidents: vec![window(10, 20), window(40, 50)] };
    let found = score(&[at(5), at(12), at(15), at(60)], &label, TEST_START);
    assert_eq!(found.caught.len(), 1);
    assert_eq!((found.caught[0].at, found.caught[0].after), (at(12), Duration::from_mins(2)));
    assert_eq!(found.missed, [(at(40), at(50))]);
    assert_eq!(found.false_alarms, [at(5), at(60)]);
    let good = Label { quality: Quality::Good, incidents: Vec::new() };
    assert_eq!(score(&[at(12)], &good, TEST_START).false_alarms, [at(12)]);
}

const FIXTURE: &str = r#"
title = "a leak by night"
source = "synthetic"
policy = "policies/leak"
data = ["data.csv"]
start = { stage = "canary", bake = "10m" }
baseline_until = "2026-11-01T01:00:00Z"
assume_samples = 500
[map]
lat = "latency:s"
[label]
verdict = "bad"
incidents = [{ from = "2026-11-01T01:10:00Z", to = "2026-11-01T01:30:00Z" }]
"#;

#[test]
fn a_fixture_takes_its_baseline_from_the_data_before_the_start() {
    let (head, diagnostics) = read_head(FIXTURE);
    assert_eq!((head.unwrap().policy.as_str(), diagnostics), ("policies/leak", Vec::new()));
    let policy = policy();
    let expect = "[[expect]]\nat = \"10m\"\nstate = { \"latency.p2\" = \"firing\" }\n[[expect]]\nat = \"9m\"\nstate = { \"latency.p2\" = \"ok\" }\n[final]\nstage = \"canary\"";
    let (fixture, diagnostics) = read_fixture(FIXTURE, Some(expect), &policy);
    assert_eq!(diagnostics, []);
    let rows: String = (0..80)
        .flat_map(|m| {
            let t = format!("2026-11-01T{:02}:{:02}:00Z", m / 60, m % 60);
            let (group, lat) = if m < 60 {
                ("all", 0.2)
            } else if m < 70 {
                ("treatment", 0.2)
            } else {
                ("treatment", 0.3)
            };
            [format!("{t},lat,{group},{lat}\n"), format!("{t},score,treatment,99.9\n")]
        })
        .collect();
    let options = ReadOptions {
        mapping: fixture.mapping.clone(),
        assume_samples: fixture.assume_samples,
        ..ReadOptions::default()
    };
    let recording =
        rollgate::fixture::Recording::from_bytes("data.csv", format!("timestamp,metric,group,value\n{rows}"));
    let mut frames = open::open(recording, &Arc::new(policy.catalogue.clone()), &options).unwrap();
    let run = run(&fixture.scenario, &policy, &mut *frames, &RunOptions::default(), &mut |_, _, _, _| {}).unwrap();
    assert_eq!(run.failures, [], "{}", render(&run.rows, run.begins));
    assert_eq!(run.played.frames, 20);
    let found = score(&[], &fixture.label.unwrap(), run.begins);
    assert_eq!(found.missed.len(), 1);
}

#[test]
fn a_fixture_with_mistakes_is_told_all_of_them() {
    let text = "title = 1\npolicy = \"p\"\ndata = [\"d\"]\nlabel = { verdict = \"ugly\" }\nstrat = {}\n[map]\na = \"latency:parsec\"";
    let (_, diagnostics) = read_fixture(text, Some(""), &policy());
    let codes_found: Vec<_> = diagnostics.iter().map(|d| d.code).collect();
    for code in [codes::VALUE, codes::UNKNOWN_KEY, codes::EXPECTS_NOTHING] {
        assert!(codes_found.contains(&code), "{diagnostics:#?}");
    }
    assert!(diagnostics.len() >= 5, "{diagnostics:#?}");
    let (head, diagnostics) = read_head("title = \"x\"");
    assert!(head.is_none() && diagnostics.len() == 2);
}

#[test]
fn compressed_files_read_as_the_plain_one() {
    let directory = tempfile::tempdir().unwrap();
    let text = "timestamp,metric,group,value\n2026-11-01T00:00:00Z,score,all,99\n2026-11-01T00:01:00Z,score,all,98\n";
    let (one, two) = text.split_at(60);
    let gz = |part: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(part.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zst =
        |part: &str| ruzstd::encoding::compress_to_vec(part.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    // Two members each, as `cat a.gz b.gz` makes them.
    let files = [
        ("a.csv", text.as_bytes().to_vec()),
        ("a.csv.gz", [gz(one), gz(two)].concat()),
        ("a.csv.zst", [zst(one), zst(two)].concat()),
    ];
    let catalogue = Arc::new(policy().catalogue.clone());
    let mut all = Vec::new();
    for (name, bytes) in files {
        let path = directory.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let recording = open_recording(path.to_str().unwrap(), None).unwrap();
        let mut frames = open::open(recording, &catalogue, &ReadOptions::default()).unwrap();
        let (mut frame, mut read) = (Frame::default(), Vec::new());
        while frames.next_frame(&mut frame).unwrap() {
            read.push(frame.clone());
        }
        assert_eq!(read.len(), 2, "{name}");
        all.push(read);
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    std::fs::write(directory.path().join("b.zst"), b"not zstd").unwrap();
    for name in ["b.zst", "missing.csv", "."] {
        let error = open_recording(directory.path().join(name).to_str().unwrap(), None).unwrap_err().to_string();
        assert!(error.contains("cannot read") && error.contains(name), "{error}");
    }
}

#[test]
fn a_policy_that_asks_for_treatment_where_there_is_only_all_is_told_so_once() {
    let policy = policy();
    let rows = "timestamp,metric,group,value\n2026-11-01T00:00:00Z,score,all,99\n2026-11-01T00:01:00Z,score,all,99\n";
    let recording = rollgate::fixture::Recording::from_bytes("data.csv", rows);
    let mut frames = open::open(recording, &Arc::new(policy.catalogue.clone()), &ReadOptions::default()).unwrap();
    let mut frame = Frame::default();
    while frames.next_frame(&mut frame).unwrap() {}
    let told = rollgate::fixture::data::advice::advice(&policy, frames.report());
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("2 checks read `score` of treatment, and the data has only all"), "{told:?}");
    assert!(told[0].contains("--map 'score/all=score/treatment'"), "{told:?}");
    assert!(told[1].contains("`latency`, and the data has none"), "{told:?}");
}

#[test]
fn times_of_orders_count_from_the_start_of_their_test() {
    let text = "[[test]]\nname = \"t\"\nstart = \"2026-12-24T00:00:00Z\"\n[test.series]\nscore = \"99 for 5m\"\n[[test.orders]]\nat = \"1m\"\nverb = \"hold\"\nuntil = \"3m\"\n[[test.never]]\ndecision = \"advance\"";
    let (tests, diagnostics) = tests(text);
    assert_eq!(diagnostics, []);
    let (at, order) = tests[0].scenario.orders[0].on(tests[0].begins);
    assert_eq!(at, rollgate::model::time::Time::parse("2026-12-24T00:01:00Z").unwrap());
    let until = rollgate::model::time::Time::parse("2026-12-24T00:03:00Z").ok();
    assert_eq!(order.verb, rollgate::model::operator::Verb::Hold { until });
}
