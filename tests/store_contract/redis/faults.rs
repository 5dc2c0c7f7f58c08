//! What a server can do to a store, each against a real one.

#![expect(clippy::disallowed_methods, reason = "a test writes the files that a server reads")]

use std::time::Duration as Length;

use rollgate::adapters::store::redis::{Credentials, Options, Redis, Tls};
use rollgate::ledger::{Head, verify};
use rollgate::model::ids::{Actor, Digest};
use rollgate::model::time::Duration;
use rollgate::ports::store::{Authority, Store, StoreError};
use rstest::rstest;

use super::super::redis_support::proxy::{Proxy, Replies};
use super::super::redis_support::tls::Encrypted;
use super::super::redis_support::{Server, now, until};
use super::super::world::{Writer, exposed, key};
use super::{open, options};

const TERM: Duration = Duration::from_secs(5);
/// Short, for servers that will not answer; long enough for a healthy one on a busy machine.
const SOON: Duration = Duration::from_secs(1);

fn impatient(url: &str) -> Redis {
    Redis::open(Options { deadline: SOON, ..options(url) }).unwrap()
}

fn is_unavailable<T: std::fmt::Debug>(result: Result<T, StoreError>, words: &str) {
    assert!(matches!(&result, Err(StoreError::Unavailable(why)) if why.contains(words)), "{result:?}");
}

/// Only a person mends it: it is not waited for.
fn is_refused<T: std::fmt::Debug>(result: Result<T, StoreError>, words: &str) {
    assert!(matches!(&result, Err(StoreError::Refused(why)) if why.contains(words)), "{result:?}");
}

fn is_corrupt<T: std::fmt::Debug>(result: Result<T, StoreError>, words: &str) {
    assert!(matches!(&result, Err(StoreError::Corrupt { what }) if what.contains(words)), "{result:?}");
}

/// Every call of the port, each with what it says.
fn every_call(store: &Redis, writer: &Writer) -> Vec<(&'static str, Option<StoreError>)> {
    let mut batch = writer.clone().batch("never", 1);
    batch.exposed = Some(exposed(99, 1.0));
    let token =
        rollgate::ports::store::LeaseToken { holder: Actor::new("ana"), fence: rollgate::model::ids::Generation(1) };
    let mut elsewhere = Writer::new("elsewhere");
    let entries = elsewhere.entries(2);
    vec![
        ("keys", store.keys().err()),
        ("head", store.head(&writer.key).err()),
        ("entries", store.entries(&writer.key, 0, 10).err()),
        ("checkpoint", store.checkpoint(&writer.key, 10).err()),
        ("append", store.append(&batch).err()),
        ("exposed", store.exposed(&writer.key).err()),
        ("policy", store.policy(&Digest::new("d")).err()),
        ("policies", store.policies().err()),
        ("decision", store.decision("d").err()),
        ("prune", store.prune(&writer.checkpoint()).err()),
        ("restore", store.restore(&elsewhere.key, None, &entries, &exposed(1, 1.0)).err()),
        ("put_policy", store.put_policy(&Digest::new("d"), "text").err()),
        ("acquire", store.acquire(&Actor::new("ben"), TERM).err()),
        ("renew", store.renew(&token, TERM).err()),
        ("release", store.release(&token).err()),
        ("leader", store.leader().err()),
    ]
}

#[test]
fn a_killed_server_refuses_at_once_and_what_it_acknowledged_is_there_when_it_is_back() {
    let mut server = Server::durable();
    let store = open(&server.url());
    let mut writer = Writer::new("a");
    let batch = writer.batch("t", 3);
    store.append(&batch).unwrap();
    server.kill();
    let started = now();
    for (name, error) in every_call(&store, &writer) {
        assert!(matches!(&error, Some(StoreError::Unavailable(why)) if why.contains("127.0.0.1")), "{name}: {error:?}");
    }
    assert!(started.elapsed() < Length::from_secs(5), "nobody waits for a server that is not there");
    server.restart();
    assert_eq!(store.entries(&writer.key, 0, 10).unwrap(), batch.entries);
    store.append(&writer.batch("t2", 1)).unwrap();
}

#[test]
fn a_stopped_server_holds_nobody_up_and_no_late_reply_is_taken_for_another() {
    let server = Server::start();
    let store = impatient(&server.url());
    let (mut one, mut two) = (Writer::new("a"), Writer::new("b"));
    store.append(&one.batch("t", 2)).unwrap();
    store.append(&two.batch("t", 3)).unwrap();
    server.stop();
    let deadline = Length::from_millis(u64::try_from(SOON.as_millis()).unwrap());
    for _ in 0..2 {
        let started = now();
        is_unavailable(store.head(&one.key), "does not answer within 1s");
        assert!(started.elapsed() < deadline * 3, "{:?}", started.elapsed());
    }
    // One whose effect comes after all, when the server goes on.
    let late = one.batch("late", 1);
    is_unavailable(store.append(&late), "does not answer");
    server.resume();
    for _ in 0..20 {
        assert_eq!(store.head(&two.key).unwrap(), two.head);
    }
    assert!(store.append(&late).is_ok());
    assert_eq!(store.head(&one.key).unwrap(), one.head);
    assert_eq!(store.entries(&one.key, 0, 10).unwrap().len(), 3);
}

#[test]
fn every_call_has_a_deadline_of_its_own() {
    let server = Server::start();
    let store = Redis::open(Options { deadline: Duration::from_millis(300), ..options(&server.url()) }).unwrap();
    let mut writer = Writer::new("a");
    let _ = store.append(&writer.batch("t", 1));
    server.stop();
    let started = now();
    let calls = every_call(&store, &writer);
    assert!(started.elapsed() < Length::from_millis(300) * 16 * 2, "{:?}", started.elapsed());
    for (name, error) in calls {
        assert!(matches!(error, Some(StoreError::Unavailable(_))), "{name}: {error:?}");
    }
}

#[test]
fn a_server_that_came_back_empty_is_never_taken_for_a_fresh_store() {
    let mut server = Server::start();
    let store = open(&server.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t", 3)).unwrap();
    server.restart_empty();
    for (name, error) in every_call(&store, &writer) {
        assert!(matches!(&error, Some(StoreError::Corrupt { what }) if what.contains("is gone")), "{name}: {error:?}");
    }
    assert_eq!(server.ask::<u64>("DBSIZE"), 0, "nothing was written over what is missing");
    // Not even when somebody else made a new one there.
    let new = open(&server.url());
    is_corrupt(store.head(&writer.key), "another store");
    is_corrupt(store.append(&writer.clone().batch("t2", 1)), "another store");
    assert_eq!(new.head(&writer.key).unwrap(), Head::genesis(&writer.key));
}

#[test]
fn a_server_that_was_emptied_under_an_open_connection_is_found_out() {
    let server = Server::start();
    let store = open(&server.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t", 3)).unwrap();
    let token = store.acquire(&Actor::new("ana"), TERM).unwrap();
    server.ask::<()>("FLUSHALL");
    is_corrupt(store.head(&writer.key), "has seen entry 3");
    is_corrupt(store.keys(), "does not know it any more");
    is_corrupt(store.append(&writer.clone().batch("t2", 1)), "another store");
    // A rollout that nobody has seen yet as well.
    is_corrupt(store.append(&Writer::new("b").batch("t", 1)), "another store");
    is_corrupt(store.renew(&token, TERM), "another store");
    assert_eq!(server.ask::<u64>("DBSIZE"), 0);
}

#[test]
fn a_server_that_went_back_in_time_is_found_out() {
    let mut server = Server::start();
    let store = open(&server.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t1", 3)).unwrap();
    let early = writer.clone();
    server.ask::<()>("SAVE");
    store.append(&writer.batch("t2", 2)).unwrap();
    server.restart();
    is_corrupt(store.head(&writer.key), "ends in entry 3, and this process has seen entry 5");
    is_corrupt(store.entries(&writer.key, 0, 10), "has seen entry 5");
    is_corrupt(store.exposed(&writer.key), "has seen entry 5");
    // A batch that follows what is left would fork the ledger.
    is_corrupt(store.append(&early.clone().batch("t3", 1)), "has seen entry 5");
    // Whoever was started since goes on from what is left.
    let restarted = open(&server.url());
    assert_eq!(restarted.append(&early.clone().batch("t3", 1)).unwrap().head.seq, 4);
}

#[test]
fn a_server_without_room_loses_nothing_and_takes_no_half_of_a_batch() {
    let server = Server::start();
    let store = open(&server.url());
    let mut writer = Writer::new("a");
    let mut first = writer.batch("t0", 400);
    first.exposed = Some(exposed(1, 10.0));
    store.append(&first).unwrap();
    server.leave_room(300_000);
    let mut acknowledged = 1;
    let refused = loop {
        let mut batch = writer.clone().batch(&format!("t{acknowledged}"), 50);
        batch.exposed = Some(exposed(acknowledged + 1, 10.0));
        batch.policies = vec![(Digest::new(format!("p{acknowledged}")), "text".to_owned())];
        match store.append(&batch) {
            Ok(_) => {
                acknowledged += 1;
                writer.entries(50);
            }
            Err(error) => break error,
        }
        assert!(acknowledged < 1000, "the limit was never met");
    };
    assert!(matches!(&refused, StoreError::Full(why) if why.contains("maxmemory")), "{refused}");
    assert_eq!(store.head(&writer.key).unwrap(), writer.head);
    assert_eq!(store.entries(&writer.key, 0, usize::MAX).unwrap().len() as u64, writer.head.seq);
    assert_eq!(store.exposed(&writer.key).unwrap(), exposed(acknowledged, 10.0));
    assert_eq!(store.policies().unwrap().len() as u64, acknowledged - 1);
    // Pruning makes room, and is possible without any.
    assert_eq!(store.prune(&writer.checkpoint()).unwrap(), writer.head.seq);
    let batch = writer.batch("after", 1);
    // A server counts the buffers of its clients as well, and makes them smaller once in a while.
    until("there is room again", || store.append(&batch).ok());
}

#[test]
fn a_replica_is_no_place_to_write_to() {
    let master = Server::start();
    let store = open(&master.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t", 1)).unwrap();
    let replica = master.replica();
    is_unavailable(Redis::open(options(&replica.url())), "is a replica");
    // One that became a replica under an open connection, and has not been given another's data yet.
    let other = Server::start();
    other.stop();
    master.ask::<()>(&format!("REPLICAOF 127.0.0.1 {}", other.port));
    is_unavailable(store.append(&writer.batch("t2", 1)), "replica");
}

#[test]
fn a_reply_that_is_lost_after_the_server_acted_counts_once() {
    let server = Server::start();
    let proxy = Proxy::to(server.port);
    let store = impatient(&proxy.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t1", 1)).unwrap();
    // The connection is cut: the store asks again by itself, and knows its own batch.
    proxy.set(Replies::Cut);
    assert!(!store.append(&writer.batch("t2", 2)).unwrap().again);
    assert_eq!(store.head(&writer.key).unwrap(), writer.head);
    // The reply never comes: the caller asks again, and is told so.
    proxy.set(Replies::Swallow);
    let batch = writer.batch("t3", 3);
    is_unavailable(store.append(&batch), "does not answer");
    proxy.set(Replies::Pass);
    let again = store.append(&batch).unwrap();
    assert_eq!((again.head, again.again), (writer.head.clone(), true));
    assert_eq!(store.entries(&writer.key, 0, 10).unwrap().len(), 6);
}

#[test]
fn a_reply_that_trickles_in_is_not_waited_for_beyond_the_deadline() {
    let server = Server::start();
    let proxy = Proxy::to(server.port);
    let store = impatient(&proxy.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t1", 3)).unwrap();
    proxy.set(Replies::Trickle);
    let started = now();
    is_unavailable(store.entries(&writer.key, 0, 10), "does not answer within 1s");
    assert!(started.elapsed() < Length::from_secs(3), "{:?}", started.elapsed());
    proxy.set(Replies::Pass);
    assert_eq!(store.head(&writer.key).unwrap(), writer.head);
}

#[rstest]
#[case::none(None, "wants a password")]
#[case::wrong(Some("hunter3"), "the password in the settings is another")]
fn a_password_that_is_missing_or_wrong_is_told_without_showing_it(#[case] given: Option<&str>, #[case] words: &str) {
    let server = Server::with(&["--requirepass", "hunter2"]);
    let mut options = options(&server.url());
    options.credentials = given.map(|password| Credentials { user: None, password: password.to_owned() });
    let refused = Redis::open(options.clone()).unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains(words)), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("hunter"), "{refused:?}");
    options.credentials = Some(Credentials { user: None, password: "hunter2".to_owned() });
    let store = Redis::open(options).unwrap();
    store.append(&Writer::new("a").batch("t", 1)).unwrap();
    assert!(!format!("{store:?}").contains("hunter"));
}

/// Whoever cannot be let in now is not told that the password is wrong.
#[test]
fn a_server_with_too_many_clients_has_refused_no_password() {
    let server = Server::start();
    let mut options = options(&server.url());
    server.ask::<()>("ACL SETUSER ana on >secret ~* +@all");
    options.credentials = Some(Credentials { user: Some("ana".to_owned()), password: "secret".to_owned() });
    let mut only = server.conn();
    redis::cmd("CONFIG").arg(&["SET", "maxclients", "1"]).exec(&mut only).unwrap();
    is_unavailable(Redis::open(options.clone()), "");
    redis::cmd("CONFIG").arg(&["SET", "maxclients", "100"]).exec(&mut only).unwrap();
    Redis::open(options).unwrap();
}

#[rstest]
#[case::database("redis://{a}/9000", "fewer databases")]
#[case::cluster("redis+cluster://{a}", "it is one server")]
#[case::prefix("redis://{a}", "the prefix")]
fn an_address_that_does_not_fit_the_server_is_told_what_it_is(#[case] url: &str, #[case] words: &str) {
    let server = Server::start();
    let mut options: Options = url.replace("{a}", &server.address()).parse().unwrap();
    if words == "the prefix" {
        options.prefix = String::new();
    }
    is_refused(Redis::open(options), words);
}

/// Of several, those that are away may come and be enough.
#[test]
fn several_refuse_when_those_that_are_away_could_not_make_up_for_it() {
    let locked: Vec<Server> = (0..2).map(|_| Server::with(&["--requirepass", "hunter2"])).collect();
    let mut gone = Server::start();
    let away = gone.address();
    gone.kill();
    let [one, other] = [locked[0].address(), locked[1].address()];
    let watched = |sentinels: [&str; 3]| {
        let mut options = options(&format!("redis+sentinel://{}/main", sentinels.join(",")));
        options.sentinel_credentials = Some(Credentials { user: None, password: "hunter3".to_owned() });
        Redis::open(options)
    };
    is_refused(watched([&one, &away, &other]), "the password in the settings is another");
    is_refused(watched([&one, &other, &away]), "nobody listens");
    is_unavailable(watched([&away, &away, &one]), "the password in the settings is another");
    is_refused(Redis::open(options(&format!("redis+cluster://{one},{other}"))), "wants a password");
    is_unavailable(Redis::open(options(&format!("redis+cluster://{away},{one}"))), "nobody listens");
}

#[test]
fn a_connection_is_encrypted_and_only_a_certificate_that_is_trusted_will_do() {
    let encrypted = Encrypted::start(&[]);
    let mut options = options(&encrypted.url());
    is_refused(Redis::open(options.clone()), "certificate");
    options.tls = Some(Tls { authority: Some("no certificate".to_owned()) });
    is_refused(Redis::open(options.clone()), "certificate");
    options.tls = Some(Tls { authority: Some(std::fs::read_to_string(encrypted.authority()).unwrap()) });
    let store = Redis::open(options).unwrap();
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t", 3)).unwrap();
    assert_eq!(open(&encrypted.server.url()).head(&writer.key).unwrap(), writer.head, "the same server, in the clear");
}

#[rstest]
#[case::stream("{rollgate/a/production}:entries")]
#[case::state("{rollgate/a/production}:state")]
#[case::policies("{rollgate/a/production}:policies")]
#[case::decisions("{rollgate/a/production}:decisions")]
#[case::checkpoints("{rollgate/a/production}:checkpoints")]
#[case::tokens("{rollgate/a/production}:tokens")]
fn another_programs_key_is_left_alone_and_nothing_is_half_written(#[case] taken: &str) {
    let server = Server::start();
    let store = open(&server.url());
    server.ask::<()>(&format!("SET {taken} mine"));
    let mut writer = Writer::new("a");
    let mut batch = writer.batch("t", 2);
    batch.exposed = Some(exposed(1, 1.0));
    batch.policies = vec![(Digest::new("d"), "text".to_owned())];
    batch.decisions = vec![("d-1".to_owned(), "record".to_owned())];
    batch.checkpoint = Some(writer.checkpoint());
    is_corrupt(store.append(&batch), "another program");
    assert_eq!(server.ask::<String>(&format!("GET {taken}")), "mine");
    assert_eq!(server.ask::<u64>("DBSIZE"), 2, "the store's own key and the other program's");
}

#[test]
fn a_user_who_may_not_write_is_told_so_and_leaves_nothing_behind() {
    let server = Server::start();
    drop(open(&server.url()));
    server.ask::<()>("ACL SETUSER ana on >secret ~* +@read +@connection +@scripting +role +time");
    let mut options = options(&server.url());
    options.credentials = Some(Credentials { user: Some("ana".to_owned()), password: "secret".to_owned() });
    let store = Redis::open(options).unwrap();
    is_refused(store.append(&Writer::new("a").batch("t", 1)), "give this user");
    assert_eq!(server.ask::<u64>("DBSIZE"), 1);
}

#[test]
fn another_clients_endless_script_is_told_and_outlived() {
    let server = Server::with(&["--lua-time-limit", "20"]);
    let store = open(&server.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t", 1)).unwrap();
    let port = server.port;
    let endless = std::thread::spawn(move || {
        let mut conn = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap().get_connection().unwrap();
        redis::cmd("EVAL").arg("while true do end").arg(0).query::<()>(&mut conn)
    });
    let busy = until("it is busy", || store.head(&writer.key).err());
    assert!(matches!(&busy, StoreError::Busy(why) if why.contains("another client's script")), "{busy}");
    server.ask::<()>("SCRIPT KILL");
    assert!(endless.join().unwrap().is_err());
    assert_eq!(store.head(&writer.key).unwrap(), writer.head);
}

#[test]
fn a_server_that_forgot_the_scripts_is_told_them_again() {
    let server = Server::start();
    let store = open(&server.url());
    let mut writer = Writer::new("a");
    for at in 0..3 {
        store.append(&writer.batch(&format!("t{at}"), 1)).unwrap();
        server.ask::<()>("SCRIPT FLUSH");
    }
    assert_eq!(store.head(&writer.key).unwrap(), writer.head);
}

#[test]
fn a_write_that_too_few_replicas_have_is_not_acknowledged_and_counts_once_when_they_do() {
    let master = Server::start();
    let replica = master.replica();
    let url = format!("{}?replicas=1", master.url());
    let store = impatient(&url);
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t1", 1)).unwrap();
    assert_eq!(store.notes().unwrap().len(), 1, "only that it keeps nothing on disk");
    replica.stop();
    let batch = writer.batch("t2", 1);
    is_unavailable(store.append(&batch), "0 of the 1 replicas");
    // Written before, but waiting for that very write: asking again alone proves nothing.
    is_unavailable(store.append(&batch), "0 of the 1 replicas");
    replica.resume();
    let acknowledged = until("the replica caught up", || store.append(&batch).ok());
    assert_eq!((acknowledged.head, acknowledged.again), (writer.head.clone(), true));
    replica.stop();
    is_unavailable(store.acquire(&Actor::new("ana"), TERM), "0 of the 1 replicas");
    replica.resume();
    master.ask::<()>("CONFIG SET min-replicas-to-write 2");
    let mut batch = writer.batch("t3", 1);
    batch.authority = Authority::RollBack;
    is_unavailable(store.append(&batch), "too few replicas");
}

#[test]
fn a_controller_may_start_while_its_store_is_away() {
    let mut server = Server::durable();
    let mut writer = Writer::new("a");
    open(&server.url()).append(&writer.batch("t1", 1)).unwrap();
    server.kill();
    let store = Redis::unopened(server.url().parse().unwrap()).unwrap();
    is_unavailable(store.head(&writer.key), "nobody listens");
    server.restart();
    assert_eq!(store.head(&writer.key).unwrap(), writer.head);
}

#[test]
fn what_a_server_is_set_up_to_lose_is_told() {
    let server = Server::start();
    let store = open(&server.url());
    server.ask::<()>("CONFIG SET maxmemory-policy allkeys-lru");
    let notes = store.notes().unwrap().join("\n");
    assert!(notes.contains("`appendonly` is off") && notes.contains("allkeys-lru"), "{notes}");
    let sound = Server::durable();
    assert_eq!(open(&sound.url()).notes().unwrap(), Vec::<String>::new());
}

#[test]
fn several_writers_make_one_chain() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 250;
    let server = Server::start();
    let url = server.url();
    drop(open(&url));
    let threads: Vec<_> = (0..WRITERS)
        .map(|at| {
            let url = url.clone();
            std::thread::spawn(move || {
                let store = open(&url);
                let mut done = 0;
                while done < EACH {
                    let mut writer = Writer::new("a");
                    writer.head = store.head(&writer.key).unwrap();
                    match store.append(&writer.batch(&format!("w{at}-{done}"), 1)) {
                        Ok(appended) => {
                            assert!(!appended.again);
                            done += 1;
                        }
                        Err(StoreError::Conflict(_)) => {}
                        Err(other) => panic!("{other}"),
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let found = open(&url).entries(&key("a"), 0, usize::MAX).unwrap();
    assert_eq!(verify(&key("a"), None, &found).unwrap().entries, WRITERS * EACH);
}

#[test]
fn a_long_chain_is_restored_in_pieces_or_not_at_all() {
    let server = Server::start();
    let store = open(&server.url());
    let mut writer = Writer::new("a");
    let entries = writer.entries(1300);
    // What an earlier attempt left behind, without its end.
    server.ask::<()>("XADD {rollgate/a/production}:entries 7-0 entry torn");
    assert!(store.keys().unwrap().is_empty());
    assert!(store.entries(&writer.key, 0, 10).unwrap().is_empty());
    store.restore(&writer.key, None, &entries, &exposed(1, 1.0)).unwrap();
    assert_eq!(store.entries(&writer.key, 0, usize::MAX).unwrap(), entries);
    store.append(&writer.batch("t", 1)).unwrap();
}

#[test]
fn entries_that_are_missing_or_changed_are_never_read_as_history() {
    let server = Server::start();
    let store = open(&server.url());
    let mut writer = Writer::new("a");
    store.append(&writer.batch("t", 5)).unwrap();
    let entries = "{rollgate/a/production}:entries";
    server.ask::<()>(&format!("XDEL {entries} 3-0"));
    is_corrupt(store.entries(&writer.key, 0, 10), "missing before entry 4");
    server.ask::<()>(&format!("XDEL {entries} 5-0"));
    is_corrupt(store.entries(&writer.key, 4, 10), "entries after 4 are missing");
    server.ask::<()>(&format!("XADD {entries} 6-0 entry something"));
    is_corrupt(store.entries(&writer.key, 4, 10), "entry 6");
    is_corrupt(store.append(&writer.clone().batch("t2", 1)), "behind the end");
}
