//! A controller that sends another ledger than the one that was sealed: whoever reads it finds out.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use rollgate::daemon::tokens::Role;
use rollgate::daemon::wire::EntriesBody;
use rstest::rstest;

use super::client::{binary, screen};
use super::world::World;

/// Passes calls on to a controller, and tells what it answers with something changed.
struct Liar(String);

impl Liar {
    fn of(world: &World, lie: fn(String) -> String) -> Liar {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (here, there) = (listener.local_addr().unwrap(), world.address());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || {
                    let request = head_of(&mut stream);
                    let mut upstream = TcpStream::connect(there).unwrap();
                    let asked = request.replace(&here.to_string(), &there.to_string());
                    let asked = asked.replacen("\r\n", "\r\nconnection: close\r\n", 1);
                    upstream.write_all(asked.as_bytes()).unwrap();
                    let mut answer = String::new();
                    upstream.read_to_string(&mut answer).unwrap();
                    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                    let body = if request.contains("/ledger") { lie(body.to_owned()) } else { body.to_owned() };
                    let kept = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("content-length"));
                    let head = kept.collect::<Vec<_>>().join("\r\n");
                    let told = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                    stream.write_all(told.as_bytes()).unwrap();
                });
            }
        });
        Liar(format!("http://{here}"))
    }
}

fn head_of(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Takes the entry with that number out of a page; the others stay byte for byte.
fn without(page: &str, seq: u64) -> String {
    let mut page: EntriesBody = serde_json::from_str(page).unwrap();
    page.entries.retain(|entry| !entry.get().contains(&format!("\"seq\":{seq},")));
    serde_json::to_string(&page).unwrap()
}

#[rstest]
#[case::as_it_is(|page| page, None)]
#[case::another_name(|page: String| page.replacen("\"setup\"", "\"other\"", 1), Some("it was changed after it was sealed"))]
#[case::an_entry_less(|page: String| without(&page, 2), Some("entry 2: it is missing"))]
#[case::the_end_less(|page: String| without(&page, 6), Some("entries end at 5, and should end at 6"))]
#[case::nothing(|_| r#"{"entries":[],"next":null}"#.to_owned(), Some("entries end at 0"))]
#[case::the_same_again(|page: String| page.replacen("\"next\":null", "\"next\":1", 1), Some("entry 1 comes after entry 6"))]
fn a_ledger_that_was_tampered_with_is_broken(#[case] lie: fn(String) -> String, #[case] found: Option<&str>) {
    let world = World::new();
    for verb in ["pause", "resume", "pause"] {
        world.post(Role::Operator, &format!("/v1/rollouts/checkout/{verb}"), r#"{"reason":"r"}"#);
    }
    assert_eq!(world.desk.entries("production").len(), 6);
    let liar = Liar::of(&world, lie);
    let folder = tempfile::tempdir().unwrap();
    let ask = |words: &str| {
        let mut command = binary(folder.path(), words);
        command.args(["--api", &liar.0]).env("ROLLGATE_TOKEN", world.token(Role::Viewer));
        screen(command)
    };
    let (verified, exported) = (ask("audit verify"), ask("audit export"));
    if found == Some("it was changed after it was sealed") {
        let listed = ask("audit list");
        assert!(
            listed.contains("sent: it was changed after it was sealed") && listed.ends_with("exit 1\n"),
            "{listed}"
        );
    }
    match found {
        None => {
            assert!(verified.contains("6 entries") && verified.ends_with("exit 0\n"), "{verified}");
            assert!(exported.contains("{\"end\":") && exported.ends_with("exit 0\n"), "{exported}");
        }
        Some(why) => {
            let told = verified.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(told.contains("BROKEN") && told.contains(why), "{verified}");
            assert!(verified.ends_with("exit 6\n"), "{verified}");
            assert!(!exported.contains("{\"end\":") && exported.ends_with("exit 6\n"), "{exported}");
        }
    }
}
