//! TLS: a certificate made by the test, a client that trusts it, and the door for commands of this machine.

#![expect(clippy::disallowed_methods, reason = "tests write certificates")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rollgate::control::Operate as _;
use rollgate::daemon::client::Client;
use rollgate::daemon::http::{Options, StartError, TlsFiles, start};
use rollgate::daemon::local;
use rollgate::daemon::telemetry::Telemetry;
use rollgate::daemon::tokens::{NewToken, Role};
use rstest::rstest;

use super::desk::Double;

fn certificate(folder: &Path) -> (TlsFiles, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
    fs::write(&files.certificate, made.cert.pem()).unwrap();
    fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.pem())
}

fn options(files: TlsFiles) -> Options {
    let mut options = Options::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    options.tls = Some(files);
    options
}

#[test]
fn it_talks_tls_to_whoever_trusts_its_certificate_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (files, pem) = certificate(folder.path());
    let new = NewToken::generate("ana", Role::Viewer).unwrap();
    let mut options = options(files);
    options.tokens = vec![new.token.clone()];
    let place = local::beside(&folder.path().join("rollgate.redb"));
    options.announce = Some(place.clone());
    let server = start(options, Double::new(), Arc::new(Telemetry::new())).unwrap();
    let url = format!("https://localhost:{}", server.address().port());
    let trusting = Client::new(&url, Some(new.text.clone()), Some(&pem)).unwrap();
    assert_eq!(trusting.rollouts().unwrap().len(), 1);
    let strict = Client::new(&url, Some(new.text), None).unwrap();
    assert!(!strict.answers(), "a certificate that nobody vouches for was taken");
    // In the clear, nothing is said.
    let mut plain = TcpStream::connect(server.address()).unwrap();
    plain.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer));
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    // Commands of this machine have a door of their own, with the token that the file names.
    let here = Client::beside(&folder.path().join("rollgate.redb"), None).unwrap();
    assert!(here.url().starts_with("http://127.0.0.1:"), "{}", here.url());
    assert_eq!(here.rollouts().unwrap().len(), 1);
    let stranger = Client::new(here.url(), None, None).unwrap();
    assert!(stranger.rollouts().is_err(), "the door of this machine needs no token");
    server.stop();
    assert_eq!(local::find(&place), None);
}

#[rstest]
#[case::no_such_file(|files: &TlsFiles| fs::remove_file(&files.certificate).unwrap(), "cannot read")]
#[case::no_certificate(|files: &TlsFiles| fs::write(&files.certificate, "hello").unwrap(), "holds no certificate")]
#[case::half_a_certificate(|files: &TlsFiles| fs::write(&files.certificate, "-----BEGIN CERTIFICATE-----\nAA").unwrap(), "no certificate in PEM")]
#[case::no_key(|files: &TlsFiles| fs::write(&files.key, "rgt_secret").unwrap(), "holds no key")]
#[case::a_key_of_another(|files: &TlsFiles| {
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(&files.key, other.signing_key.serialize_pem()).unwrap();
}, "do not belong together")]
fn what_is_wrong_with_a_certificate_is_said_and_no_key_shown(#[case] harm: fn(&TlsFiles), #[case] said: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (files, _) = certificate(folder.path());
    harm(&files);
    let key = fs::read_to_string(&files.key).unwrap();
    let error = start(options(files), Double::new(), Arc::new(Telemetry::new())).err().unwrap();
    assert!(matches!(error, StartError::Tls(_)));
    let text = error.to_string();
    assert!(text.contains(said), "{text}");
    assert!(!text.contains(key.lines().nth(1).unwrap_or(&key)), "{text}");
}

#[test]
fn a_port_that_is_taken_is_told_with_a_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let options = Options::new(taken.local_addr().unwrap());
    let error = start(options, Double::new(), Arc::new(Telemetry::new())).err().unwrap();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
    assert!(error.to_string().contains(&taken.local_addr().unwrap().to_string()) && error.help().contains("port 0"));
}
