//! Secrets are looked up where the settings say, and Secret Manager is believed only with its checksum.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

use rollgate::settings::secret::SecretRef;
use rollgate::shell::secrets::{Places, Resolved, SecretError, resolve};
use rstest::rstest;

fn env(name: &str) -> SecretRef {
    SecretRef::Env(name.to_owned())
}

fn look_up(reference: &SecretRef) -> Result<Resolved, SecretError> {
    resolve(reference, &Places { manager: nowhere(), metadata: nowhere() })
}

/// An address at which nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_variable_of_the_environment() {
    let found = look_up(&env("CARGO_MANIFEST_DIR")).unwrap();
    assert_eq!(found.secret.reveal(), env!("CARGO_MANIFEST_DIR"));
    assert_eq!(found.from, "env:CARGO_MANIFEST_DIR");
    let missing = look_up(&env("ROLLGATE_NO_SUCH_SECRET")).unwrap_err();
    assert_eq!(missing.to_string(), "`env:ROLLGATE_NO_SUCH_SECRET` is not set in the environment of rollgate");
}

#[rstest]
#[case::as_echo_writes_it(b"hunter2\n", Ok("hunter2"))]
#[case::without_a_line_break(b"hunter2", Ok("hunter2"))]
#[case::windows(b"hunter2\r\n", Ok("hunter2"))]
#[case::one_line_break_only(b"hunter2\n\n", Ok("hunter2\n"))]
#[case::spaces_are_part_of_it(b" hunter2 ", Ok(" hunter2 "))]
#[case::empty(b"", Err("is empty"))]
#[case::a_line_break_alone(b"\n", Err("is empty"))]
#[case::not_text(b"\xff\xfe", Err("is not UTF-8"))]
fn a_file(#[case] bytes: &[u8], #[case] due: Result<&str, &str>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, bytes).unwrap();
    match (look_up(&SecretRef::File(path)), due) {
        (Ok(found), Ok(secret)) => assert_eq!(found.secret.reveal(), secret),
        (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
        (found, due) => panic!("{found:?}, and {due:?} is due"),
    }
}

#[rstest]
#[case::at_the_limit(64 * 1024, true)]
#[case::over_it(64 * 1024 + 1, false)]
fn a_file_has_a_limit(#[case] length: usize, #[case] fits: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "x".repeat(length)).unwrap();
    assert_eq!(look_up(&SecretRef::File(path)).is_ok(), fits);
}

#[test]
fn a_file_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let missing = look_up(&SecretRef::File(folder.path().join("missing"))).unwrap_err();
    assert!(matches!(missing, SecretError::Unreadable { .. }));
    let directory = look_up(&SecretRef::File(folder.path().to_path_buf())).unwrap_err();
    assert!(directory.to_string().contains("no regular file"), "{directory}");
}

/// Answers each call with the next of `answers`, and hands on what was asked.
fn double(answers: Vec<(u16, String)>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut head).unwrap() > 2 {}
            sender.send(head).unwrap();
            let length = body.len();
            write!(stream, "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
                .unwrap();
        }
    });
    (address, asked)
}

const TOKEN: &str = r#"{"access_token":"ya29.c4n4ry","expires_in":3599,"token_type":"Bearer"}"#;

fn version(data: &str, sum: &str) -> String {
    let name = "projects/12/secrets/heartbeat/versions/7";
    format!(r#"{{"name":"{name}","payload":{{"data":"{data}"{sum}}}}}"#)
}

fn heartbeat() -> SecretRef {
    SecretRef::Gsm { project: "shop".into(), secret: "heartbeat".into(), version: "latest".into() }
}

fn ask(token: (u16, &str), version: (u16, String)) -> (Result<Resolved, SecretError>, Vec<String>) {
    let (metadata, asked_metadata) = double(vec![(token.0, token.1.to_owned())]);
    let (manager, asked_manager) = double(vec![version]);
    let found = resolve(&heartbeat(), &Places { manager, metadata });
    let asked = asked_metadata.try_iter().chain(asked_manager.try_iter()).collect();
    (found, asked)
}

#[test]
fn secret_manager_is_asked_with_the_machines_own_token() {
    // CRC-32C of `123456789`, the check value of the catalogue: 0xe3069283.
    let (found, asked) = ask((200, TOKEN), (200, version("MTIzNDU2Nzg5", r#","dataCrc32c":"3808858755""#)));
    let found = found.unwrap();
    assert_eq!(found.secret.reveal(), "123456789");
    assert_eq!(found.from, "projects/12/secrets/heartbeat/versions/7", "which version `latest` was");
    let [token, access] = asked.as_slice() else { panic!("{asked:?}") };
    assert!(token.starts_with("GET /computeMetadata/v1/instance/service-accounts/default/token "), "{token}");
    assert!(token.to_lowercase().contains("metadata-flavor: google"), "{token}");
    assert!(access.starts_with("GET /v1/projects/shop/secrets/heartbeat/versions/latest:access "), "{access}");
    assert!(access.contains("Bearer ya29.c4n4ry"), "{access}");
}

#[rstest]
#[case::damaged(200, version("MTIzNDU2Nzg4", r#","dataCrc32c":"3808858755""#), "damaged on its way")]
#[case::no_checksum(200, version("MTIzNDU2Nzg5", ""), "has no checksum")]
#[case::no_base64(200, version("?", r#","dataCrc32c":"1""#), "no base64")]
#[case::no_version(200, "{}".to_owned(), "is no version")]
#[case::empty_secret(200, version("", r#","dataCrc32c":"0""#), "is empty")]
#[case::too_large(200, version(&"A".repeat(200_000), r#","dataCrc32c":"0""#), "larger than a secret")]
#[case::denied(403, "c4n4ry".to_owned(), "lacks secretmanager.versions.access")]
#[case::not_there(404, "c4n4ry".to_owned(), "no such version")]
#[case::moved(302, "c4n4ry".to_owned(), "answers 302")]
#[case::down(503, "c4n4ry".to_owned(), "answers 503")]
fn what_secret_manager_gives_instead(#[case] status: u16, #[case] body: String, #[case] why: &str) {
    let (found, _) = ask((200, TOKEN), (status, body));
    let error = found.unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
    assert!(!error.contains("c4n4ry"), "{error}");
}

#[rstest]
#[case::no_service_account(404, "", "has the machine a service account?")]
#[case::no_token(200, "c4n4ry", "gives no token")]
fn without_a_token_nothing_is_asked(#[case] status: u16, #[case] body: &str, #[case] why: &str) {
    let (found, asked) = ask((status, body), (200, String::new()));
    let error = found.unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
    assert!(!error.contains("c4n4ry"), "{error}");
    assert_eq!(asked.len(), 1);
}

#[test]
fn a_machine_that_is_not_googles_says_so() {
    let error = look_up(&heartbeat()).unwrap_err().to_string();
    assert!(error.contains("the metadata server does not answer"), "{error}");
}
