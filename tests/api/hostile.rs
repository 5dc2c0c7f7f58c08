//! Callers that mean no good, or are broken: slow ones, loud ones, ones that go away; and handlers that panic. The server
//! answers the next caller.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rollgate::daemon::tokens::Role;
use rollgate::shell::clock::Stopwatch;

use super::world::{SNAPSHOT, World, options};

/// A world whose limits are met within a test.
fn impatient() -> World {
    let mut options = options();
    options.limits.head = Duration::from_millis(300);
    options.limits.call = Duration::from_millis(700);
    options.limits.stall = Duration::from_millis(500);
    options.limits.grace = Duration::from_millis(1500);
    options.limits.connections = 4;
    World::with(options)
}

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

#[test]
fn a_head_that_never_ends_is_not_waited_for() {
    let world = impatient();
    let mut stream = connect(&world);
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx-slow: ").unwrap();
    let started = Stopwatch::start();
    let mut rest = Vec::new();
    // The server ends the connection, politely or not.
    drop(stream.read_to_end(&mut rest));
    assert!(started.seconds() < 10.0);
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    assert_eq!(world.get(Role::Viewer, "/livez").status, 200);
}

#[test]
fn a_body_that_never_ends_is_answered_when_the_call_is_over() {
    let world = impatient();
    let mut stream = connect(&world);
    let head = format!(
        "POST /v1/snapshots HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{{",
        world.token(Role::Sender)
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 504");
    assert!(world.desk.set.lock().unwrap().pushed.is_empty());
}

/// By length, and in chunks of which nobody says how many come.
#[rstest::rstest]
#[case::said("content-length: 6291456", "")]
#[case::unsaid("transfer-encoding: chunked", "600000\r\n")]
fn a_caller_that_sends_too_much_hears_why_when_it_has_sent_it(#[case] length: &str, #[case] chunk: &str) {
    let world = World::new();
    let mut stream = connect(&world);
    let token = world.token(Role::Sender);
    let head = format!(
        "POST /v1/snapshots HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{length}\r\n\r\n{chunk}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b' '; 6 << 20]).unwrap();
    if !chunk.is_empty() {
        stream.write_all(b"\r\n0\r\n\r\n").unwrap();
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[test]
fn a_push_that_nobody_answers_is_over_in_time() {
    let world = impatient();
    world.desk.set.lock().unwrap().silent = true;
    assert_eq!(world.post(Role::Sender, "/v1/snapshots", SNAPSHOT).problem(504), "too-late");
}

#[test]
fn idle_connections_make_room_for_callers() {
    let world = impatient();
    let idle: Vec<TcpStream> = (0..12).map(|_| connect(&world)).collect();
    // More than there is room for: this call waits until the idle ones are ended.
    assert_eq!(world.get(Role::Viewer, "/livez").status, 200);
    drop(idle);
}

#[test]
fn a_caller_that_takes_nothing_of_its_answer_is_cut_off() {
    let world = impatient();
    for _ in 0..4 {
        let mut stream = connect(&world);
        let call = format!(
            "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
            world.token(Role::Viewer)
        );
        // Many answers are asked for and none is read, until no buffer holds more.
        stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        while stream.write_all(call.repeat(50).as_bytes()).is_ok() {}
        std::mem::forget(stream);
    }
    assert_eq!(world.get(Role::Viewer, "/livez").status, 200);
}

#[test]
fn a_handler_that_panics_answers_and_takes_nobody_with_it() {
    let world = World::new();
    world.desk.set.lock().unwrap().panics = true;
    assert_eq!(world.get(Role::Viewer, "/v1/rollouts").status, 500);
    world.desk.set.clear_poison();
    world.desk.set.lock().unwrap().panics = false;
    assert_eq!(world.get(Role::Viewer, "/v1/rollouts").status, 200);
}

#[test]
fn what_is_not_http_is_no_reason_to_fall_over() {
    let world = World::new();
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(200_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x-a: b\r\n".repeat(5000));
    let hostile: [&[u8]; 9] = [
        b"",
        b"\0\0\0\0",
        b"GET\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /v1/snapshots HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v1/snapshots HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"POST /v1/snapshots HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        long.as_bytes(),
        many.as_bytes(),
    ];
    for bytes in hostile {
        let mut stream = connect(&world);
        drop(stream.write_all(bytes));
        drop(stream.shutdown(std::net::Shutdown::Write));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
        assert_eq!(world.get(Role::Viewer, "/livez").status, 200);
    }
}

#[test]
fn nothing_and_other_methods_are_told_apart() {
    let world = World::new();
    assert_eq!(world.get(Role::Viewer, "/v2/rollouts").problem(404), "no-route");
    let wrong = world.post(Role::Admin, "/v1/rollouts", "{}");
    assert_eq!(wrong.problem(405), "method");
    assert!(wrong.header("allow").contains("GET"));
}

#[test]
fn a_server_that_stops_answers_what_is_under_way_and_takes_nothing_new() {
    let mut world = impatient();
    let mut under_way = connect(&world);
    let head = format!(
        "POST /v1/snapshots HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        world.token(Role::Sender),
        SNAPSHOT.len()
    );
    under_way.write_all(head.as_bytes()).unwrap();
    under_way.write_all(&SNAPSHOT.as_bytes()[..10]).unwrap();
    // The call has begun once its head was read; another answer on the same server says that time has passed.
    assert_eq!(world.get(Role::Viewer, "/livez").status, 200);
    let server = world.server.take().unwrap();
    let stopping = std::thread::spawn(move || server.stop());
    under_way.write_all(&SNAPSHOT.as_bytes()[10..]).unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    stopping.join().unwrap();
    assert!(TcpStream::connect(world.address()).is_err(), "it still takes calls");
}
