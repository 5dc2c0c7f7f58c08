//! Where each bound lies: the last value that is taken, and the first that is not.

use rstest::rstest;

use crate::codes;

const NONE: [&str; 0] = [];

#[rstest]
#[case::just_fits("term = \"5s\"\nrenew = \"1750ms\"\nstep_down = \"3500ms\"", &NONE)]
#[case::renew_too_slow("term = \"5s\"\nrenew = \"1751ms\"\nstep_down = \"3500ms\"", &["RG115"])]
#[case::steps_down_in_time("term = \"5s\"\nstep_down = \"4999ms\"", &NONE)]
#[case::steps_down_with_the_term("term = \"5s\"\nstep_down = \"5s\"", &["RG115"])]
#[case::term_under_the_default_step_down("term = \"2800ms\"", &["RG115"])]
#[case::shortest_term("term = \"1s\"\nrenew = \"100ms\"\nstep_down = \"200ms\"", &NONE)]
#[case::term_too_short("term = \"999ms\"\nrenew = \"100ms\"\nstep_down = \"200ms\"", &["RG029"])]
#[case::bare_number("term = 5", &["RG024"])]
fn lease(#[case] text: &str, #[case] due: &[&str]) {
    let text = format!("[lease]\n{text}\n");
    // A number without a unit has the code it has in a policy.
    let due: Vec<&str> = due.iter().map(|code| if text.contains("= 5\n") { "RG020" } else { *code }).collect();
    assert_eq!(codes(&text), due);
}

#[rstest]
#[case::loopback("127.0.0.1:7878", "", &NONE)]
#[case::other_loopback("127.9.9.9:7878", "", &NONE)]
#[case::loopback_v6("[::1]:7878", "", &NONE)]
#[case::everywhere("0.0.0.0:7878", "", &["RG112", "RG113"])]
#[case::everywhere_v6("[::]:7878", "", &["RG112", "RG113"])]
#[case::one_interface("10.0.0.1:7878", "", &["RG112", "RG113"])]
#[case::with_a_certificate("0.0.0.0:7878", "tls = { cert = \"c\", key = \"k\" }", &["RG112"])]
#[case::with_a_token("0.0.0.0:7878", TOKEN, &["RG113"])]
#[case::with_no_token_after_all("0.0.0.0:7878", "tokens = []\ntls = { cert = \"c\", key = \"k\" }", &["RG039"])]
#[case::with_a_broken_certificate("0.0.0.0:7878", "tls = { cert = \"c\" }", &["RG112", "RG003"])]
fn an_address_that_others_reach(#[case] listen: &str, #[case] more: &str, #[case] due: &[&str]) {
    assert_eq!(codes(&format!("[api]\nlisten = \"{listen}\"\n{more}\n")), due);
}

const TOKEN: &str = "tokens = [{ name = \"ci\", role = \"admin\", \
                     sha256 = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\" }]";

#[rstest]
#[case::as_long_as_the_interval("every = \"5s\"\ndeadline = \"5s\"", &NONE)]
#[case::longer("every = \"5s\"\ndeadline = \"5001ms\"", &["RG115"])]
#[case::default_deadline_gives_way("every = \"1s\"", &NONE)]
#[case::fastest("every = \"100ms\"", &NONE)]
#[case::too_fast("every = \"99ms\"", &["RG029"])]
#[case::never("every = \"0s\"", &["RG024"])]
fn how_often_a_source_is_asked(#[case] text: &str, #[case] due: &[&str]) {
    let text = format!("[[sources]]\nkind = \"ndjson\"\nname = \"file\"\npath = \"p\"\n{text}\n");
    assert_eq!(codes(&text), due);
}

#[rstest]
#[case::one("[store]\nreplicas_to_wait = 16\nurl = \"redis://r\"", &NONE)]
#[case::too_many("[store]\nreplicas_to_wait = 17\nurl = \"redis://r\"", &["RG029"])]
#[case::negative("[store]\nreplicas_to_wait = -1\nurl = \"redis://r\"", &["RG029"])]
#[case::longest_name("environment = \"aaaaaaaabbbbbbbbccccccccddddddddaaaaaaaabbbbbbbbccccccccdddddddd\"", &NONE)]
#[case::longer("environment = \"aaaaaaaabbbbbbbbccccccccddddddddaaaaaaaabbbbbbbbccccccccdddddddde\"", &["RG030"])]
#[case::climbs("environment = \"../prod\"", &["RG030"])]
#[case::empty("environment = \"\"", &["RG030"])]
#[case::no_policies("policies = []", &["RG039"])]
#[case::empty_path("policies = [\"\"]", &["RG039"])]
#[case::one_path_twice("policies = [\"a\", \"a\"]", &["RG005"])]
fn numbers_and_names(#[case] text: &str, #[case] due: &[&str]) {
    let found: Vec<String> = codes(text);
    // An empty list says so once, whatever follows from it.
    assert_eq!(found.first().map(String::as_str), due.first().copied());
    assert_eq!(found.is_empty(), due.is_empty());
}

#[rstest]
#[case::two_stores("store = { path = \"a\", url = \"redis://r\" }", "RG114")]
#[case::two_redis("store = { url = \"redis://r\", cluster = [\"a:1\"] }", "RG114")]
#[case::file_with_a_password("store = { path = \"a\", password = \"env:P\" }", "RG003")]
#[case::password_alone("store = { password = \"env:P\" }", "RG003")]
#[case::sentinels_without_master("store = { sentinels = [\"a:1\"] }", "RG003")]
#[case::host_without_port("store = { cluster = [\"redis\"] }", "RG116")]
#[case::braces_in_the_prefix("store = { url = \"redis://r\", prefix = \"{x}\" }", "RG030")]
#[case::wrong_scheme("store = { url = \"http://r\" }", "RG116")]
#[case::plain_and_encrypted("store = { url = \"redis://r\", tls = true }", "RG114")]
#[case::encrypted_and_plain("store = { url = \"rediss://r\", tls = false }", "RG114")]
#[case::authority_over_nothing("store = { url = \"redis://r\", ca = \"ca.pem\" }", "RG114")]
#[case::authority_over_a_plain_cluster("store = { cluster = [\"a:1\"], ca = \"ca.pem\" }", "RG114")]
#[case::encryption_without_redis("store = { path = \"a\", tls = true }", "RG003")]
fn stores_that_cannot_be(#[case] text: &str, #[case] due: &str) {
    assert!(codes(text).iter().any(|code| code == due), "{:?}", codes(text));
}

#[rstest]
#[case::group_without_words("queries = { m = \"x{v='$group'}\" }", &["RG120"])]
#[case::group_with_words("groups = { treatment = \"t\" }\nqueries = { m = \"x{v='$group'}\" }", &NONE)]
#[case::asked_for_a_group_without_a_word(
    "groups = { treatment = \"t\" }\nqueries = { m = { query = \"x{v='$group'}\", groups = [\"control\"] } }",
    &["RG120"]
)]
#[case::one_answer_for_two_groups(
    "groups = { treatment = \"t\", control = \"c\" }\nqueries = { m = { query = \"x\", groups = [\"treatment\", \"control\"] } }",
    &["RG120"]
)]
#[case::one_group("queries = { m = { query = \"x\", groups = [\"control\"] } }", &NONE)]
#[case::no_queries("", &["RG119"])]
#[case::empty_queries("queries = {}", &["RG119"])]
#[case::two_proofs("bearer = \"env:A\"\nusername = \"u\"\npassword = \"env:B\"\nqueries = { m = \"x\" }", &["RG114"])]
#[case::user_without_password("username = \"u\"\nqueries = { m = \"x\" }", &["RG003"])]
#[case::password_without_user("password = \"env:B\"\nqueries = { m = \"x\" }", &["RG003"])]
fn what_prometheus_is_asked(#[case] text: &str, #[case] due: &[&str]) {
    let text = format!("[[sources]]\nkind = \"prometheus\"\nname = \"p\"\nurl = \"http://p:9090\"\n{text}\n");
    assert_eq!(codes(&text), due);
}

#[rstest]
#[case::percentile("take = \"p99.9\"", &NONE)]
#[case::everything("take = \"p100\"", &["RG026"])]
#[case::nothing("take = \"p0\"", &["RG026"])]
#[case::no_word("take = \"mean\"", &["RG026"])]
#[case::not_a_number("take = \"pNaN\"", &["RG026"])]
#[case::factor("factor = 0.001", &NONE)]
#[case::no_factor("factor = 0", &["RG029"])]
#[case::infinite_factor("factor = inf", &["RG029"])]
#[case::matched_by_nothing("where = { service = [] }", &["RG039"])]
fn what_is_taken_of_otlp(#[case] text: &str, #[case] due: &[&str]) {
    let text = format!("[[sources]]\nkind = \"otlp\"\nname = \"o\"\n[sources.metrics.m]\nfrom = \"x\"\n{text}\n");
    assert_eq!(codes(&text), due);
}

#[rstest]
#[case::by_label("group_label = \"v\"", &NONE)]
#[case::always("group = \"control\"", &NONE)]
#[case::both("group = \"control\"\ngroup_label = \"v\"", &["RG114"])]
#[case::region_twice("region = \"eu\"\nregion_label = \"zone\"", &["RG114"])]
fn whose_alerts_they_are(#[case] text: &str, #[case] due: &[&str]) {
    let text = format!("[[sources]]\nkind = \"alertmanager\"\nname = \"a\"\nalerts = {{ m = \"X\" }}\n{text}\n");
    assert_eq!(codes(&text), due);
}

#[rstest]
#[case::at_the_limit(256 * 1024, &NONE)]
#[case::over_it(256 * 1024 + 1, &["RG008"])]
fn size(#[case] length: usize, #[case] due: &[&str]) {
    assert_eq!(codes(&"#".repeat(length)), due);
}

#[rstest]
#[case::all_of_them("sample = \"100%\"", &NONE)]
#[case::none_of_them("sample = \"0%\"", &NONE)]
#[case::a_few("sample = \"0.5 %\"", &NONE)]
#[case::more_than_all("sample = \"101%\"", &["RG117"])]
#[case::less_than_none("sample = \"-1%\"", &["RG117"])]
#[case::no_unit("sample = 0.5", &["RG020"])]
#[case::no_number("sample = \"some%\"", &["RG117"])]
#[case::not_a_number("sample = \"NaN%\"", &["RG117"])]
#[case::no_address("otlp = \"collector:4318\"", &["RG116"])]
#[case::a_secret_address("otlp = \"env:OTLP\"", &NONE)]
#[case::a_password_in_it("otlp = \"http://a:b@collector\"", &["RG110"])]
#[case::a_token_written_out("headers = { Authorization = \"Bearer x\" }", &["RG110"])]
#[case::no_service("service = \"\"", &["RG039"])]
#[case::attributes_are_texts("attributes = { team = 7 }", &["RG004"])]
#[case::logs_are_yes_or_no("logs = \"yes\"", &["RG004"])]
fn traces(#[case] more: &str, #[case] due: &[&str]) {
    let address = if more.starts_with("otlp") { "" } else { "otlp = \"http://127.0.0.1:4318\"\n" };
    assert_eq!(codes(&format!("[telemetry]\n{address}{more}")), due);
}

#[test]
fn traces_need_somewhere_to_go() {
    assert_eq!(codes("[telemetry]\nservice = \"a\""), ["RG003"]);
}
