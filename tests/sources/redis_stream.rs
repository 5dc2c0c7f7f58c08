//! A stream in Debian's Redis, and in one that Sentinel elects, and in a cluster.

use std::time::{Duration, Instant};

use redis::cmd;
use rollgate::adapters::source::file::Start;
use rollgate::adapters::source::redis_stream::{Config, RedisStream};
use rollgate::adapters::store::redis::{Credentials, Servers};
use rollgate::model::time::{Duration as Length, Time};
use rollgate::ports::source::{Source, SourceError};

use super::redis_support::Server;
use super::redis_support::cluster::Cluster;
use super::redis_support::sentinel::{MASTER, Watched};
use super::world::{METRIC, Say, World, eventually, now, reading};

const STREAM: &str = "snapshots";
const DEADLINE: Length = Length::from_millis(600);

pub struct Stream {
    server: Server,
    hangs: bool,
    source: RedisStream,
    last: Time,
}

pub fn world() -> Stream {
    let server = Server::durable();
    let source = RedisStream::new(config(&server));
    let mut world = Stream { server, hangs: false, source, last: now() };
    // The group is made by whoever asks first.
    world.source.poll(now()).unwrap();
    world
}

fn config(server: &Server) -> Config {
    let servers = Servers::Single { server: server.address(), database: 0 };
    Config { deadline: DEADLINE, ..Config::new("stream", servers, STREAM, "one") }
}

fn text(at: Time, reading: &str) -> String {
    format!(r#"{{"time":"{at}","groups":{{"treatment":{{"{METRIC}":{reading}}}}}}}"#)
}

/// Adds an entry; a server that was started a moment ago is still loading.
fn add(server: &Server, field: &str, text: &[u8]) {
    let mut command = cmd("XADD");
    command.arg(STREAM).arg("*").arg(field).arg(text);
    eventually("the entry", || command.exec(&mut server.conn()).ok());
}

impl Stream {
    fn add(&self, value: i32) {
        add(&self.server, "snapshot", text(now(), &value.to_string()).as_bytes());
    }

    /// What comes, as it is handed out.
    fn look(&mut self) -> Result<Vec<i64>, SourceError> {
        values(&mut self.source)
    }

    fn restart_as(&mut self, consumer: &str) {
        let config = Config { consumer: consumer.to_owned(), claim_after: Length::ZERO, ..config(&self.server) };
        self.source = RedisStream::new(config);
    }

    /// How many entries the group has handed out and nobody acknowledged.
    fn pending(&self) -> u64 {
        let (pending, ..): (u64, redis::Value, redis::Value, redis::Value) =
            self.server.ask(&format!("XPENDING {STREAM} rollgate"));
        pending
    }
}

fn values(source: &mut RedisStream) -> Result<Vec<i64>, SourceError> {
    let snapshots = source.poll(now())?;
    Ok(snapshots.iter().filter_map(reading).map(|(reading, _)| reading.value as i64).collect())
}

impl World for Stream {
    fn source(&mut self) -> &mut dyn Source {
        &mut self.source
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(600)
    }

    fn say(&mut self, what: Say) -> Time {
        let hour = Length::from_hours(1);
        let (at, reading) = match what {
            Say::Number(value) => (now(), value.to_string()),
            Say::NotANumber => (now(), "\"NaN\"".to_owned()),
            Say::Nothing => (now(), "null".to_owned()),
            Say::Partial => (now(), r#"{"unknown":"source-error"}"#.to_owned()),
            Say::Behind(value) => (self.last - hour, value.to_string()),
            Say::Ahead(value) => (now() + hour, value.to_string()),
        };
        self.last = at;
        add(&self.server, "snapshot", text(at, &reading).as_bytes());
        at
    }

    fn hang(&mut self) {
        self.server.stop();
        self.hangs = true;
    }

    fn die(&mut self) {
        self.server.kill();
    }

    fn recover(&mut self) {
        match std::mem::take(&mut self.hangs) {
            true => self.server.resume(),
            false => self.server.restart(),
        }
    }

    fn restart(&mut self) {
        self.source = RedisStream::new(config(&self.server));
    }
}

#[test]
fn a_new_group_begins_at_the_end_unless_asked_for() {
    for (start, first) in [(Start::End, vec![]), (Start::Beginning, vec![1])] {
        let server = Server::start();
        add(&server, "snapshot", text(now(), "1").as_bytes());
        let mut source = RedisStream::new(Config { start, ..config(&server) });
        assert_eq!(values(&mut source).unwrap(), first);
        source.acknowledge().unwrap();
        add(&server, "snapshot", text(now(), "2").as_bytes());
        assert_eq!(values(&mut source).unwrap(), [2]);
    }
}

/// As the settings make it, of controller `consumer`.
fn of_controller(server: &Server, consumer: &str, more: &str) -> Box<dyn Source> {
    let (address, kind) = (server.address(), "redis-stream");
    let text = format!(
        "[[sources]]\nkind = \"{kind}\"\nname = \"events\"\nurl = \"redis://{address}\"\nstream = \"{STREAM}\"\n\
         consumer = \"{consumer}\"\ndeadline = \"600ms\"\n{more}\n"
    );
    let read = rollgate::settings::read("deploy", rollgate::settings::SETTINGS_FILE, &text);
    let settings = read.settings.unwrap_or_else(|| panic!("{:#?}", read.diagnostics));
    let mut made = rollgate::daemon::sources::of(&settings).unwrap();
    made.remove(0).source
}

/// All that a source hands out until it has nothing more, acknowledged.
fn hears(source: &mut dyn Source) -> Vec<i64> {
    let mut heard = Vec::new();
    loop {
        let snapshots = source.poll(now()).unwrap();
        if snapshots.is_empty() {
            return heard;
        }
        heard.extend(snapshots.iter().filter_map(reading).map(|(reading, _)| reading.value as i64));
        source.acknowledge().unwrap();
    }
}

/// A follower has to know what the leader knows: it may lead in a moment.
#[test]
fn every_controller_hears_every_entry_unless_the_settings_make_them_share() {
    let server = Server::start();
    let mut own = ["a", "b"].map(|consumer| of_controller(&server, consumer, ""));
    let mut sharing = ["a", "b"].map(|consumer| of_controller(&server, consumer, "group = \"controllers\""));
    // The group is made by whoever asks first.
    own.iter_mut().chain(&mut sharing).for_each(|source| assert_eq!(hears(source.as_mut()), [0; 0]));
    for value in 1..=10 {
        add(&server, "snapshot", text(now(), &value.to_string()).as_bytes());
    }
    let all: Vec<i64> = (1..=10).collect();
    for source in &mut own {
        assert_eq!(hears(source.as_mut()), all);
    }
    let mut together: Vec<i64> = sharing.iter_mut().flat_map(|source| hears(source.as_mut())).collect();
    together.sort_unstable();
    assert_eq!(together, all, "each entry goes to one of them");
    // The same controller, started again, goes on where it was.
    drop(own);
    add(&server, "snapshot", text(now(), "11").as_bytes());
    assert_eq!(hears(of_controller(&server, "a", "").as_mut()), [11]);
}

#[test]
fn nothing_is_acknowledged_before_it_is_kept() {
    let mut world = world();
    world.add(1);
    assert_eq!(world.look().unwrap(), [1]);
    assert_eq!(world.pending(), 1);
    world.source.acknowledge().unwrap();
    assert_eq!(world.pending(), 0);
}

#[test]
fn what_another_consumer_took_and_left_lying_is_claimed() {
    let mut world = world();
    world.add(1);
    assert_eq!(world.look().unwrap(), [1]);
    world.restart_as("two");
    world.add(2);
    for came in [2, 1] {
        assert_eq!(world.look().unwrap(), [came]);
        world.source.acknowledge().unwrap();
    }
    assert_eq!(world.pending(), 0);
}

#[test]
fn an_entry_that_cannot_be_read_is_told_and_does_not_come_again() {
    let mut world = world();
    add(&world.server, "snapshot", b"rubbish");
    add(&world.server, "other", b"{}");
    add(&world.server, "snapshot", &[0xff, 0xfe]);
    cmd("XADD").arg(STREAM).arg("*").arg(&[0xff]).arg(&[0xfe]).exec(&mut world.server.conn()).unwrap();
    world.add(1);
    assert_eq!(world.look().unwrap(), [1]);
    let problems = world.source.problems();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].ends_with("passed over: expected value at line 1 column 1"), "{problems:?}");
    assert!(problems[1].ends_with("it has no field `snapshot`"), "{problems:?}");
    assert_eq!(world.pending(), 1, "only the good one waits");
    world.restart();
    assert_eq!(world.look().unwrap(), [1]);
    assert!(world.source.problems().is_empty());
}

#[test]
fn an_entry_that_was_trimmed_after_it_was_taken_does_not_jam_the_group() {
    let mut world = world();
    world.add(1);
    assert_eq!(world.look().unwrap(), [1]);
    world.server.ask::<i64>(&format!("XTRIM {STREAM} MAXLEN 0"));
    world.add(2);
    world.restart();
    assert_eq!(world.look().unwrap(), [2]);
    assert!(world.source.problems()[0].contains("trimmed"), "{:?}", world.source.problems());
    assert_eq!(world.pending(), 1);
}

#[test]
fn a_redis_that_comes_back_empty_is_begun_anew_with_all_that_is_in_it() {
    let mut world = world();
    world.add(1);
    assert_eq!(world.look().unwrap(), [1]);
    world.server.restart_empty();
    world.add(2);
    world.add(3);
    let came = eventually("what came after", || world.look().ok().filter(|came| !came.is_empty()));
    assert_eq!(came, [2, 3]);
    world.source.acknowledge().unwrap();
    assert_eq!(world.pending(), 0);
}

#[test]
fn a_line_that_broke_before_acknowledging_hands_out_again_and_loses_nothing() {
    let mut world = world();
    world.add(1);
    assert_eq!(world.look().unwrap(), [1]);
    world.server.ask::<i64>("CLIENT KILL TYPE normal");
    assert!(world.source.acknowledge().is_err());
    world.add(2);
    assert_eq!(world.look().unwrap(), [1, 2]);
    world.source.acknowledge().unwrap();
    assert_eq!(world.pending(), 0);
}

#[test]
fn a_backlog_is_taken_in_bounded_calls_and_nothing_of_it_twice() {
    let mut world = world();
    let mut pipe = redis::pipe();
    for value in 0..12_000 {
        let text = text(world.last, &value.to_string());
        pipe.cmd("XADD").arg(STREAM).arg("*").arg("snapshot").arg(text).ignore();
    }
    pipe.exec(&mut world.server.conn()).unwrap();
    let mut came = Vec::new();
    while came.len() < 12_000 {
        let more = world.look().unwrap();
        assert!(!more.is_empty() && more.len() <= 10_500, "{}", more.len());
        world.source.acknowledge().unwrap();
        came.extend(more);
    }
    assert!(came.iter().copied().eq(0..12_000));
    assert_eq!(world.pending(), 0);
}

#[test]
fn waiting_ends_when_something_comes_and_in_time_when_nothing_does() {
    let mut world = world();
    let started = Instant::now();
    assert_eq!(world.look().unwrap(), [0; 0]);
    assert!(started.elapsed() < Duration::from_millis(600));
    let address = world.server.address();
    let later = std::thread::spawn(move || {
        let mut conn = redis::Client::open(format!("redis://{address}")).unwrap().get_connection().unwrap();
        cmd("XADD").arg(STREAM).arg("*").arg("snapshot").arg(text(now(), "7")).exec(&mut conn).unwrap();
    });
    let came = eventually("what came meanwhile", || Some(world.look().unwrap()).filter(|came| !came.is_empty()));
    assert_eq!(came, [7]);
    later.join().unwrap();
}

#[test]
fn who_is_not_let_in_is_denied_and_no_password_is_shown() {
    let server = Server::with(&["--requirepass", "very-secret"]);
    let with = |password: Option<&str>| {
        let credentials = password.map(|password| Credentials { user: None, password: password.to_owned() });
        RedisStream::new(Config { credentials, ..config(&server) })
    };
    for wrong in [None, Some("not-that-secret")] {
        let mut source = with(wrong);
        let error = source.poll(now()).unwrap_err();
        assert_eq!(error.kind(), "denied", "{error}");
        let told = format!("{error} {source:?}");
        assert!(!told.contains("secret"), "{told}");
    }
    assert_eq!(values(&mut with(Some("very-secret"))).unwrap(), [0; 0]);
}

#[test]
fn a_key_of_another_kind_is_refused() {
    let server = Server::start();
    server.ask::<()>(&format!("SET {STREAM} x"));
    let mut source = RedisStream::new(config(&server));
    let error = source.poll(now()).unwrap_err();
    assert_eq!(error.kind(), "refused");
    assert!(error.to_string().contains("no stream"), "{error}");
}

#[test]
fn behind_sentinels_the_stream_goes_on_after_a_failover() {
    let mut watched = Watched::start(Duration::from_millis(500));
    let sentinels = watched.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
    let servers = Servers::Sentinel { sentinels, master: MASTER.to_owned(), database: 0 };
    let config = Config { deadline: Length::from_secs(1), ..Config::new("stream", servers, STREAM, "one") };
    let mut source = RedisStream::new(config);
    assert_eq!(values(&mut source).unwrap(), [0; 0]);
    add(&watched.servers[0], "snapshot", text(now(), "1").as_bytes());
    assert_eq!(values(&mut source).unwrap(), [1]);
    // What the replica has not seen is lost with its master.
    let mut conn = watched.servers[0].conn();
    let seen = |conn: &mut redis::Connection| {
        conn.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        cmd("XADD").arg("other").arg("*").arg("a").arg("b").exec(conn).unwrap();
        cmd("WAIT").arg(1).arg(1000).query::<u64>(conn).unwrap()
    };
    assert_eq!(seen(&mut conn), 1);
    watched.servers[0].kill();
    let old = watched.servers[0].port;
    eventually("another master", || watched.master().filter(|port| *port != old));
    add(&watched.servers[1], "snapshot", text(now(), "2").as_bytes());
    let mut came = Vec::new();
    eventually("what came after the failover", || {
        came.extend(values(&mut source).unwrap_or_default());
        came.contains(&2).then_some(())
    });
    // It was not acknowledged, so it came again.
    assert_eq!(came, [1, 2]);
    source.acknowledge().unwrap();
}

#[test]
fn in_a_cluster_the_stream_is_found_whatever_node_is_named() {
    let cluster = Cluster::start();
    let owner = cluster.node_of(STREAM).port;
    let other = cluster.nodes.iter().find(|node| node.port != owner).unwrap();
    let servers = Servers::Cluster { nodes: vec![other.address()] };
    let config = Config { deadline: Length::from_secs(1), ..Config::new("stream", servers, STREAM, "one") };
    let mut source = RedisStream::new(config);
    assert_eq!(values(&mut source).unwrap(), [0; 0]);
    add(cluster.node_of(STREAM), "snapshot", text(now(), "1").as_bytes());
    assert_eq!(values(&mut source).unwrap(), [1]);
    source.acknowledge().unwrap();
    add(cluster.node_of(STREAM), "snapshot", text(now(), "2").as_bytes());
    assert_eq!(values(&mut source).unwrap(), [2]);
}
