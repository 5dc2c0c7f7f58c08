//! Who may do what: every route with every role, denials that are written down, tokens that are never repeated, and a
//! server without tokens that only its own machine can call.

use std::net::SocketAddr;
use std::sync::Arc;

use rollgate::daemon::http::{StartError, described, start};
use rollgate::daemon::local;
use rollgate::daemon::telemetry::Telemetry;
use rollgate::daemon::tokens::{NewToken, Role};
use rollgate::model::time::{Duration, Time};
use rollgate::shell::clock;
use rstest::rstest;

use super::desk::{Double, key};
use super::world::{Answer, SNAPSHOT, World, options};

/// A path that can be called, for one of the table's.
fn callable(path: &str) -> String {
    let path = path.replace("{name}", "checkout").replace("{verb}", "pause").replace("{id}", "d-1");
    path.replace("{digest}", "0")
}

fn call(world: &World, method: &str, path: &str) -> reqwest::blocking::RequestBuilder {
    match method {
        "post" if path == "/v1/snapshots" => world.posting(path, SNAPSHOT),
        "post" => world.posting(path, r#"{"reason":"a test"}"#),
        _ => world.client.get(world.url(path)),
    }
}

#[test]
fn every_route_takes_the_roles_it_says_and_no_other() {
    let world = World::new();
    for (method, path, least) in described() {
        let path = callable(path);
        // Listening never ends; it is tested where it is meant to.
        let head = |request: reqwest::blocking::RequestBuilder| request.send().unwrap().status().as_u16();
        let bare = head(call(&world, method, &path));
        assert_eq!(bare == 401, least != "anybody", "{method} {path} without a token: {bare}");
        for role in [Role::Sender, Role::Viewer, Role::Operator, Role::Admin] {
            let may = match least {
                "anybody" => true,
                "sender" => matches!(role, Role::Sender | Role::Admin),
                "viewer" => role != Role::Sender,
                "operator" => matches!(role, Role::Operator | Role::Admin),
                other => panic!("a test for the role {other} is missing"),
            };
            let status = head(call(&world, method, &path).bearer_auth(world.token(role)));
            assert_eq!(status == 403, !may, "{method} {path} as {}: {status}", role.name());
        }
    }
}

#[rstest]
#[case::advance("advance", r#"{"reason":"r"}"#, Role::Admin)]
#[case::mute_by_force("mute", r#"{"reason":"r","check":"errors","for":"1h","force":true}"#, Role::Admin)]
#[case::mute("mute", r#"{"reason":"r","check":"errors","for":"1h"}"#, Role::Operator)]
#[case::hold("hold", r#"{"reason":"r"}"#, Role::Operator)]
#[case::pause("pause", r#"{"reason":"r"}"#, Role::Operator)]
#[case::resume("resume", r#"{"reason":"r"}"#, Role::Operator)]
#[case::roll_back("roll-back", r#"{"reason":"r"}"#, Role::Operator)]
#[case::emergency("emergency-disable", r#"{"reason":"r"}"#, Role::Operator)]
#[case::start_by_digest("start", r#"{"reason":"r","revision":"r2"}"#, Role::Operator)]
fn verbs_take_the_role_that_fits_what_they_can_do(#[case] verb: &str, #[case] body: &str, #[case] least: Role) {
    let world = World::new();
    let path = format!("/v1/rollouts/checkout/{verb}");
    for role in [Role::Sender, Role::Viewer, Role::Operator] {
        let before = world.desk.entries("production").len();
        let status = world.post(role, &path, body).status;
        let enough = role == least || least == Role::Operator && role == Role::Operator;
        assert_eq!(status == 403, !enough, "{verb} as {}: {status}", role.name());
        if !enough {
            assert_eq!(world.desk.entries("production").len(), before, "a denied order left a trace in the state");
        }
    }
    assert_ne!(world.post(Role::Admin, &path, body).status, 403);
    // Saying what would happen takes no more than looking.
    let dry = body.replacen('{', r#"{"dry_run":true,"#, 1);
    assert_ne!(world.post(Role::Viewer, &path, &dry).status, 403);
    assert_eq!(world.post(Role::Sender, &path, &dry).status, 403);
}

#[test]
fn adopting_and_starting_with_a_policy_of_ones_own_take_an_admin() {
    let world = World::new();
    let policy = super::desk::record("checkout", "production").text();
    let adopt = format!(r#"{{"reason":"r","policy":{policy}}}"#);
    let start = format!(r#"{{"reason":"r","revision":"r2","policy":{policy}}}"#);
    for (verb, body) in [("adopt", &adopt), ("start", &start)] {
        let path = format!("/v1/rollouts/checkout/{verb}");
        assert_eq!(world.post(Role::Operator, &path, body).problem(403), "role", "{verb}");
        assert_ne!(world.post(Role::Admin, &path, body).status, 403, "{verb}");
    }
}

#[test]
fn every_denial_is_written_down_with_who_and_what_and_no_token() {
    let world = World::new();
    world.post(Role::Viewer, "/v1/rollouts/checkout/pause", r#"{"reason":"r"}"#).problem(403);
    let wrong = format!("{}0", world.token(Role::Admin));
    let unknown = Answer::of(world.client.get(world.url("/v1/rollouts")).bearer_auth(&wrong));
    assert_eq!(unknown.problem(401), "token");
    assert_eq!(unknown.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    assert!(!unknown.text.contains(&wrong) && !unknown.text.contains("rgt_"), "{}", unknown.text);
    let none = Answer::of(world.client.get(world.url("/v1/rollouts")));
    assert_eq!(none.problem(401), "no-token");
    let denials = world.desk.denials();
    let told: Vec<_> =
        denials.iter().map(|denial| (denial.by.as_str(), denial.what.as_str(), denial.key.clone())).collect();
    let here = "127.0.0.1";
    let expected =
        [("viewer", "pause", Some(key("production"))), (here, "/v1/rollouts", None), (here, "list rollouts", None)];
    assert_eq!(told, expected);
    assert!(denials.iter().all(|denial| !format!("{denial:?}").contains("rgt_")));
}

#[test]
fn an_expired_token_is_refused_and_one_that_expires_later_is_not() {
    let (mut old, mut young) =
        (NewToken::generate("old", Role::Admin).unwrap(), NewToken::generate("young", Role::Admin).unwrap());
    old.token.expires = Some(Time::from_millis(1));
    young.token.expires = Some(clock::now() + Duration::from_hours(1));
    let mut options = options();
    options.tokens = vec![old.token, young.token];
    let world = World::bare(options);
    let read = |token: &str| Answer::of(world.client.get(world.url("/v1/rollouts")).bearer_auth(token));
    assert_eq!(read(&young.text).status, 200);
    let refused = read(&old.text);
    assert_eq!(refused.problem(401), "token");
    assert!(refused.text.contains("expired"), "{}", refused.text);
}

#[test]
fn guessing_tokens_is_slowed_down_and_an_emergency_is_not() {
    let world = World::new();
    let guess = || Answer::of(world.client.get(world.url("/v1/rollouts")).bearer_auth("rgt_00000000_0")).status;
    let statuses: Vec<u16> = (0..40).map(|_| guess()).collect();
    assert_eq!(statuses[..20], [401; 20]);
    assert!(statuses[25..].iter().all(|status| *status == 429), "{statuses:?}");
    assert!(world.desk.denials().len() < 30, "a guesser fills the ledger");
    // Whoever has a token is not held up by whoever guesses beside them.
    assert_eq!(world.get(Role::Viewer, "/v1/rollouts").status, 200);
}

#[test]
fn a_caller_who_calls_too_often_is_told_when_to_come_back_and_emergency_is_never_limited() {
    let mut options = options();
    options.limits.calls.per_second = 0.001;
    options.limits.calls.burst = 3.0;
    let world = World::with(options);
    let statuses: Vec<u16> = (0..5).map(|_| world.get(Role::Operator, "/v1/rollouts").status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    let refused = world.get(Role::Operator, "/v1/rollouts");
    assert_eq!(refused.problem(429), "rate");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_eq!(world.get(Role::Viewer, "/v1/rollouts").status, 200, "another caller has a budget of its own");
    for path in ["/v1/rollouts/checkout/emergency-disable", "/v1/emergency-disable"] {
        let statuses = (0..10).map(|_| world.post(Role::Operator, path, r#"{"reason":"r"}"#).status);
        assert!(statuses.into_iter().all(|status| status != 429), "{path}");
    }
}

#[test]
fn without_tokens_it_listens_on_this_machine_only() {
    let mut options = options();
    options.listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let refused = start(options, Double::new(), Arc::new(Telemetry::new())).err().unwrap();
    assert!(matches!(refused, StartError::Open(_)), "{refused}");
    assert!(refused.help().contains("rollgate token new"));
}

#[test]
fn without_tokens_this_machine_may_read_and_push_and_operates_with_the_announced_token() {
    let folder = tempfile::tempdir().unwrap();
    let place = local::beside(&folder.path().join("rollgate.redb"));
    let mut options = options();
    options.announce = Some(place.clone());
    let mut world = World::bare(options);
    assert_eq!(Answer::of(world.client.get(world.url("/v1/rollouts"))).status, 200);
    assert_eq!(Answer::of(world.posting("/v1/snapshots", SNAPSHOT)).status, 202);
    let pause = || world.posting("/v1/rollouts/checkout/pause", r#"{"reason":"r","triggered_by":"ana"}"#);
    assert_eq!(Answer::of(pause()).problem(401), "no-token");
    let found = local::find(&place).unwrap();
    assert_eq!(found.url, world.url(""));
    assert_eq!(Answer::of(pause().bearer_auth(&found.token)).status, 200);
    // It vouches for whoever can read it, so the name stands by itself.
    assert_eq!(world.desk.entries("production").last().unwrap().record().actor.as_str(), "ana");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        #[expect(clippy::disallowed_methods, reason = "it looks at the file's mode")]
        let mode = std::fs::metadata(&place).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    world.server.take().unwrap().stop();
    assert_eq!(local::find(&place), None, "a server that stopped is still announced");
}

#[rstest]
#[case::another_name("host", "evil.example", 421)]
#[case::another_port_is_fine("host", "localhost:1", 200)]
#[case::a_page_of_another_site("origin", "http://evil.example", 403)]
#[case::a_page_from_a_file("origin", "null", 403)]
#[case::a_page_of_this_machine("origin", "http://localhost:8080", 200)]
#[case::a_name_that_was_set("host", "rollgate.internal", 200)]
fn a_browser_cannot_be_used_to_reach_it(#[case] header: &str, #[case] value: &str, #[case] status: u16) {
    let mut options = options();
    options.hosts = vec!["rollgate.internal".to_owned()];
    let world = World::bare(options);
    let answer = Answer::of(world.client.get(world.url("/v1/rollouts")).header(header, value));
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(world.desk.denials().len(), usize::from(status != 200));
}
