//! The commands on a store in Redis: the same words with another `--store`, and `kill -9` at every named point.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use predicates::str::contains;
use rollgate::adapters::store::redis::Redis;
use rollgate::control::{Rollout, keep};
use rollgate::model::time::Duration;
use rollgate::ports::crash::{POINTS, STANDS_AT};
use rollgate::ports::store::Store as _;
use rstest::rstest;

use super::bench::{Bench, key};
use super::redis_support::Server;
use super::redis_support::tls::Encrypted;

/// A bench whose store is on a server, under a prefix of its own.
struct Shared<'a> {
    bench: Bench,
    server: &'a Server,
    prefix: String,
}

impl<'a> Shared<'a> {
    fn new(server: &'a Server, prefix: &str) -> Shared<'a> {
        Shared { bench: Bench::new(), server, prefix: prefix.to_owned() }
    }

    /// The process stands at a point until it is killed, and must not think that the server is slow.
    fn url(&self) -> String {
        format!("{}?prefix={}&deadline=1m", self.server.url(), self.prefix)
    }

    fn run(&self, words: &str) -> assert_cmd::assert::Assert {
        self.bench.command(words).env("ROLLGATE_STORE", self.url()).assert()
    }

    fn in_canary(server: &'a Server, prefix: &str) -> Shared<'a> {
        let shared = Shared::new(server, prefix);
        for words in ["start policies/checkout --revision r812", "approve --role security", "advance"] {
            shared.run(words).success();
        }
        shared
    }

    fn store(&self) -> Redis {
        Redis::open(self.url().parse().unwrap()).unwrap()
    }

    fn rollout(&self) -> Rollout {
        Rollout::load(&self.store(), &key()).unwrap()
    }

    /// Everything a store promises, after a crash; how many entries there are.
    fn assert_sound(&self, what: &str) -> u64 {
        let checked = keep::check(&self.store(), &key()).unwrap();
        assert_eq!(checked.problems, Vec::<String>::new(), "{what}");
        let rollout = self.rollout();
        let mut shares = rollout.exposed.exposures.iter().map(|exposure| (exposure.traffic, exposure.stage.clone()));
        let first = shares.next().unwrap();
        assert!(shares.all(|share| share == first), "{what}: features moved apart: {:?}", rollout.exposed);
        assert_eq!(rollout.exposed.generation, rollout.state.generation, "{what}");
        assert_eq!(first.1, rollout.state.stage, "{what}: what is exposed is another stage's");
        checked.chain.entries
    }

    /// Runs a command until it stands at `point`, and kills it there. `false` when it never came there.
    fn killed_at(&self, words: &str, point: &str) -> bool {
        let mut child = Command::new(env!("CARGO_BIN_EXE_rollgate"))
            .current_dir(self.bench.folder.path())
            .args(words.split_whitespace())
            .args(["--by", "ana", "--reason", "because"])
            .env("ROLLGATE_STORE", self.url())
            .env("ROLLGATE_CRASH_AT", point)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let stands = stderr.lines().any(|line| line.unwrap().starts_with(STANDS_AT));
        child.kill().unwrap();
        child.wait().unwrap();
        stands
    }
}

/// Points inside an append come twice in one order: when it is recorded, and when it is confirmed.
fn points() -> Vec<String> {
    let here = |point: &&&str| point.starts_with("order.") || point.starts_with("store.redis.");
    let twice = POINTS.iter().filter(|point| point.starts_with("store.redis.")).map(|point| format!("{point}:2"));
    POINTS.iter().filter(here).map(|point| (*point).to_owned()).chain(twice).collect()
}

#[rstest]
#[case::rollback("rollback", &[])]
#[case::advance("advance", &["rollback", "resume", "approve --role security"])]
fn a_process_killed_at_any_point_loses_nothing(#[case] words: &str, #[case] first: &[&str]) {
    let server = Server::start();
    assert!(points().len() >= 10);
    for (at, point) in points().into_iter().enumerate() {
        let shared = Shared::in_canary(&server, &format!("p{at}"));
        first.iter().for_each(|words| drop(shared.run(words).success()));
        let what = format!("{words} at {point}");
        let (acknowledged, generation) = (shared.assert_sound(&what), shared.rollout().state.generation);
        assert!(shared.killed_at(words, &point), "{what}: it never came there");
        let entries = shared.assert_sound(&what);
        assert!(entries >= acknowledged, "{what}: acknowledged entries are gone");
        let moved = shared.rollout().state.generation > generation;
        let not_yet = ["order.proposed", "store.redis.begun", "store.redis.connected"].contains(&point.as_str());
        // A batch that was sent is carried out by the server, sooner or later; everything after that has happened.
        let is_open = point == "store.redis.sent";
        assert!(is_open || moved != not_yet, "{what}: all of it or none of it");
        // The next command finishes what was begun.
        shared.run("status").success();
        assert!(!shared.rollout().is_unconfirmed(), "{what}");
        shared.assert_sound(&what);
    }
}

#[test]
fn a_first_start_killed_at_any_point_leaves_a_store_that_can_be_started() {
    let server = Server::start();
    for (at, point) in points().into_iter().enumerate() {
        let shared = Shared::new(&server, &format!("p{at}"));
        assert!(shared.killed_at("start policies/checkout --revision r1", &point), "{point}");
        shared.run("start policies/checkout --revision r1").success();
        assert!(shared.assert_sound(&point) >= 3, "{point}");
        assert!(!shared.rollout().is_unconfirmed(), "{point}");
    }
}

#[test]
fn a_roll_back_that_a_dead_server_refused_waits_and_is_carried_out_once() {
    let mut server = Server::durable();
    let shared = Shared::in_canary(&server, "rollgate");
    let (bench, url) = (shared.bench, format!("{}?prefix=rollgate", server.url()));
    let before = Redis::open(url.parse().unwrap()).unwrap().head(&key()).unwrap().seq;
    server.kill();
    let run = |words: &str| bench.command(words).env("ROLLGATE_STORE", &url).output().unwrap();
    let refused = run("rollback checkout");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("NOT ROLLED BACK YET") && said.contains("waits in"), "{said}");
    server.restart();
    for _ in 0..2 {
        let status = run("status");
        assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    }
    let mut options: rollgate::adapters::store::redis::Options = url.parse().unwrap();
    options.deadline = Duration::from_secs(5);
    let store = Redis::open(options).unwrap();
    let rollout = Rollout::load(&store, &key()).unwrap();
    assert!(rollout.state.latch.is_some() && !rollout.is_unconfirmed());
    assert_eq!(store.head(&key()).unwrap().seq, before + 2, "one roll back, one confirmation");
}

#[test]
fn the_commands_say_the_same_as_on_a_file() {
    let server = Server::start();
    let shared = Shared::in_canary(&server, "rollgate");
    let file = Bench::in_canary();
    for words in ["status --plain", "audit list --plain", "store check"] {
        let on_redis = shared.run(words).success().get_output().stdout.clone();
        let on_file = file.command(words).output().unwrap().stdout;
        let lines = |text: &[u8]| String::from_utf8_lossy(text).lines().count();
        assert_eq!(lines(&on_redis), lines(&on_file), "{words}");
    }
    let export = shared.run("store export").success().get_output().stdout.clone();
    let copied = Shared::new(&server, "copy");
    let path = copied.bench.folder.path().join("backup.jsonl");
    #[expect(clippy::disallowed_methods, reason = "a test writes the file that a person would have")]
    std::fs::write(&path, export).unwrap();
    copied.run("store import backup.jsonl").success();
    assert_eq!(copied.rollout().state, shared.rollout().state);
}

#[test]
fn an_address_with_a_password_is_refused_without_showing_it() {
    let bench = Bench::new();
    for words in ["status", "rollback checkout"] {
        let output = bench.command(words).env("ROLLGATE_STORE", "redis://:hunter2@127.0.0.1").output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(!output.status.success() && said.contains("a password does not belong"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn commands_reach_an_encrypted_redis_with_its_authority_and_not_without() {
    let redis = Encrypted::start(&[]);
    let bench = Bench::new();
    // On a busy machine a healthy server may take a while.
    let patient = |url: &str| format!("{url}?deadline=10s");
    let (encrypted, plain) = (patient(&redis.url()), patient(&redis.server.url()));
    let run = |url: &str, words: &str| bench.command(words).env("ROLLGATE_STORE", url).assert();
    let (start, ca) = ("start policies/checkout --revision r812", redis.authority().display().to_string());
    run(&encrypted, start).code(1).stderr(contains("certificate"));
    run(&plain, &format!("{start} --store-ca {ca}")).code(1).stderr(contains("vouches for nobody"));
    run(&encrypted, &format!("{start} --store-ca nowhere.pem")).code(1).stderr(contains("`nowhere.pem`"));
    assert_eq!(redis.server.ask::<u64>("DBSIZE"), 0, "nothing was begun");
    run(&encrypted, &format!("{start} --store-ca {ca}")).success();
    let status = bench.command("status").env("ROLLGATE_STORE", &encrypted).env("ROLLGATE_STORE_CA", ca).assert();
    status.success().stdout(contains("checkout"));
}
