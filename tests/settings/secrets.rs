//! A secret that somebody wrote out shows nowhere: not in a message, not in the text that messages are drawn from, not in
//! what programs print of the settings.

use rollgate::policy::source::PolicySource;
use rstest::rstest;

use crate::{FULL, drawn_plain, read_text};

const CANARY: &str = "hunter2-c4n4ry";

#[rstest]
#[case::password("store = { url = \"redis://r\", password = \"hunter2-c4n4ry\" }")]
#[case::in_a_url("store = { url = \"redis://:hunter2-c4n4ry@redis:6379\" }")]
#[case::in_a_url_with_a_slash("store = { url = \"redis://u:hunter2-c4n4ry/x@redis:6379\" }")]
#[case::literal_string("store = { url = 'redis://:hunter2-c4n4ry@redis:6379' }")]
#[case::heartbeat("[heartbeat]\nurl = \"https://hc.example/hunter2-c4n4ry\"")]
#[case::several_lines("[heartbeat]\nurl = \"\"\"https://hc.example/\nhunter2-c4n4ry\"\"\"")]
#[case::token_for_its_hash("[[api.tokens]]\nname = \"ci\"\nrole = \"admin\"\nsha256 = \"hunter2-c4n4ry\"")]
#[case::header(
    "[[sources]]\nkind = \"prometheus\"\nname = \"p\"\nurl = \"http://p\"\nheaders = { Authorization = \"hunter2-c4n4ry\" }"
)]
#[case::proxy(
    "[[sources]]\nkind = \"prometheus\"\nname = \"p\"\nurl = \"http://p\"\nproxy = \"http://a:hunter2-c4n4ry@p\""
)]
#[case::encrypted_url("store = { url = \"rediss://:hunter2-c4n4ry@redis:6379\" }")]
#[case::bearer("[[sources]]\nkind = \"prometheus\"\nname = \"p\"\nurl = \"http://p\"\nbearer = \"hunter2-c4n4ry\"")]
#[case::in_the_url_of_a_source("[[sources]]\nkind = \"prometheus\"\nname = \"p\"\nurl = \"http://u:hunter2-c4n4ry@p\"")]
#[case::google("[[sources]]\nkind = \"google\"\nname = \"p\"\nproject = \"p\"\ntoken = \"hunter2-c4n4ry\"")]
#[case::unknown_key("[store]\npasword = 1\nredis_password = \"hunter2-c4n4ry\"")]
#[case::unknown_key_of_the_api("[api]\ntoken = \"hunter2-c4n4ry\"")]
#[case::another_scheme("[heartbeat]\nurl = \"vault:hunter2-c4n4ry\"")]
#[case::in_a_list("[store]\npassword = [\"hunter2-c4n4ry\"]")]
#[case::unclosed("[store]\npassword = \"hunter2-c4n4ry")]
#[case::without_quotes("[store]\npassword = hunter2-c4n4ry")]
#[case::url_without_quotes("[store]\nurl = redis://:hunter2-c4n4ry@redis")]
fn a_secret_written_out_shows_nowhere(#[case] text: &str) {
    assert!(text.contains(CANARY));
    let read = read_text(text);
    assert!(!read.diagnostics.is_empty(), "it is taken as it is");
    assert!(read.settings.is_none());
    let all = format!("{:?} {:?}", read.diagnostics, read.settings);
    assert!(!all.contains(CANARY), "{all}");
    let drawn: String = read.diagnostics.iter().map(|found| drawn_plain(found, &read.shown)).collect();
    assert!(!drawn.contains(CANARY), "{drawn}");
    assert!(drawn.contains("rollgate.toml:"), "it is still drawn where it stands:\n{drawn}");
    assert!(!shown(&read.shown).contains(CANARY));
}

#[test]
fn what_is_shown_keeps_every_place() {
    let text = "[store]\nurl = \"redis://:hunter2-c4n4ry@redis:6379\"\nprefix = \"rg\"\n";
    let masked = shown(&read_text(text).shown);
    assert_eq!(masked.len(), text.len());
    assert_eq!(masked.lines().nth(2), text.lines().nth(2));
}

#[test]
fn a_sound_file_is_shown_as_it_is() {
    assert_eq!(shown(&read_text(FULL).shown), FULL);
}

fn shown(source: &PolicySource) -> String {
    source.iter().map(|(_, text)| text.to_string()).collect()
}
