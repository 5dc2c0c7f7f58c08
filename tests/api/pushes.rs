//! Pushing: every shape that is taken, and every refusal with where it is and how to mend it.

use std::io::Write as _;

use rollgate::daemon::desk::NotAccepted;
use rollgate::daemon::tokens::Role;
use rstest::rstest;

use super::world::{Answer, SNAPSHOT, World};

const AT: &str = "/v1/snapshots";

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(plain).unwrap();
    packer.finish().unwrap()
}

#[rstest]
#[case::one("application/json", SNAPSHOT.to_owned(), 1)]
#[case::one_with_a_charset("application/json; charset=utf-8", SNAPSHOT.to_owned(), 1)]
#[case::an_array("application/json", format!(" [{SNAPSHOT}, {SNAPSHOT}]"), 2)]
#[case::one_per_line("application/x-ndjson", format!("{SNAPSHOT}\n\n{SNAPSHOT}\r\n{SNAPSHOT}"), 3)]
#[case::one_line("application/jsonl", SNAPSHOT.to_owned(), 1)]
fn every_shape_is_taken_and_counted(#[case] shape: &str, #[case] body: String, #[case] count: usize) {
    let world = World::new();
    let push = || world.client.post(world.url(AT)).bearer_auth(world.token(Role::Sender)).header("content-type", shape);
    let answer = Answer::of(push().body(body.clone()));
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.json(), serde_json::json!({"snapshots": count, "unmapped": 0}));
    let packed = Answer::of(push().header("content-encoding", "gzip").body(gzip(body.as_bytes())));
    assert_eq!(packed.status, 202, "{}", packed.text);
    let pushed = &world.desk.set.lock().unwrap().pushed;
    assert_eq!(pushed.len(), 2 * count);
    let expected: rollgate::model::snapshot::Snapshot = serde_json::from_str(SNAPSHOT).unwrap();
    assert!(pushed.iter().all(|(source, snapshot)| source == "push" && *snapshot == expected));
}

#[rstest]
#[case::cut_off(r#"{"time":"#, 400, "json", "", 1)]
#[case::two_lines_down("{\n\n  \"time\": oops}", 400, "json", "", 3)]
#[case::a_number_too_large(r#"{"time":"2026-11-01T00:00:00Z","groups":{"a":{"b":1e999}}}"#, 400, "json", "", 1)]
#[case::not_an_object("7", 422, "snapshot", "", 1)]
#[case::fields_without_names(r#"[[1,"2026-11-01T00:00:00Z",null,null,"",null,null,{}]]"#, 422, "snapshot", "/0", 1)]
#[case::nothing_in_it("[]", 422, "empty", "", 0)]
#[case::no_time(r#"{"groups":{}}"#, 422, "snapshot", "/time", 1)]
#[case::no_groups(r#"{"time":"2026-11-01T00:00:00Z"}"#, 422, "snapshot", "/groups", 1)]
#[case::a_time_of_no_calendar(r#"{"time":"2026-13-01T00:00:00Z","groups":{}}"#, 422, "snapshot", "/time", 1)]
#[case::a_time_as_number(r#"{"time":1700000000,"groups":{}}"#, 422, "snapshot", "/time", 1)]
#[case::an_unknown_field(r#"{"time":"2026-11-01T00:00:00Z","grups":{}}"#, 422, "snapshot", "/grups", 1)]
#[case::a_rollout_as_number(
    r#"{"time":"2026-11-01T00:00:00Z","groups":{},"rollout":7}"#,
    422,
    "snapshot",
    "/rollout",
    1
)]
#[case::exposure_as_text(
    r#"{"time":"2026-11-01T00:00:00Z","groups":{},"exposure":"10%"}"#,
    422,
    "snapshot",
    "/exposure",
    1
)]
#[case::groups_as_array(r#"{"time":"2026-11-01T00:00:00Z","groups":[1]}"#, 422, "snapshot", "/groups", 1)]
#[case::a_group_as_number(
    r#"{"time":"2026-11-01T00:00:00Z","groups":{"treatment":1}}"#,
    422,
    "snapshot",
    "/groups/treatment",
    1
)]
#[case::a_newer_shape(r#"{"v":2,"time":"2026-11-01T00:00:00Z","groups":{}}"#, 422, "version", "/v", 0)]
#[case::a_name_with_an_escape(
    r#"{"time":"2026-11-01T00:00:00Z","rollout":"a\u001b[2J","groups":{}}"#,
    422,
    "name",
    "",
    0
)]
fn what_is_no_snapshot_is_refused_with_its_field_and_line(
    #[case] body: &str,
    #[case] status: u16,
    #[case] code: &str,
    #[case] field: &str,
    #[case] line: u64,
) {
    let world = World::new();
    let answer = world.post(Role::Sender, AT, body);
    assert_eq!(answer.problem(status), code);
    let problem = answer.json();
    assert_eq!(problem["field"].as_str().unwrap_or_default(), field, "{problem}");
    assert_eq!(problem["line"].as_u64().unwrap_or_default(), line, "{problem}");
    assert!(problem["help"].is_string() || matches!(code, "name" | "snapshot"), "no way out: {problem}");
    assert!(world.desk.set.lock().unwrap().pushed.is_empty());
}

#[test]
fn one_wrong_snapshot_among_many_keeps_all_of_them_out_and_is_named() {
    let world = World::new();
    let wrong =
        r#"{"time":"2026-11-01T00:00:00Z","groups":{"treatment":{"error_rate":{"value":1,"observed":"noon"}}}}"#;
    let array = world.post(Role::Sender, AT, &format!("[{SNAPSHOT},\n{SNAPSHOT},\n{wrong}]"));
    assert_eq!(array.problem(422), "snapshot");
    assert_eq!(array.json()["field"], "/2/groups/treatment/error_rate/observed");
    assert_eq!(array.json()["line"], 3);
    let lines = world.client.post(world.url(AT)).header("content-type", "application/x-ndjson");
    let lines =
        Answer::of(lines.bearer_auth(world.token(Role::Sender)).body(format!("{SNAPSHOT}\n{wrong}\n{SNAPSHOT}\n")));
    assert_eq!(lines.problem(422), "snapshot");
    assert_eq!(
        (lines.json()["line"].as_u64(), lines.json()["field"].as_str()),
        (Some(2), Some("/groups/treatment/error_rate/observed"))
    );
    assert!(world.desk.set.lock().unwrap().pushed.is_empty());
}

#[rstest]
#[case::no_such_rollout(NotAccepted::Unknown("no `basket` here".to_owned()), 404, "unknown-rollout", "")]
#[case::several(NotAccepted::Ambiguous("which?".to_owned()), 409, "ambiguous", "")]
#[case::of_the_future(NotAccepted::Impossible("in an hour".to_owned()), 422, "impossible", "")]
#[case::busy(NotAccepted::Busy("too much waits".to_owned()), 429, "busy", "1")]
#[case::a_full_disk(NotAccepted::NotKept("no room".to_owned()), 503, "not-kept", "5")]
fn what_the_desk_refuses_is_told_with_its_status(
    #[case] refusal: NotAccepted,
    #[case] status: u16,
    #[case] code: &str,
    #[case] retry_after: &str,
) {
    let world = World::new();
    world.desk.set.lock().unwrap().refuse_push = Some(refusal.clone());
    let answer = world.post(Role::Sender, AT, SNAPSHOT);
    assert_eq!(answer.problem(status), code);
    assert_eq!(answer.json()["title"], refusal.to_string());
    assert_eq!(answer.header("retry-after"), retry_after);
}

#[rstest]
#[case::a_form("application/x-www-form-urlencoded", "", 415, "content-type")]
#[case::nothing_said("", "", 415, "content-type")]
#[case::another_packing("application/json", "br", 415, "content-encoding")]
#[case::not_gzip("application/json", "gzip", 400, "gzip")]
fn other_shapes_and_packings_are_refused(
    #[case] shape: &str,
    #[case] packing: &str,
    #[case] status: u16,
    #[case] code: &str,
) {
    let world = World::new();
    let mut request = world.client.post(world.url(AT)).bearer_auth(world.token(Role::Sender)).body(SNAPSHOT);
    if !shape.is_empty() {
        request = request.header("content-type", shape);
    }
    if !packing.is_empty() {
        request = request.header("content-encoding", packing);
    }
    assert_eq!(Answer::of(request).problem(status), code);
}

#[test]
fn what_is_too_large_or_packed_too_well_is_refused() {
    let world = World::new();
    let push = || {
        let request = world.client.post(world.url(AT)).bearer_auth(world.token(Role::Sender));
        request.header("content-type", "application/x-ndjson")
    };
    let large = vec![b' '; (1 << 20) + 1];
    assert_eq!(Answer::of(push().body(large.clone())).problem(413), "too-large");
    // Just as large, but nobody says so beforehand.
    let unsaid = reqwest::blocking::Body::new(std::io::Cursor::new(large.clone()));
    assert_eq!(Answer::of(push().body(unsaid)).problem(413), "too-large");
    let packed = |plain: &[u8]| Answer::of(push().header("content-encoding", "gzip").body(gzip(plain)));
    assert_eq!(packed(&large).problem(413), "gzip-bomb");
    let hard: Vec<u8> = (0..(1 << 20) + 1_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert_eq!(packed(&hard).problem(413), "too-large");
    let many = "{\"time\":\"2026-11-01T00:00:00Z\",\"groups\":{}}\n".repeat(10_001);
    assert_eq!(Answer::of(push().body(many)).problem(413), "too-many");
    // What a busy sender packs is no bomb.
    let busy: String =
        (0..1000).map(|at| format!("{}\n", SNAPSHOT.replace("0.2", &format!("0.{}", at * 7919)))).collect();
    assert_eq!(packed(busy.as_bytes()).status, 202);
}

#[test]
fn json_that_nests_too_deep_is_refused_before_it_is_read() {
    let world = World::new();
    let deep = format!(r#"{{"time":"2026-11-01T00:00:00Z","groups":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(world.post(Role::Sender, AT, &deep).problem(400), "too-deep");
}
