//! The settings that say how a Redis is reached, and a controller that is started again on one that lost its data.

use std::fs;
use std::time::{Duration, Instant};

use crate::place::{POLICY, Place};
use crate::redis_support::Server;
use crate::redis_support::tls::Encrypted;

fn steady() -> String {
    POLICY.replace("\"1s\"", "\"1h\"")
}

/// Shorter than a store that may come is waited for, and longer than it takes to hear that it is none for us.
const AT_ONCE: Duration = Duration::from_secs(8);

/// What `run` says when it cannot, and how it ends: at once, nothing gets better by waiting.
fn refused(place: &Place, words: &str) -> String {
    let began = Instant::now();
    let mut process = place.begin(words, None);
    let status = process.ends();
    assert!(began.elapsed() < AT_ONCE, "{:?}: {}", began.elapsed(), process.last_words());
    let said = process.last_words();
    assert_eq!(status.code(), Some(1), "{said}");
    said
}

/// On a Redis that lost everything while the controller was not running.
fn on_an_emptied_redis() -> (Place, Server) {
    let mut redis = Server::start();
    let place = Place::at(&redis.url());
    place.policy("checkout", &steady());
    let controller = place.run("");
    controller.leads("checkout");
    controller.to_canary("checkout");
    controller.ends();
    redis.restart_empty();
    (place, redis)
}

#[test]
fn a_redis_that_lost_its_data_is_not_taken_for_a_new_one_until_a_person_says_so() {
    let (place, redis) = on_an_emptied_redis();
    let said = refused(&place, "");
    assert!(said.contains("lost its data") && said.contains("--new-store"), "{said}");
    assert_eq!(redis.ask::<u64>("DBSIZE"), 0, "nothing was begun");
    let controller = place.run("--new-store");
    let view = controller.view_where("checkout", "it begins anew", |view| view["leads"] == true);
    assert_eq!(view["phase"], "not_started", "{view:#}");
    controller.ends();
    // From now on that one is known.
    place.run("").ends();
}

#[test]
fn a_redis_that_is_not_there_yet_is_waited_for() {
    let mut redis = Server::durable();
    let place = Place::at(&redis.url());
    place.policy("checkout", &steady());
    redis.kill();
    let mut process = place.begin("", None);
    process.says("the store is waited for");
    redis.restart();
    process.says("http://127.0.0.1");
    process.signal("TERM");
    assert!(process.ends().success(), "{}", process.last_words());
}

#[test]
fn another_store_in_its_place_is_refused_until_a_person_says_so() {
    let (place, redis) = on_an_emptied_redis();
    let other = Place::at(&redis.url());
    other.policy("checkout", &steady());
    other.run("").ends();
    let said = refused(&place, "");
    assert!(said.contains("is not the one that this controller has worked on"), "{said}");
    place.run("--new-store").ends();
}

#[test]
fn where_nothing_may_be_made_an_empty_redis_is_refused_by_a_controller_that_never_ran() {
    let redis = Server::start();
    let place = Place::at(&redis.url());
    place.policy("checkout", &steady());
    place.write("rollgate.toml", &format!("[store]\nurl = \"{}\"\ncreate = false\n", redis.url()));
    let said = refused(&place, "");
    assert!(said.contains("there is no store at") && said.contains("create = false"), "{said}");
    assert_eq!(redis.ask::<u64>("DBSIZE"), 0, "nothing was begun");
    place.run("--new-store").ends();
    place.run("").ends();
}

#[test]
fn an_encrypted_redis_is_reached_with_its_authority_and_not_without() {
    let redis = Encrypted::start(&[]);
    let place = Place::empty();
    place.policy("checkout", &steady());
    let settings = format!("[store]\nurl = \"{}\"\n", redis.url());
    place.write("rollgate.toml", &settings);
    let said = refused(&place, "");
    assert!(said.contains("certificate"), "{said}");
    fs::copy(redis.authority(), place.path().join("redis-ca.pem")).unwrap();
    place.write("rollgate.toml", &format!("{settings}ca = \"redis-ca.pem\"\n"));
    let controller = place.run("");
    controller.leads("checkout");
    controller.to_canary("checkout");
    controller.reads("checkout", 9.0);
    controller.view_where("checkout", "it rolls back", |view| view["phase"] == "rolled_back");
    controller.ends();
    place.write("rollgate.toml", &format!("{settings}ca = \"nowhere.pem\"\n"));
    let said = refused(&place, "");
    assert!(said.contains("nowhere.pem"), "{said}");
}

#[test]
fn an_address_with_a_password_is_kept_in_a_file_and_shown_nowhere() {
    let redis = Server::with(&["--requirepass", "hunter2-c4n4ry"]);
    let place = Place::empty();
    place.policy("checkout", &steady());
    place.write("redis.url", &format!("redis://:hunter2-c4n4ry@{}/2\n", redis.address()));
    place.write("rollgate.toml", "[store]\nurl = \"file:redis.url\"\n");
    let controller = place.run("");
    controller.leads("checkout");
    let said = controller.process.said();
    assert!(!said.contains("hunter2"), "{said}");
    controller.ends();
    place.write("redis.url", &format!("redis://:hunter3-c4n4ry@{}/2\n", redis.address()));
    let said = refused(&place, "");
    assert!(said.contains("password") && !said.contains("hunter3"), "{said}");
}

#[test]
fn an_address_in_the_place_of_the_stores_file_is_not_taken_for_one() {
    let place = Place::new();
    let mut command = place.command("run --listen 127.0.0.1:0");
    command.env("ROLLGATE_STORE", "redis://127.0.0.1:1");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("from the settings") && said.contains("[store], url ="), "{said}");
    assert!(!place.path().join("redis:").exists(), "it is no folder");
}

/// The settings are what a command and a controller agree by.
#[test]
fn a_command_without_a_controller_works_on_the_store_of_the_settings_that_are_here() {
    let mut redis = Server::durable();
    let place = Place::at(&redis.url());
    place.policy("checkout", &steady());
    let said = place.screen("start policies/checkout --revision r1 --by ana --reason go");
    assert!(said.contains("started"), "{said}");
    assert!(!place.store_file().exists(), "a ledger was begun in a file");
    let said = place.screen("status");
    assert!(said.contains(&redis.url()), "{said}");
    // What the store refuses waits where its controller looks.
    redis.kill();
    let said = place.screen("rollback checkout --by ana --reason fire");
    assert!(said.contains("NOT ROLLED BACK YET") && said.contains("rollgate.journal"), "{said}");
    redis.restart();
    let controller = place.run("");
    controller.view_where("checkout", "the order that waited is done", |view| view["phase"] == "rolled_back");
    controller.ends();
}

#[test]
fn settings_that_are_broken_lead_no_order_into_another_ledger() {
    let place = Place::empty();
    place.policy("checkout", &steady());
    place.write("rollgate.toml", "[store\nurl = \"redis://redis:6379\"\n");
    for words in ["start policies/checkout --revision r1", "rollback checkout"] {
        let output = place.command(words).args(["--by", "ana", "--reason", "go"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("nobody can say which store is meant") && said.contains("--store"), "{said}");
        assert_eq!(said.contains("NOT ROLLED BACK"), words.starts_with("rollback"), "{said}");
    }
    assert!(!place.store_file().exists(), "a ledger was begun in a file");
    // Whoever names the store needs no settings.
    let said = place.screen("start policies/checkout --revision r1 --by ana --reason go --store other.redb");
    assert!(said.contains("started"), "{said}");
}
