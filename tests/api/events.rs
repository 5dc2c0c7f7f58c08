//! Events: whoever listens hears what it asked for; whoever is too slow is told so and cut off; a server that stops says
//! goodbye.

use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use rollgate::daemon::desk::Notice;
use rollgate::daemon::tokens::Role;
use serde_json::Value;

use super::desk::key;
use super::world::{World, options};

struct Stream {
    lines: BufReader<reqwest::blocking::Response>,
    /// What a browser would send as `Last-Event-ID`.
    last: String,
}

impl Stream {
    fn open(world: &World, query: &str) -> Stream {
        let client = reqwest::blocking::Client::builder().timeout(None::<Duration>).build().unwrap();
        let request = client.get(world.url(&format!("/v1/events{query}"))).bearer_auth(world.token(Role::Viewer));
        let response = request.send().unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { lines: BufReader::new(response), last: String::new() }
    }

    /// The next event; none at the end.
    fn next(&mut self) -> Option<(String, Value)> {
        let (mut kind, mut data) = (String::new(), Value::Null);
        let mut line = String::new();
        loop {
            line.clear();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", name)) => kind = name.to_owned(),
                Some(("id", id)) => id.clone_into(&mut self.last),
                Some(("data", text)) => data = serde_json::from_str(text).unwrap(),
                None if line.trim_end().is_empty() && !kind.is_empty() => return Some((kind, data)),
                _ => {}
            }
        }
    }
}

fn entry(environment: &str, line: &str) -> Notice {
    Notice::Entry { key: key(environment), seq: 7, line: line.to_owned() }
}

#[test]
fn listeners_hear_what_they_asked_for() {
    let world = World::new();
    let (mut all, mut staging) = (Stream::open(&world, ""), Stream::open(&world, "?environment=staging"));
    let mut nothing = Stream::open(&world, "?rollout=basket");
    world.desk.tell(&entry("production", "one"));
    world.desk.tell(&entry("staging", "two"));
    let (kind, first) = all.next().unwrap();
    assert_eq!(
        (kind.as_str(), first["line"].as_str(), first["rollout"].as_str()),
        ("entry", Some("one"), Some("checkout"))
    );
    assert_eq!(all.next().unwrap().1["line"], "two");
    assert_eq!(staging.next().unwrap().1["line"], "two");
    assert_eq!(all.last, "checkout/staging/7", "where that ledger goes on");
    drop(world);
    assert_eq!(nothing.next().unwrap().0, "cut");
}

#[test]
fn a_slow_listener_is_cut_off_with_a_word_and_the_others_hear_everything() {
    let mut options = options();
    options.limits.backlog = 4;
    let world = World::with(options);
    let mut slow = Stream::open(&world, "");
    let mut quick = Stream::open(&world, "?environment=staging");
    // Far more than every buffer between the two ends holds, and nobody reads.
    let large = "x".repeat(64 << 10);
    (0..400).for_each(|_| world.desk.tell(&entry("production", &large)));
    world.desk.tell(&entry("staging", "still here"));
    assert_eq!(quick.next().unwrap().1["line"], "still here");
    let mut heard = 0;
    let (kind, why) = loop {
        match slow.next().unwrap() {
            (kind, _) if kind == "entry" => heard += 1,
            end => break end,
        }
    };
    assert_eq!(kind, "cut");
    assert!(why["why"].as_str().unwrap().contains("too slow"), "{why}");
    assert!(heard < 400, "it heard all of it");
    assert!(slow.next().is_none(), "and then the stream ends");
    let cut = world.get(Role::Viewer, "/metrics").text;
    assert!(cut.contains("rollgate_events_cut_total 1"), "{cut}");
}

#[test]
fn a_server_that_stops_tells_its_listeners() {
    let mut world = World::new();
    let mut stream = Stream::open(&world, "");
    world.server.take().unwrap().stop();
    let (kind, why) = stream.next().unwrap();
    assert_eq!((kind.as_str(), why["why"].as_str()), ("cut", Some("the controller stops")));
    assert!(stream.next().is_none());
}

#[test]
fn only_so_many_listen_and_one_that_leaves_makes_room() {
    let mut options = options();
    options.limits.listeners = 2;
    let world = World::with(options);
    let (first, _second) = (Stream::open(&world, ""), Stream::open(&world, ""));
    assert_eq!(world.get(Role::Viewer, "/v1/events").problem(503), "listeners");
    drop(first);
    let deadline = std::time::Duration::from_secs(10);
    let waited = rollgate::shell::clock::Stopwatch::start();
    loop {
        world.desk.tell(&entry("production", "anybody?"));
        let request = world.client.get(world.url("/v1/events")).bearer_auth(world.token(Role::Viewer));
        if request.send().unwrap().status().as_u16() == 200 {
            return;
        }
        assert!(waited.seconds() < deadline.as_secs_f64(), "the room of a listener that left is not given back");
    }
}
