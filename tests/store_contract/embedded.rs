//! The embedded store under the contract, and what only a file can get wrong.

#![expect(clippy::disallowed_methods, reason = "tests damage the file they look at")]

use std::fs;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rollgate::adapters::store::{Embedded, FileSpool, Options};
use rollgate::model::ids::Actor;
use rollgate::model::operator::{Order, Verb};
use rollgate::model::time::{Duration, Time};
use rollgate::ports::spool::{Spool as _, Spooled};
use rollgate::ports::store::{Store, StoreError};
use tempfile::TempDir;

use super::world::{World, Writer, at, exposed, key};

pub struct File {
    folder: TempDir,
    now: Arc<AtomicI64>,
    store: Option<Embedded>,
}

pub fn world() -> File {
    let mut file = File { folder: TempDir::new().unwrap(), now: Arc::new(AtomicI64::new(0)), store: None };
    file.reopen();
    file
}

impl File {
    fn path(&self) -> PathBuf {
        self.folder.path().join("rollgate.redb")
    }

    fn open(&self, options: Options) -> Result<Embedded, StoreError> {
        let now = Arc::clone(&self.now);
        let clock = move || at(0) + Duration::from_millis(now.load(Ordering::Relaxed));
        Embedded::open(&self.path(), options, Box::new(clock))
    }
}

impl World for File {
    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }

    fn pass(&self, length: Duration) {
        self.now.fetch_add(length.as_millis(), Ordering::Relaxed);
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(self.open(Options { create: true, max_bytes: None, ..Options::default() }).unwrap());
    }
}

#[test]
fn only_its_owner_may_read_the_file() {
    let world = world();
    let mode = fs::metadata(world.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_is_not_there_is_not_made_by_looking() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("none.redb");
    let refused = Embedded::open(&path, Options::default(), Box::new(|| at(0))).unwrap_err();
    assert!(matches!(&refused, StoreError::Missing(why) if why.contains("there is no store")), "{refused}");
    assert!(!path.exists());
}

#[test]
fn a_second_process_is_told_who_has_the_file() {
    let world = world();
    let refused = world.open(Options::default()).unwrap_err();
    let StoreError::Busy(why) = refused else { panic!("{refused}") };
    assert!(why.contains(&std::process::id().to_string()), "{why}");
}

#[test]
fn a_store_of_another_version_is_refused() {
    let mut world = world();
    world.store = None;
    let table: redb::TableDefinition<'_, &str, u32> = redb::TableDefinition::new("meta");
    let db = redb::Database::open(world.path()).unwrap();
    let write = db.begin_write().unwrap();
    write.open_table(table).unwrap().insert("version", 99).unwrap();
    write.commit().unwrap();
    drop(db);
    let refused = world.open(Options::default()).unwrap_err();
    assert_eq!(refused, StoreError::OtherVersion { found: 99, wanted: 1 });
}

#[test]
fn a_file_that_is_no_store_is_damage_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rollgate.redb");
    fs::write(&path, "rollout = \"checkout\"\n".repeat(500)).unwrap();
    let before = fs::read(&path).unwrap();
    let refused =
        Embedded::open(&path, Options { create: true, max_bytes: None, ..Options::default() }, Box::new(|| at(0)))
            .unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_disk_without_room_loses_nothing_that_was_acknowledged() {
    let mut world = world();
    world.store = None;
    let length = fs::metadata(world.path()).unwrap().len();
    let store = world.open(Options { create: false, max_bytes: Some(length + 300_000), ..Options::default() }).unwrap();
    let mut writer = Writer::new("a");
    let mut acknowledged = 0;
    let refused = loop {
        let mut batch = writer.batch(&format!("t{acknowledged}"), 200);
        batch.exposed = Some(exposed(acknowledged + 1, 10.0));
        match store.append(&batch) {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 1000, "the limit was never met");
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    assert!(acknowledged > 0);
    drop(store);
    let store = world.open(Options::default()).unwrap();
    assert_eq!(store.entries(&key("a"), 0, usize::MAX).unwrap().len() as u64, acknowledged * 200);
    assert_eq!(store.exposed(&key("a")).unwrap(), exposed(acknowledged, 10.0));
}

#[test]
fn a_changed_byte_in_an_entry_is_never_read_as_history() {
    let mut world = world();
    let mut writer = Writer::new("a");
    world.store().append(&writer.batch("t", 3)).unwrap();
    world.store = None;
    let bytes = fs::read(world.path()).unwrap();
    let needle = br#""actor":"ana""#;
    let found: Vec<usize> =
        (0..bytes.len() - needle.len()).filter(|at| &bytes[*at..*at + needle.len()] == needle).collect();
    assert!(!found.is_empty());
    let file = fs::OpenOptions::new().write(true).open(world.path()).unwrap();
    for at in found {
        file.write_all_at(b"bob", at as u64 + 9).unwrap();
    }
    drop(file);
    let read = world.open(Options::default()).and_then(|store| store.entries(&key("a"), 0, 10));
    assert!(matches!(read, Err(StoreError::Corrupt { .. })), "{read:?}");
}

fn order(reason: &str) -> Spooled {
    let order = Order { actor: Actor::new("ana"), reason: reason.to_owned(), verb: Verb::Emergency };
    Spooled {
        id: reason.to_owned(),
        at: Time::from_millis(0),
        rollout: Some("a".into()),
        environment: None,
        acted: None,
        order,
    }
}

#[test]
fn a_spool_keeps_orders_and_cuts_a_torn_tail() {
    let folder = TempDir::new().unwrap();
    let store = folder.path().join("rollgate.redb");
    let spool = FileSpool::beside(&store);
    assert_eq!(spool.waiting().unwrap().orders, []);
    spool.push(&order("one")).unwrap();
    spool.push(&order("two")).unwrap();
    let path = folder.path().join("rollgate.redb.spool");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // A crash in the middle of a third.
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{text}{}", &text[..40])).unwrap();
    let waiting = spool.waiting().unwrap();
    assert_eq!(waiting.orders, [order("one"), order("two")]);
    assert_eq!(waiting.damage, ["line 3 was cut off by a crash before it was acknowledged"]);
    // What comes after it is not swallowed by it.
    spool.push(&order("three")).unwrap();
    assert_eq!(spool.waiting().unwrap().orders, [order("one"), order("two"), order("three")]);
    // What was added since it was read is not thrown away.
    assert!(!spool.clear(&waiting).unwrap());
    assert!(spool.clear(&spool.waiting().unwrap()).unwrap());
    assert_eq!(spool.waiting().unwrap().orders, []);
}
