//! Orders: what each verb takes, who is written down, and what a repeated or a broken one does.

use rollgate::control::Operate as _;
use rollgate::daemon::tokens::Role;
use rollgate::model::ids::Digest;
use rollgate::ports::store::StoreError;
use rstest::rstest;
use serde_json::{Value, json};

use super::desk::{key, record};
use super::world::{Answer, World};

fn order(world: &World, verb: &str, body: &Value) -> Answer {
    world.post(Role::Admin, &format!("/v1/rollouts/checkout/{verb}"), &body.to_string())
}

#[rstest]
#[case::pause("pause", json!({"reason": "r"}), "ordered")]
#[case::hold("hold", json!({"reason": "r"}), "ordered")]
#[case::hold_for("hold", json!({"reason": "r", "for": "30m"}), "ordered")]
#[case::hold_until("hold", json!({"reason": "r", "until": "2999-01-01T00:00:00Z"}), "ordered")]
#[case::advance("advance", json!({"reason": "r"}), "stage-entered")]
#[case::roll_back("roll-back", json!({"reason": "r"}), "rolled-back")]
#[case::emergency("emergency-disable", json!({"reason": "r"}), "rolled-back")]
#[case::mute("mute", json!({"reason": "r", "check": "errors", "for": "1h", "force": true}), "muted")]
#[case::start_again("start", json!({"reason": "r", "revision": "r2"}), "started")]
fn each_verb_is_carried_out_and_the_answer_has_all_of_it(#[case] verb: &str, #[case] body: Value, #[case] event: &str) {
    let world = World::new();
    let before = world.desk.entries("production").len();
    let answer = order(&world, verb, &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.json();
    assert_eq!((told["kind"].as_str(), told["verb"].as_str()), (Some("order"), Some(verb)));
    let entries = told["entries"].as_array().unwrap();
    assert!(entries.iter().any(|entry| entry["what"]["event"] == event), "{told}");
    // Byte for byte what is in the ledger.
    let kept = world.desk.entries("production");
    assert_eq!(kept.len(), before + entries.len());
    kept[before..].iter().for_each(|entry| assert!(answer.text.contains(entry.line())));
    assert!(
        kept[before..].iter().any(|entry| entry.record().actor.as_str() == "admin" && entry.record().reason == "r")
    );
}

#[test]
fn an_order_that_is_refused_does_not_look_like_success() {
    let world = World::new();
    let answer = order(&world, "approve", &json!({"reason": "r", "role": "security"}));
    assert_eq!(answer.status, 409, "{}", answer.text);
    assert!(answer.json()["refused"].is_string());
    assert_eq!(answer.json()["kind"], "order");
}

#[test]
fn a_dry_run_writes_nothing() {
    let world = World::new();
    let before = world.desk.entries("production").len();
    let answer = order(&world, "roll-back", &json!({"reason": "r", "dry_run": true}));
    assert_eq!((answer.status, answer.json()["dry_run"].as_bool()), (200, Some(true)), "{}", answer.text);
    assert!(!answer.json()["entries"].as_array().unwrap().is_empty());
    assert_eq!(world.desk.entries("production").len(), before);
}

#[rstest]
#[case::the_token_alone(json!({"reason": "r"}), "operator")]
#[case::passed_on(json!({"reason": "r", "triggered_by": "ana"}), "ana via operator")]
#[case::under_its_other_name(json!({"reason": "r", "updated_by": "ana"}), "ana via operator")]
#[case::under_both(json!({"reason": "r", "updated_by": "ana", "triggered_by": "ana"}), "ana via operator")]
fn the_ledger_names_who_asked_and_the_token_they_came_with(#[case] body: Value, #[case] actor: &str) {
    let world = World::new();
    let answer = world.post(Role::Operator, "/v1/rollouts/checkout/pause", &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(world.desk.entries("production").last().unwrap().record().actor.as_str(), actor);
}

#[test]
fn an_order_with_a_key_is_carried_out_once_and_the_key_belongs_to_that_order() {
    let world = World::new();
    let call = |role: Role, verb: &str, key: &str, body: &Value| {
        let path = format!("/v1/rollouts/checkout/{verb}");
        Answer::of(
            world.posting(&path, &body.to_string()).bearer_auth(world.token(role)).header("idempotency-key", key),
        )
    };
    let body = json!({"reason": "r"});
    assert_eq!(call(Role::Operator, "roll-back", "k-1", &body).status, 200);
    let after = world.desk.entries("production").len();
    for _ in 0..3 {
        let again = call(Role::Operator, "roll-back", "k-1", &body);
        assert_eq!(again.status, 200, "{}", again.text);
        assert!(again.text.contains("carried out before"), "{}", again.text);
    }
    assert_eq!(world.desk.entries("production").len(), after);
    assert_eq!(call(Role::Operator, "roll-back", "k-1", &json!({"reason": "another"})).problem(422), "idempotency-key");
    assert_eq!(call(Role::Operator, "pause", "k-1", &body).problem(422), "idempotency-key");
    // Somebody else's key of the same name is another key.
    assert_eq!(call(Role::Admin, "resume", "k-1", &body).status, 200);
    for wrong in ["", "with space", "ü", &"x".repeat(129)] {
        assert_eq!(call(Role::Operator, "pause", wrong, &body).problem(400), "idempotency-key", "{wrong:?}");
    }
}

#[test]
fn a_key_cannot_pass_for_one_of_the_controllers_own() {
    let world = World::new();
    let generation = world.direct_generation();
    // What the controller itself will call the confirmation of the next change.
    let next = format!("applied-{}", generation + 1);
    let body = json!({"reason": "r"}).to_string();
    let pause = world.posting("/v1/rollouts/checkout/pause", &body).bearer_auth(world.token(Role::Operator));
    assert_eq!(Answer::of(pause.header("idempotency-key", next)).status, 200);
    let rolled_back = order(&world, "roll-back", &json!({"reason": "r"})).json();
    assert_eq!(rolled_back["applied"], true);
    assert!(rolled_back["entries"].as_array().unwrap().iter().any(|entry| entry["what"]["event"] == "applied"));
}

#[rstest]
#[case::no_reason("pause", json!({}), 422, "")]
#[case::a_blank_reason("pause", json!({"reason": "  "}), 422, "/reason")]
#[case::a_reason_with_an_escape("pause", json!({"reason": "a\u{1b}[2Jb"}), 422, "/reason")]
#[case::a_reason_nobody_reads("pause", json!({"reason": "x".repeat(2001)}), 422, "/reason")]
#[case::a_typing_error("hold", json!({"reason": "r", "untill": "2999-01-01T00:00:00Z"}), 422, "")]
#[case::a_field_of_another_verb("hold", json!({"reason": "r", "to": "off"}), 422, "/to")]
#[case::two_ends("hold", json!({"reason": "r", "for": "1h", "until": "2999-01-01T00:00:00Z"}), 422, "/for")]
#[case::an_end_that_is_over("hold", json!({"reason": "r", "until": "2001-01-01T00:00:00Z"}), 422, "/until")]
#[case::no_length("hold", json!({"reason": "r", "for": "soon"}), 422, "/for")]
#[case::a_mute_without_end("mute", json!({"reason": "r", "check": "errors"}), 422, "/for")]
#[case::a_mute_of_nothing("mute", json!({"reason": "r", "for": "1h"}), 422, "/check")]
#[case::an_approval_of_nobody("approve", json!({"reason": "r"}), 422, "/role")]
#[case::two_people("pause", json!({"reason": "r", "triggered_by": "ana", "updated_by": "ben"}), 422, "/updated_by")]
#[case::an_empty_name("pause", json!({"reason": "r", "triggered_by": " "}), 422, "/triggered_by")]
#[case::a_start_of_nothing("start", json!({"reason": "r"}), 422, "/revision")]
#[case::two_policies("adopt", json!({"reason": "r", "policy": {}, "digest": "0"}), 422, "/digest")]
#[case::no_policy("adopt", json!({"reason": "r", "policy": {}}), 422, "/policy")]
#[case::a_policy_nobody_has("adopt", json!({"reason": "r", "digest": "ffff"}), 404, "")]
#[case::not_an_object("pause", json!(["reason"]), 422, "")]
fn what_is_no_order_is_refused_with_its_field(
    #[case] verb: &str,
    #[case] body: Value,
    #[case] status: u16,
    #[case] field: &str,
) {
    let world = World::new();
    let before = world.desk.entries("production").len();
    let answer = order(&world, verb, &body);
    answer.problem(status);
    assert_eq!(answer.json()["field"].as_str().unwrap_or_default(), field, "{}", answer.text);
    assert_eq!(world.desk.entries("production").len(), before);
}

#[test]
fn a_policy_of_another_rollout_is_not_adopted() {
    let world = World::new();
    let policy: Value = serde_json::from_str(&record("basket", "production").text()).unwrap();
    let answer = order(&world, "adopt", &json!({"reason": "r", "policy": policy}));
    assert_eq!(answer.problem(422), "policy");
    assert!(answer.text.contains("basket (production)"), "{}", answer.text);
}

#[test]
fn a_policy_can_be_adopted_by_the_beginning_of_its_digest() {
    let world = World::new();
    let digest: Digest = world.desk.direct().policies().unwrap().remove(0);
    let answer = order(&world, "adopt", &json!({"reason": "r", "digest": digest.short()}));
    assert!(matches!(answer.status, 200 | 409), "{}", answer.text);
    assert_eq!(answer.json()["kind"], "order");
}

#[test]
fn names_that_are_not_there_or_not_clear_are_told_with_what_there_is() {
    let world = World::new();
    let body = json!({"reason": "r"}).to_string();
    let unknown = world.post(Role::Admin, "/v1/rollouts/chekout/pause", &body);
    assert_eq!(unknown.problem(404), "unknown-rollout");
    assert!(unknown.text.contains("did you mean `checkout`?"), "{}", unknown.text);
    let verb = world.post(Role::Admin, "/v1/rollouts/checkout/rollback", &body);
    assert_eq!(verb.problem(404), "unknown-verb");
    assert!(verb.text.contains("did you mean `roll-back`?"), "{}", verb.text);
    world.desk.start("staging");
    assert_eq!(order(&world, "pause", &json!({"reason": "r"})).problem(409), "ambiguous");
    let named = order(&world, "pause", &json!({"reason": "r", "environment": "staging"}));
    assert_eq!((named.status, named.json()["environment"].as_str()), (200, Some("staging")));
    let other = order(&world, "pause", &json!({"reason": "r", "environment": "qa"}));
    assert_eq!(other.problem(404), "unknown-rollout");
    assert!(other.text.contains("production, staging"), "{}", other.text);
}

#[test]
fn an_emergency_reaches_every_rollout_or_those_of_an_environment() {
    let world = World::new();
    world.desk.start("staging");
    let body = |more: &str| format!(r#"{{"reason":"r"{more}}}"#);
    let one = world.post(Role::Operator, "/v1/emergency-disable", &body(r#","environment":"staging""#));
    assert_eq!((one.status, one.json()["orders"].as_array().unwrap().len()), (200, 1), "{}", one.text);
    let all = world.post(Role::Operator, "/v1/emergency-disable", &body(""));
    assert_eq!((all.status, all.json()["orders"].as_array().unwrap().len()), (200, 2), "{}", all.text);
    for environment in ["production", "staging"] {
        let entries = world.desk.entries(environment);
        assert!(entries.iter().any(|entry| entry.line().contains("\"emergency\":true")), "{environment}");
    }
}

#[rstest]
#[case::out_of_reach(StoreError::Unavailable("gone".to_owned()), 503, "store-unavailable")]
#[case::in_use(StoreError::Busy("taken".to_owned()), 503, "store-busy")]
#[case::full(StoreError::Full("full".to_owned()), 507, "store-full")]
#[case::damaged(StoreError::Corrupt { what: "a page".to_owned() }, 500, "store-damaged")]
#[case::not_leading(StoreError::NotLeader { holder: Some("other".into()) }, 503, "not-leader")]
fn a_store_that_refuses_is_told_with_its_status_and_way_out(
    #[case] error: StoreError,
    #[case] status: u16,
    #[case] code: &str,
) {
    let world = World::new();
    world.desk.set.lock().unwrap().broken = Some(error.clone());
    let answer = order(&world, "roll-back", &json!({"reason": "r"}));
    assert_eq!(answer.problem(status), code);
    assert_eq!(answer.json()["title"], error.to_string());
    assert_eq!(answer.json()["help"], error.help());
    let all = world.post(Role::Operator, "/v1/emergency-disable", r#"{"reason":"r"}"#);
    assert_eq!((all.status, all.json()["failed"][0]["why"].as_str()), (502, Some(error.to_string().as_str())));
}

impl World {
    fn direct_generation(&self) -> u64 {
        self.desk.direct().standings(rollgate::shell::clock::now()).unwrap()[0].generation.0
    }
}

#[test]
fn a_rollout_of_another_environment_can_be_started() {
    let world = World::new();
    let policy: Value = serde_json::from_str(&record("checkout", "qa").text()).unwrap();
    let body = json!({"reason": "r", "revision": "r1", "environment": "qa", "policy": policy});
    let answer = order(&world, "start", &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(world.desk.direct().rollouts().unwrap().contains(&key("qa")));
}
