//! A secret that was rotated while the controller runs: the file has another one, and the server takes only that.

use std::sync::{Arc, Mutex};

use rollgate::daemon::sources::{self, Made};
use rollgate::model::time::Duration as Length;
use rollgate::ports::source::SourceError;
use tempfile::TempDir;

use super::prometheus_support::http::{Reply, Request, Server};
use super::world::now;

/// A Prometheus that takes one token, and counts those that it did not take.
struct Guarded {
    good: Arc<Mutex<(String, u32)>>,
    folder: TempDir,
    made: Made,
    _server: Server,
}

fn guarded(settings: &str) -> Guarded {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "first\n").unwrap();
    let good = Arc::new(Mutex::new(("first".to_owned(), 0)));
    let shared = Arc::clone(&good);
    let server = Server::start(move |request| answer(&mut shared.lock().unwrap(), request));
    let text = format!(
        "[[sources]]\nkind = \"prometheus\"\nname = \"prom\"\nurl = \"{}\"\n{}\n[sources.queries]\nerrors = \"7\"\n",
        server.url(),
        settings.replace("FILE", &format!("file:{}", file.display())),
    );
    let read = rollgate::settings::read(".", "rollgate.toml", &text);
    let settings = read.settings.unwrap_or_else(|| panic!("{:#?}", read.diagnostics));
    let made = sources::of(&settings).unwrap().remove(0);
    Guarded { good, folder, made, _server: server }
}

fn answer(good: &mut (String, u32), request: &Request) -> Reply {
    let shown = ["authorization", "x-api-key"].iter().find_map(|name| request.headers.get(*name));
    if shown.is_none_or(|shown| shown.trim_start_matches("Bearer ") != good.0) {
        good.1 += 1;
        return Reply::status(401, "");
    }
    let at = now().as_millis() as f64 / 1000.0;
    Reply::json(format!(r#"{{"status":"success","data":{{"resultType":"scalar","result":[{at},"{at}"]}}}}"#))
}

impl Guarded {
    fn rotate_server(&self, token: &str) {
        *self.good.lock().unwrap() = (token.to_owned(), 0);
    }

    fn rotate_file(&self, token: &str) {
        std::fs::write(self.folder.path().join("token"), token).unwrap();
    }

    fn turned_away(&self) -> u32 {
        self.good.lock().unwrap().1
    }
}

#[rstest::rstest]
#[case::a_bearer_token("bearer = \"FILE\"")]
#[case::a_header("headers = { X-Api-Key = \"FILE\" }")]
fn a_rotated_secret_is_looked_up_when_the_old_one_is_denied(#[case] settings: &str) {
    let mut guarded = guarded(settings);
    assert_eq!(guarded.made.source.poll(now()).unwrap().len(), 1);
    guarded.rotate_file("second\n");
    guarded.rotate_server("second");
    assert_eq!(guarded.made.source.poll(now()).unwrap().len(), 1, "no call is lost to it");
    assert_eq!(guarded.turned_away(), 1);
    assert_eq!(guarded.made.source.poll(now()).unwrap().len(), 1);
    assert_eq!(guarded.turned_away(), 1, "and from then on the new one is shown");
}

#[test]
fn a_secret_that_stays_wrong_is_looked_up_now_and_then_and_not_at_every_call() {
    let mut guarded = guarded("bearer = \"FILE\"");
    guarded.rotate_server("second");
    let start = now();
    for second in 0..20 {
        let denied = guarded.made.source.poll(start + Length::from_secs(second)).unwrap_err();
        assert!(matches!(denied, SourceError::Denied(_)), "{denied}");
    }
    assert_eq!(guarded.turned_away(), 20 + 2, "one more call for each time it was looked up");
    // The file is late; from the next look on all is well.
    guarded.rotate_file("second");
    assert_eq!(guarded.made.source.poll(start + Length::from_secs(25)).unwrap().len(), 1);
}

#[test]
fn a_secret_that_is_gone_is_told_and_shows_nothing_of_the_old_one() {
    let mut guarded = guarded("bearer = \"FILE\"");
    guarded.rotate_server("second");
    std::fs::remove_file(guarded.folder.path().join("token")).unwrap();
    let denied = guarded.made.source.poll(now()).unwrap_err();
    assert_eq!(denied.kind(), "denied");
    assert!(denied.to_string().contains("cannot be read"), "{denied}");
    assert!(!denied.to_string().contains("first"), "{denied}");
}
