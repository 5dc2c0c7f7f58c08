//! What a person sees of each mistake, at 80 columns.

use std::collections::BTreeSet;

use rollgate::policy::diagnostic::Code;
use rollgate::settings::codes::PAGES;

use crate::{drawn_plain, read_text};

const CASES: &[(&str, &str)] = &[
    ("unknown keys, with what was meant", "enviroment = \"staging\"\n\n[reload]\ntest_budget = \"3s\"\n"),
    (
        "a key of another kind of source",
        "[[sources]]\nkind = \"ndjson\"\nname = \"file\"\npath = \"p\"\nurl = \"http://p\"\n",
    ),
    ("an unknown kind", "[[sources]]\nkind = \"promethius\"\nname = \"p\"\n"),
    ("a source that says nothing", "[[sources]]\nname = \"p\"\n"),
    ("a secret written out", "[store]\nurl = \"redis://redis:6379\"\npassword = \"hunter2\"\n"),
    ("a password in a url", "[store]\nurl = \"redis://:hunter2@redis:6379\"\n"),
    ("a secret address written out", "[heartbeat]\nurl = \"https://hc.example/0b1c\"\n"),
    ("references that lead nowhere", "[heartbeat]\nurl = \"gsm:heartbeat\"\n\n[store]\nurl = \"env:\"\n"),
    ("an open door", "[api]\nlisten = \"0.0.0.0:7878\"\n"),
    ("two stores", "[store]\npath = \"rollgate.redb\"\nurl = \"redis://redis:6379\"\n"),
    ("keys of Redis without Redis", "[store]\nreplicas_to_wait = 1\n"),
    ("sentinels without a master", "[store]\nsentinels = [\"redis-0\", \"redis-1:26379\"]\n"),
    ("a lease that ends before its leader does", "[lease]\nstep_down = \"6s\"\n"),
    ("a lease with one try", "[lease]\nrenew = \"3s\"\n"),
    (
        "a deadline longer than the interval",
        "[[sources]]\nkind = \"ndjson\"\nname = \"f\"\npath = \"p\"\ndeadline = \"20s\"\n",
    ),
    ("an address that is none", "[api]\nlisten = \":7878\"\n"),
    ("amounts without units", "[api.limits]\nbody = \"1MB\"\ncalls = 100\n"),
    ("a token instead of its hash", "[[api.tokens]]\nname = \"ci\"\nrole = \"operater\"\nsha256 = \"rg_3b1f\"\n"),
    ("a token without its hash", "[[api.tokens]]\nname = \"ci\"\nrole = \"viewer\"\n"),
    ("encryption said and unsaid", "[store]\nurl = \"redis://redis:6379\"\ntls = true\n"),
    ("an authority over nothing", "[store]\ncluster = [\"redis-0:6379\"]\nca = \"ca.pem\"\n"),
    (
        "a percentile that is none",
        "[[sources]]\nkind = \"otlp\"\nname = \"o\"\n[sources.metrics]\nlatency = { from = \"duration\", take = \"95\" }\n",
    ),
    ("a half of a certificate", "[api.tls]\ncert = \"tls.crt\"\n"),
    (
        "two of one name",
        "[[sources]]\nkind = \"ndjson\"\nname = \"f\"\npath = \"a\"\n\n[[sources]]\nkind = \"ndjson\"\nname = \"f\"\npath = \"b\"\n",
    ),
    ("nothing asked", "[[sources]]\nkind = \"prometheus\"\nname = \"p\"\nurl = \"http://p:9090\"\n"),
    (
        "groups without words",
        "[[sources]]\nkind = \"prometheus\"\nname = \"p\"\nurl = \"http://p:9090\"\nqueries = { error_rate = 'errors{variant=\"$group\"}' }\n",
    ),
    (
        "one answer for two groups",
        "[[sources]]\nkind = \"prometheus\"\nname = \"p\"\nurl = \"http://p:9090\"\nqueries = { error_rate = { query = \"errors\", groups = [\"treatment\", \"control\"] } }\n",
    ),
    ("not TOML", "[store\npath = \"x\"\n"),
    ("wrong types", "policies = \"policies\"\nstore = \"rollgate.redb\"\nsources = { kind = \"ndjson\" }\n"),
];

fn drawn(text: &str) -> String {
    let read = read_text(text);
    read.diagnostics.iter().map(|found| drawn_plain(found, &read.shown)).collect::<Vec<_>>().join("\n")
}

#[test]
fn messages_read_well() {
    let mut all = String::new();
    for (about, text) in CASES {
        all.push_str(&format!("## {about}\n\n{}\n", drawn(text)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_code_has_a_case_and_every_case_a_problem() {
    let mut seen: BTreeSet<Code> = BTreeSet::new();
    for (about, text) in CASES {
        let found = read_text(text).diagnostics;
        assert!(!found.is_empty(), "{about}");
        seen.extend(found.iter().map(|found| found.code));
    }
    let missing: Vec<Code> = PAGES.iter().map(|page| page.code).filter(|code| !seen.contains(code)).collect();
    assert_eq!(missing, []);
}

#[test]
fn pages_are_complete_and_in_order() {
    let mut last = Code(109);
    for page in PAGES {
        assert!(page.code > last, "{}", page.code);
        last = page.code;
        for text in [page.title, page.meaning, page.bad, page.good, page.why] {
            assert!(!text.trim().is_empty(), "{}", page.code);
        }
    }
}
