//! A tree of policies that is watched, and news awaited by what they say.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rollgate::daemon::reload::{Candidate, News, PolicyWatcher, Rejection, Watched};
use rollgate::model::time::Duration as Length;
use rollgate::settings::values::ReloadSettings;
use tempfile::TempDir;

/// Longer than any machine takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const POLICY: &str = include_str!("../../src/cli/init/canary/policy.toml");
pub(crate) const TESTS: &str = include_str!("../../src/cli/init/canary/tests/errors.toml");

/// The policy for a rollout of this name, with its P0 at `percent`.
pub(crate) fn policy(rollout: &str, percent: &str) -> String {
    let named = POLICY.replace("my-rollout", rollout).replace("my_rollout", &rollout.replace('-', "_"));
    named.replace("p0 = { above = \"5%\" }", &format!("p0 = {{ above = \"{percent}\" }}"))
}

/// Writes a file and the folders above it, in place, as a simple editor does.
pub(crate) fn put(path: &Path, text: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Saves as most editors do: beside, then renamed over.
pub(crate) fn save(path: &Path, text: &str) {
    let beside = path.with_extension("toml~");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, path).unwrap();
}

/// A tree of policies on disk.
pub(crate) struct Tree {
    folder: TempDir,
}

impl Tree {
    pub(crate) fn new() -> Tree {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        Tree { folder }
    }

    /// With one policy, `policies/checkout`.
    pub(crate) fn with_checkout() -> Tree {
        let tree = Tree::new();
        put(&tree.checkout(), policy("checkout", "5%"));
        tree
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn checkout(&self) -> PathBuf {
        self.at("policies/checkout/policy.toml")
    }

    /// Watches `policies`.
    pub(crate) fn watch(&self) -> Watching {
        self.watch_as(|_| {})
    }

    pub(crate) fn watch_as(&self, set: impl FnOnce(&mut Watched)) -> Watching {
        let mut watched = Watched {
            paths: vec![self.at("policies")],
            environment: "production".into(),
            reload: ReloadSettings { tests_budget: Length::from_secs(60), ..ReloadSettings::default() },
            only_poll: false,
        };
        set(&mut watched);
        Watching::start(watched)
    }
}

/// A watcher with what it has told.
pub(crate) struct Watching {
    pub(crate) first: Vec<News>,
    pub(crate) watcher: PolicyWatcher,
    news: Receiver<News>,
}

impl Watching {
    fn start(watched: Watched) -> Watching {
        let (sender, news) = channel();
        let (watcher, first) = PolicyWatcher::start(watched, move |news| drop(sender.send(news))).unwrap();
        Watching { first, watcher, news }
    }

    pub(crate) fn next(&self) -> News {
        self.news.recv_timeout(PATIENCE).expect("news within the patience of this test")
    }

    pub(crate) fn candidate(&self) -> Candidate {
        match self.next() {
            News::Candidate(candidate) => *candidate,
            News::Rejected(rejection) => panic!("rejected: {:?}", rejection.why),
        }
    }

    pub(crate) fn rejection(&self) -> Rejection {
        match self.next() {
            News::Rejected(rejection) => *rejection,
            News::Candidate(candidate) => panic!("a candidate: {}", candidate.key),
        }
    }

    /// Everything up to and with a candidate whose P0 is at `percent`.
    pub(crate) fn until(&self, rollout: &str, percent: f64) -> Vec<News> {
        let mut all = Vec::new();
        loop {
            let news = self.next();
            let found =
                matches!(&news, News::Candidate(one) if one.key.rollout.as_str() == rollout && p0(one) == percent);
            all.push(news);
            if found {
                return all;
            }
        }
    }

    /// What was told before the policy `fence`, which is written now: whatever happened before it has been looked at in
    /// the same round at the latest. `fence` comes last in its tree.
    pub(crate) fn before_a_fence(&self, tree: &Tree) -> Vec<News> {
        // Whole from the first moment: a look at half of it would tell something, and not of what came before.
        let fence = tree.at("policies/zz-fence/policy.toml");
        fs::create_dir_all(fence.parent().unwrap()).unwrap();
        save(&fence, &policy("zz-fence", "7%"));
        let mut all = self.until("zz-fence", 7.0);
        all.pop();
        all
    }
}

/// The bound of the P0 on errors.
pub(crate) fn p0(candidate: &Candidate) -> f64 {
    let text = candidate.record.files.get("policy.toml").expect("it has a policy.toml");
    let line = text.lines().find(|line| line.starts_with("p0 = ")).expect("it has a P0");
    line.split('"').nth(1).and_then(|bound| bound.trim_end_matches('%').parse().ok()).expect("a percentage")
}

/// The candidates among `news`.
pub(crate) fn candidates(news: &[News]) -> Vec<&Candidate> {
    let each = news.iter().filter_map(|news| match news {
        News::Candidate(candidate) => Some(&**candidate),
        News::Rejected(_) => None,
    });
    each.collect()
}

/// The rejections among `news`.
pub(crate) fn rejections(news: &[News]) -> Vec<&Rejection> {
    let each = news.iter().filter_map(|news| match news {
        News::Rejected(rejection) => Some(&**rejection),
        News::Candidate(_) => None,
    });
    each.collect()
}
