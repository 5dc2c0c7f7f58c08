//! Commands over the API, in this process and as the binary gives them: what comes back is what the store itself would
//! have said.

use std::net::TcpListener;
use std::path::Path;

use assert_cmd::Command as Binary;
use rollgate::control::{Ask, Command, Operate, OperateError, Rollout, Standing};
use rollgate::daemon::client::Client;
use rollgate::daemon::local;
use rollgate::daemon::tokens::Role;
use rollgate::ledger::{BadLine, Draft, Head};
use rollgate::model::event::What;
use rollgate::model::ids::Generation;
use rollgate::model::operator::Verb;
use rollgate::model::time::Time;
use rollgate::ports::store::{Authority, Batch, Store as _, StoreError};
use rollgate::report::operated;
use rollgate::report::screen::Screen;
use rollgate::shell::clock;
use rstest::rstest;

use super::desk::{key, record};
use super::world::{World, options};

fn client(world: &World, role: Role) -> Client {
    Client::new(&world.url(""), Some(world.token(role).to_owned()), None).unwrap()
}

fn command(ask: Ask, token: &str) -> Command {
    Command { actor: "ana".into(), reason: "because".to_owned(), ask, token: token.to_owned() }
}

fn asks() -> Vec<Ask> {
    let record = || Box::new(record("checkout", "production"));
    let later = Time::parse("2999-01-01T00:00:00Z").unwrap();
    let order = |verb| Ask::Order(verb);
    vec![
        order(Verb::Hold { until: None }),
        order(Verb::Hold { until: Some(later) }),
        order(Verb::Pause),
        order(Verb::Approve { role: "security".into() }),
        order(Verb::Mute { check: "errors".into(), until: later, force: false }),
        order(Verb::Mute { check: "errors".into(), until: later, force: true }),
        order(Verb::Unmute { check: "errors".into() }),
        order(Verb::Resume),
        order(Verb::Advance),
        order(Verb::RollBack { to: None }),
        order(Verb::Resume),
        order(Verb::Emergency),
        Ask::Start { policy: record(), revision: "r2".into() },
        Ask::Adopt { policy: record() },
    ]
}

/// Two controllers that stand in the same place; one is asked over the API, one straight on its store. Screens hold no
/// time of day, so they must be the same to the byte.
#[test]
fn every_command_reads_the_same_over_the_api_as_straight_on_the_store() {
    let (over, straight) = (World::new(), World::new());
    let client = client(&over, Role::Admin);
    let screen = Screen { width: 80, ascii: false };
    for (at, ask) in asks().into_iter().enumerate() {
        for dry_run in [true, false] {
            let what = format!("{} {dry_run}", command(ask.clone(), "").verb());
            // As the command line names them.
            let command = command(ask.clone(), &format!("{:032x}", at * 2 + usize::from(dry_run)));
            let mut one = client.carry_out(&key("production"), &command, Time::from_millis(0), dry_run).unwrap();
            let mut other =
                straight.desk.direct().carry_out(&key("production"), &command, clock::now(), dry_run).unwrap();
            let told = |outcome| {
                let pretty = operated::pretty(outcome, &command, screen);
                without_names(&format!("{pretty}\n{}", operated::plain(outcome, &command)))
            };
            assert_eq!(told(&one), told(&other), "{what}");
            assert_eq!(
                (one.refused.take(), one.applied.take()),
                (other.refused.take(), other.applied.take()),
                "{what}"
            );
            assert_eq!(
                (&one.plan, &one.was, one.entries.len()),
                (&other.plan, &other.was, other.entries.len()),
                "{what}"
            );
        }
    }
}

/// A remote token stands behind the name of whoever passed the order on.
fn without_names(text: &str) -> String {
    text.replace("ana via admin", "ana")
}

#[test]
fn standings_histories_and_policies_are_those_of_the_store() {
    let world = World::new();
    world.desk.start("staging");
    let (client, straight) = (client(&world, Role::Viewer), world.desk.direct());
    assert_eq!(client.rollouts().unwrap(), straight.rollouts().unwrap());
    // How long, and why it holds, a controller knows better.
    let same =
        |standing: Standing| Standing { lasted: rollgate::model::time::Duration::ZERO, why: String::new(), ..standing };
    let mut one: Vec<_> = client.standings(clock::now()).unwrap().into_iter().map(same).collect();
    let mut other: Vec<_> = straight.standings(clock::now()).unwrap().into_iter().map(same).collect();
    one.sort_by(Standing::worst_first);
    other.sort_by(Standing::worst_first);
    assert_eq!(one, other);
    for (from, limit) in [(0, usize::MAX), (1, 2), (3, 1), (100, 10)] {
        let of = |operate: &dyn Operate| operate.history(&key("staging"), from, limit).unwrap();
        assert_eq!(of(&client), of(&straight), "{from}, {limit}");
    }
    let digests = client.policies().unwrap();
    assert_eq!(digests, straight.policies().unwrap());
    assert_eq!(client.policy(&digests[0]).unwrap(), straight.policy(&digests[0]).unwrap());
    assert_eq!(client.policy(&rollgate::model::ids::Digest::new("ffff")).unwrap(), None);
}

#[test]
fn a_long_history_comes_whole_in_several_pages() {
    let world = World::new();
    let store = &world.desk.store;
    let rollout = Rollout::load(store, &key("production")).unwrap();
    let (mut head, at, actor) = (rollout.head.clone(), rollout.head.at, "rollgate".into());
    let beats = (0..1100).map(|_| {
        let what = What::Heartbeat { bake: rollout.state.bake };
        let states = (&rollout.state, &rollout.state);
        let entry = Draft { actor: &actor, reason: "", at, what, states }.seal(&rollout.key, &head).unwrap();
        head = Head::at(&entry);
        entry
    });
    let batch = Batch {
        key: rollout.key.clone(),
        expected: rollout.head.clone(),
        authority: Authority::Unled,
        token: "beats".to_owned(),
        entries: beats.collect(),
        exposed: None,
        policies: Vec::new(),
        decisions: Vec::new(),
        checkpoint: None,
    };
    store.append(&batch).unwrap();
    let found = client(&world, Role::Viewer).history(&key("production"), 0, usize::MAX).unwrap();
    assert_eq!(found, world.desk.entries("production"));
    assert!(found.len() > 1100);
}

#[rstest]
#[case::a_race(StoreError::Conflict(Head::genesis(&key("production"))))]
#[case::overtaken(StoreError::StaleGeneration { carried: Generation(1), held: Generation(2) })]
#[case::another_leads(StoreError::NotLeader { holder: Some("ben".into()) })]
#[case::nobody_leads(StoreError::NotLeader { holder: None })]
#[case::in_use(StoreError::Busy("process 1".to_owned()))]
#[case::full(StoreError::Full("no room".to_owned()))]
#[case::of_another_version(StoreError::OtherVersion { found: 2, wanted: 1 })]
#[case::damaged(StoreError::Corrupt { what: "a page".to_owned() })]
fn an_error_of_the_store_comes_back_as_it_was(#[case] error: StoreError) {
    let world = World::new();
    world.desk.set.lock().unwrap().broken = Some(error.clone());
    let order = command(Ask::Order(Verb::RollBack { to: None }), "t");
    let came = client(&world, Role::Admin).carry_out(&key("production"), &order, clock::now(), false);
    assert_eq!(came.unwrap_err(), OperateError::Store(error));
}

#[test]
fn errors_that_are_not_of_the_store_come_back_as_they_were() {
    use rollgate::daemon::wire::ErrorBody;
    let unwritable = OperateError::Unwritable(BadLine::NotAnEntry("not finite".to_owned()));
    for error in [OperateError::Unknown(key("qa")), OperateError::Policy("no stage".to_owned()), unwritable] {
        let text = serde_json::to_string(&ErrorBody::from(&error)).unwrap();
        let back = OperateError::from(serde_json::from_str::<ErrorBody>(&text).unwrap());
        assert!(back.to_string().starts_with(&error.to_string()), "{back}");
    }
}

#[test]
fn a_role_that_is_not_enough_is_told_and_nothing_is_done() {
    let world = World::new();
    let before = world.desk.entries("production").len();
    let order = command(Ask::Order(Verb::RollBack { to: None }), "t");
    let denied = client(&world, Role::Viewer).carry_out(&key("production"), &order, clock::now(), false).unwrap_err();
    assert!(matches!(&denied, OperateError::Denied(why) if why.contains("operator")), "{denied}");
    let nobody = Client::new(&world.url(""), None, None).unwrap();
    assert!(matches!(nobody.rollouts().unwrap_err(), OperateError::Denied(_)));
    assert_eq!(world.desk.entries("production").len(), before);
}

#[test]
fn nobody_there_and_somebody_else_there_are_errors_in_words() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Client::new(&format!("http://{free}"), None, None).unwrap();
    assert!(!nobody.answers());
    let why = nobody.rollouts().unwrap_err().to_string();
    assert!(why.contains("no controller answers at"), "{why}");
    // A server that says yes to everything is no controller.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
        }
    });
    let other = Client::new(&format!("http://{address}"), None, None).unwrap();
    let why = other.rollouts().unwrap_err().to_string();
    assert!(why.contains("not of this rollgate's API"), "{why}");
    for wrong in ["", "localhost:1", "ftp://localhost", "http://"] {
        assert!(Client::new(wrong, None, None).is_err(), "{wrong:?}");
    }
}

/// The binary, in a folder whose store is announced by the world's server.
pub fn binary(folder: &Path, words: &str) -> Binary {
    let mut command = Binary::cargo_bin("rollgate").unwrap();
    command.current_dir(folder).args(words.split_whitespace());
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "ROLLGATE_ASCII", "ROLLGATE_PLAIN", "ROLLGATE_STORE", "LANG"]
    {
        command.env_remove(name);
    }
    for name in ["ROLLGATE_API", "ROLLGATE_TOKEN", "ROLLGATE_BY", "ROLLGATE_ENVIRONMENT", "SUDO_USER", "LC_ALL", "TERM"]
    {
        command.env_remove(name);
    }
    command.env("USER", "ana");
    command
}

pub fn screen(mut command: Binary) -> String {
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    format!("{out}{err}exit {}\n", output.status.code().unwrap())
}

fn announced() -> (tempfile::TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options();
    options.announce = Some(local::beside(&folder.path().join("rollgate.redb")));
    let world = World::with(options);
    (folder, world)
}

#[test]
fn a_command_finds_the_controller_of_its_store_and_goes_through_it() {
    let (folder, world) = announced();
    let status = screen(binary(folder.path(), "status")).replace('\n', " ");
    assert!(
        status.contains("checkout") && status.contains("watched by the controller at http://127.0.0.1:"),
        "{status}"
    );
    assert!(status.ends_with("exit 0 "), "{status}");
    let pause = screen(binary(folder.path(), "pause --reason night"));
    assert!(pause.ends_with("exit 0\n"), "{pause}");
    let last = world.desk.entries("production").pop().unwrap();
    assert_eq!((last.record().actor.as_str(), last.record().reason.as_str()), ("ana", "night"));
    let audit = screen(binary(folder.path(), "audit list --last 1"));
    assert!(audit.contains("night"), "{audit}");
    let shown = screen(binary(folder.path(), "policy show"));
    assert!(shown.contains("off 0%, canary 10%"), "{shown}");
    let all = screen(binary(folder.path(), "emergency-disable --all --reason leak"));
    assert!(all.ends_with("exit 0\n"), "{all}");
    assert!(!folder.path().join("rollgate.redb").exists(), "it went to a store beside the controller");
}

#[test]
fn a_command_to_a_named_controller_shows_its_token_and_touches_no_store_here() {
    let world = World::new();
    let folder = tempfile::tempdir().unwrap();
    let ask = |words: &str, token: &str| {
        let mut command = binary(folder.path(), words);
        command.args(["--api", &world.url("")]).env("ROLLGATE_TOKEN", token);
        screen(command)
    };
    let status = ask("status", world.token(Role::Viewer));
    assert!(status.contains("checkout") && status.contains(&world.url("")), "{status}");
    let denied = ask("rollback checkout --reason night", world.token(Role::Viewer));
    assert!(denied.contains("the controller refuses") && denied.contains("operator"), "{denied}");
    assert!(denied.ends_with("exit 1\n"), "{denied}");
    let done = ask("rollback checkout --reason night", world.token(Role::Operator));
    assert!(done.ends_with("exit 0\n"), "{done}");
    assert_eq!(
        world.desk.entries("production").iter().rev().nth(1).unwrap().record().actor.as_str(),
        "ana via operator"
    );
    assert!(![&status, &denied, &done].into_iter().any(|text| text.contains("rgt_")));
    #[expect(clippy::disallowed_methods, reason = "it looks for what should not be there")]
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn a_named_controller_that_does_not_answer_is_an_error_and_no_other_store_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = binary(folder.path(), "rollback checkout --reason night");
    command.args(["--api", &format!("http://{free}")]);
    let said = screen(command);
    assert!(said.contains("no controller answers at") && said.ends_with("exit 1\n"), "{said}");
    #[expect(clippy::disallowed_methods, reason = "it looks for what should not be there")]
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "an order for elsewhere was spooled here");
}

#[test]
fn a_controller_that_is_gone_leaves_the_store_to_the_command() {
    let (folder, mut world) = announced();
    let place = local::beside(&folder.path().join("rollgate.redb"));
    let left_behind = local::find(&place).unwrap();
    world.server.take().unwrap().stop();
    // As a crash leaves it: announced, and nobody there.
    rollgate::shell::write::secret(&place, serde_json::to_string(&left_behind).unwrap().as_bytes()).unwrap();
    let said = screen(binary(folder.path(), "status"));
    assert!(said.contains("rollgate start"), "{said}");
}

#[test]
fn a_roll_back_that_the_controller_cannot_do_goes_to_the_store_and_then_to_the_spool() {
    let (folder, world) = announced();
    world.desk.set.lock().unwrap().broken = Some(StoreError::Full("no room".to_owned()));
    let said = screen(binary(folder.path(), "rollback checkout --reason night"));
    assert!(said.contains("trying the store itself") && said.contains("NOT ROLLED BACK YET"), "{said}");
    assert!(folder.path().join("rollgate.redb.spool").exists());
    // Anything else just does not happen.
    let other = screen(binary(folder.path(), "pause checkout --reason night"));
    assert!(other.contains("no room") && !other.contains("NOT ROLLED BACK"), "{other}");
}

#[test]
fn a_new_token_is_shown_once_and_its_settings_let_its_owner_in() {
    let folder = tempfile::tempdir().unwrap();
    let output = binary(folder.path(), "token new --name ci --role sender --for 90d").output().unwrap();
    let (settings, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    let token = said.lines().find_map(|line| line.strip_prefix("token: ")).unwrap();
    assert!(!settings.contains(token));
    let read = rollgate::settings::read(".", "rollgate.toml", &settings);
    let read = read.settings.unwrap_or_else(|| panic!("{:?}", read.diagnostics));
    let own = &read.api.tokens[0];
    assert_eq!(own.name, "ci");
    use sha2::Digest as _;
    assert_eq!(own.sha256, <[u8; 32]>::from(sha2::Sha256::digest(token.as_bytes())));
    assert!(own.expires.unwrap() > clock::now());
}
