//! What goes wrong between here and a server, and what the port calls it.

use std::error::Error;
use std::sync::Arc;

use redis::{RedisError, ServerError};
use tokio_rustls::rustls;

use crate::model::time::Duration;
use crate::ports::store::StoreError;

/// Why a server did not do it.
#[derive(Debug)]
pub(in crate::adapters) enum Fault {
    /// It answered, with an error.
    Answered {
        /// Which server.
        at: String,
        /// What it said.
        error: ServerError,
    },
    /// The connection broke or stayed silent: nobody knows whether it was done.
    Lost {
        /// What happened.
        why: String,
        /// It had been used before and was found closed: the server may have been restarted since, and a second attempt
        /// on a new connection is worth it.
        stale: bool,
    },
    /// It does not let this user in, or is not who it should be: asking again helps nothing.
    Denied(String),
    /// Something the port has its own word for.
    Said(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::Said(error)
    }
}

/// It cannot be used now.
pub(super) fn unavailable(why: impl Into<String>) -> Fault {
    Fault::Said(StoreError::Unavailable(why.into()))
}

/// What it holds is not what was written.
pub(in crate::adapters) fn corrupt(what: impl Into<String>) -> Fault {
    Fault::Said(StoreError::Corrupt { what: what.into() })
}

/// The error of a connection on which a reply may take `patience`. `redis` puts no password into its texts.
pub(super) fn lost(at: &str, error: &RedisError, patience: std::time::Duration, reused: bool) -> Fault {
    if let Some(hint) = tls(error).and_then(distrusted) {
        return Fault::Denied(format!("{at}: {error}; {hint}"));
    }
    if error.is_timeout() {
        let within = Duration::from_millis(i64::try_from(patience.as_millis()).unwrap_or(i64::MAX));
        return Fault::Lost { why: format!("{at} does not answer within {within}"), stale: false };
    }
    let why = if error.is_connection_refusal() {
        format!("nobody listens at {at}")
    } else if error.is_connection_dropped() {
        format!("{at} closed the connection")
    } else {
        format!("{at}: {error}")
    };
    Fault::Lost { why, stale: reused && error.is_connection_dropped() }
}

/// What TLS itself found wrong.
fn tls(error: &RedisError) -> Option<&rustls::Error> {
    let cause = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    cause.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref()
}

/// What to do about it, where it would be found again the next time.
fn distrusted(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidCertificate(_) => Some("`ca` names who signs its certificate"),
        rustls::Error::InvalidMessage(_) => Some("it does not speak TLS there"),
        rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) => {
            Some("it asks for another TLS than this is")
        }
        _ => None,
    }
}

impl Fault {
    /// Whether only a person can mend it.
    pub(super) fn lasts(&self) -> bool {
        match self {
            Fault::Denied(_) => true,
            Fault::Lost { .. } => false,
            Fault::Answered { at, error } => matches!(answered(at, error), StoreError::Refused(_)),
            Fault::Said(error) => matches!(error, StoreError::Refused(_)),
        }
    }

    /// Whether the connection this came from may serve no more: it is another server's role now, or it leads nowhere.
    pub(in crate::adapters) fn ends_connection(&self) -> bool {
        match self {
            Fault::Lost { .. } | Fault::Denied(_) => true,
            Fault::Answered { error, .. } => {
                matches!(error.code(), "READONLY" | "MASTERDOWN" | "LOADING" | "CLUSTERDOWN" | "NOAUTH" | "NOREPLICAS")
            }
            Fault::Said(_) => false,
        }
    }

    /// In the port's words.
    pub(super) fn in_words(self) -> StoreError {
        match self {
            Fault::Said(error) => error,
            Fault::Lost { why, .. } => StoreError::Unavailable(why),
            Fault::Denied(why) => StoreError::Refused(why),
            Fault::Answered { at, error } => answered(&at, &error),
        }
    }
}

const RIGHTS: &str = "give this user the commands and keys it needs";

/// What a server's reply means to whoever asked.
fn answered(at: &str, error: &ServerError) -> StoreError {
    // Behind its own words, Redis names the script and the line.
    let detail = error.details().unwrap_or_default();
    let detail = detail.split(" script: ").next().unwrap_or(detail).trim_end_matches('.');
    let said = format!("{at} says {} {detail}", error.code());
    let unavailable = |hint: &str| StoreError::Unavailable(format!("{said}; {hint}"));
    let refused = |hint: &str| StoreError::Refused(format!("{said}; {hint}"));
    match error.code() {
        "READONLY" => unavailable("it is a replica now, and the next call looks for the master"),
        "OOM" => StoreError::Full(format!("{said}; raise `maxmemory`, or prune")),
        "MISCONF" if detail.contains("No space left") => StoreError::Full(said),
        "MISCONF" => unavailable("it cannot write to its own disk"),
        "NOREPLICAS" => unavailable("too few replicas follow it to take a write"),
        "MASTERDOWN" => unavailable("it is a replica that lost its master"),
        "BUSY" => StoreError::Busy(format!("{said}; another client's script keeps it from answering")),
        "LOADING" => unavailable("it was started a moment ago"),
        "NOSCRIPT" => unavailable("it forgets scripts as soon as it has them"),
        "NOAUTH" => refused("it wants a password; name one in the settings"),
        "WRONGPASS" => refused("the password in the settings is another"),
        "NOPERM" => refused(RIGHTS),
        "DENIED" => StoreError::Refused(format!("{at} is in protected mode; give it a password, and name that here")),
        "ERR" if detail.contains("can't run this command") || detail.contains("has no permissions") => refused(RIGHTS),
        "ERR" if detail.contains("without any password") => refused("name none in the settings"),
        "ERR" if detail.contains("DB index") => refused("it has fewer databases"),
        "ERR" if detail.starts_with("unknown command 'SENTINEL'") => refused("it is no sentinel"),
        "ERR" if detail.contains("cluster support disabled") => refused("it is one server: name it as `redis`"),
        "WRONGTYPE" => StoreError::Corrupt {
            what: format!("{said}; another program writes keys under this prefix: use a prefix of its own"),
        },
        "MOVED" | "ASK" | "CROSSSLOT" => refused("it belongs to a cluster: name the store as `redis+cluster`"),
        "CLUSTERDOWN" => unavailable("the cluster lacks nodes, or is choosing a master"),
        "TRYAGAIN" => unavailable("the cluster is moving these keys"),
        _ => StoreError::Unavailable(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> StoreError {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        let redis::Value::ServerError(error) = value else { panic!("{value:?}") };
        Fault::Answered { at: "h:1".to_owned(), error }.in_words()
    }

    // The replies of Redis 7.0.15, word for word.
    #[rstest::rstest]
    #[case::readonly("READONLY You can't write against a read only replica.", "a replica now")]
    #[case::noreplicas("NOREPLICAS Not enough good replicas to write.", "too few replicas")]
    #[case::masterdown(
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "lost its master"
    )]
    #[case::loading("LOADING Redis is loading the dataset in memory", "a moment ago")]
    #[case::noscript("NOSCRIPT No matching script. Please use EVAL.", "forgets scripts")]
    #[case::clusterdown("CLUSTERDOWN The cluster is down", "lacks nodes")]
    #[case::tryagain("TRYAGAIN Multiple keys request during rehashing of slot", "moving these keys")]
    #[case::misconf(
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        "its own disk"
    )]
    #[case::unknown("ERR something new", "something new")]
    #[case::clients("ERR max number of clients reached", "max number of clients")]
    fn what_makes_it_unusable_for_now(#[case] line: &str, #[case] words: &str) {
        let error = parsed(line);
        assert!(
            matches!(&error, StoreError::Unavailable(why) if why.contains(words) && why.contains("h:1")),
            "{error}"
        );
    }

    #[rstest::rstest]
    #[case::noperm("NOPERM this user has no permissions to run the 'evalsha' command", "give this user")]
    #[case::in_script(
        "ERR The user executing the script can't run this command or subcommand script: 1d2a, on @user_script:1.",
        "give this user"
    )]
    #[case::noauth("NOAUTH Authentication required.", "wants a password")]
    #[case::wrongpass("WRONGPASS invalid username-password pair or user is disabled.", "is another")]
    #[case::no_password(
        "ERR AUTH <password> called without any password configured for the default user. Are you sure?",
        "name none"
    )]
    #[case::protected(
        "DENIED Redis is running in protected mode because protected mode is enabled",
        "give it a password"
    )]
    #[case::database("ERR DB index is out of range", "fewer databases")]
    #[case::moved("MOVED 866 127.0.0.1:7001", "redis+cluster")]
    #[case::ask("ASK 866 127.0.0.1:7001", "redis+cluster")]
    #[case::no_sentinel("ERR unknown command 'SENTINEL', with args beginning with: 'MASTER'", "no sentinel")]
    #[case::no_cluster("ERR This instance has cluster support disabled", "name it as `redis`")]
    fn what_only_a_person_mends(#[case] line: &str, #[case] words: &str) {
        let error = parsed(line);
        assert!(matches!(&error, StoreError::Refused(why) if why.contains(words) && why.contains("h:1")), "{error}");
        assert!(!error.to_string().contains("script: "), "{error}");
    }

    #[test]
    fn what_has_a_word_of_its_own() {
        let full = parsed("OOM command not allowed when used memory > 'maxmemory'. script: 1d2a, on @user_script:1.");
        assert!(matches!(&full, StoreError::Full(why) if !why.contains("1d2a")), "{full}");
        let disk = parsed("MISCONF Errors writing to the AOF file: No space left on device");
        assert!(matches!(disk, StoreError::Full(_)), "{disk}");
        let busy = parsed("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
        assert!(matches!(busy, StoreError::Busy(_)), "{busy}");
        let other = parsed("WRONGTYPE Operation against a key holding the wrong kind of value");
        assert!(matches!(other, StoreError::Corrupt { .. }), "{other}");
    }
}
