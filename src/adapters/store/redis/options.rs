//! How a Redis store is reached.

use std::fmt;
use std::str::FromStr;

use crate::model::time::Duration;

/// How a Redis store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which servers there are.
    pub servers: Servers,
    /// How every key begins; several stores may share a server.
    pub prefix: String,
    /// Who it is for the servers that hold the data.
    pub credentials: Option<Credentials>,
    /// Who it is for the sentinels.
    pub sentinel_credentials: Option<Credentials>,
    /// How connections are encrypted, if they are.
    pub tls: Option<Tls>,
    /// After this long a call has failed, whatever the server does.
    pub deadline: Duration,
    /// On how many replicas a write must be before it is acknowledged. With 0 a failover may lose what was
    /// acknowledged; that is found out, and refused, but not undone.
    pub replicas_to_wait: u32,
    /// Make the store when there is none under the prefix. A process that has worked on a store never makes a second
    /// one in its place.
    pub create: bool,
}

/// The servers of a store, each `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Servers {
    /// One server.
    Single {
        /// Where.
        server: String,
        /// Which of its databases.
        database: u32,
    },
    /// One master at a time, and sentinels that say which. All sentinels should be named: a majority of those named
    /// here must agree, so that a process that is cut off with a deposed master does not write to it.
    Sentinel {
        /// The sentinels.
        sentinels: Vec<String>,
        /// What they call the master.
        master: String,
        /// Which of its databases.
        database: u32,
    },
    /// A cluster.
    Cluster {
        /// Some of its nodes; the others are learned.
        nodes: Vec<String>,
    },
}

/// A user and a password; the password is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user; without, the default one.
    pub user: Option<String>,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Encrypted connections; a server must show a certificate for its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Who signs the servers' certificates, as PEM; without, whoever this machine trusts.
    pub authority: Option<String>,
}

/// A store that nobody can be asked for: the text says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(String);

const DEADLINE: Duration = Duration::from_millis(500);
const PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

impl Options {
    /// The usual ones.
    #[must_use]
    pub fn new(servers: Servers) -> Options {
        Options {
            servers,
            prefix: "rollgate".to_owned(),
            credentials: None,
            sentinel_credentials: None,
            tls: None,
            deadline: DEADLINE,
            replicas_to_wait: 0,
            create: false,
        }
    }

    /// Where it is, for messages; never with a password.
    #[must_use]
    pub fn place(&self) -> String {
        match &self.servers {
            Servers::Single { server, .. } if self.tls.is_some() => format!("rediss://{server}"),
            Servers::Single { server, .. } => format!("redis://{server}"),
            Servers::Sentinel { sentinels, master, .. } => format!("redis+sentinel://{}/{master}", sentinels.join(",")),
            Servers::Cluster { nodes } => format!("redis+cluster://{}", nodes.join(",")),
        }
    }

    /// What stands against these options, if anything does.
    pub(super) fn problem(&self) -> Option<String> {
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return Some(format!(
                "the prefix `{}` cannot be used: it must not be empty and has no braces",
                self.prefix
            ));
        }
        if self.deadline.as_millis() <= 0 {
            return Some("the deadline must be longer than nothing".to_owned());
        }
        let none = match &self.servers {
            Servers::Single { server, .. } => server.is_empty(),
            Servers::Sentinel { sentinels, master, .. } => sentinels.is_empty() || master.is_empty(),
            Servers::Cluster { nodes } => nodes.is_empty(),
        };
        none.then(|| "no server is named".to_owned())
    }
}

/// `redis://HOST:PORT/DB` (`rediss` over TLS), `redis+sentinel://HOST:PORT,HOST:PORT/MASTER`,
/// `redis+cluster://HOST:PORT,HOST:PORT`; behind `?`, joined by `&`: `prefix=NAME`, `deadline=DURATION`, `replicas=N`,
/// `db=N`, `tls=on`.
impl FromStr for Options {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Options, BadAddress> {
        let options = Options::from_secret(text)?;
        if options.credentials.is_some() {
            // It would be in the list of processes and in the shell's history.
            return Err(bad("a password does not belong into it; name it by reference in the settings"));
        }
        Ok(options)
    }
}

fn bad(why: &str) -> BadAddress {
    BadAddress(format!("this is no address of a Redis store: {why}"))
}

impl Options {
    /// The same of an address that is kept secret, and may have `USER:PASSWORD@` before its hosts.
    ///
    /// # Errors
    /// What cannot be understood, without the address itself.
    pub fn from_secret(text: &str) -> Result<Options, BadAddress> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| bad("it begins with `redis://`"))?;
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let servers = match scheme {
            "redis" | "rediss" => {
                Servers::Single { server: only(hosts).map_err(|why| bad(&why))?, database: number(path)? }
            }
            "redis+sentinel" if path.is_empty() => return Err(bad("name the master behind the sentinels: `/NAME`")),
            "redis+sentinel" => {
                let sentinels = list(hosts, SENTINEL_PORT).map_err(|why| bad(&why))?;
                Servers::Sentinel { sentinels, master: path.to_owned(), database: 0 }
            }
            "redis+cluster" => Servers::Cluster { nodes: list(hosts, PORT).map_err(|why| bad(&why))? },
            _ => return Err(bad("it begins with none of redis, rediss, redis+sentinel, redis+cluster")),
        };
        let mut options = Options::new(servers);
        options.credentials = user.map(credentials);
        options.tls = (scheme == "rediss").then(Tls::default);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            options.set(pair)?;
        }
        options.problem().map_or(Ok(options), |why| Err(bad(&why)))
    }

    fn set(&mut self, pair: &str) -> Result<(), BadAddress> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            "prefix" => value.clone_into(&mut self.prefix),
            "deadline" => {
                self.deadline = Duration::parse(value).map_err(|error| BadAddress(format!("`deadline`: {error}")))?;
            }
            "tls" if matches!(value, "" | "on") => self.tls = Some(Tls::default()),
            "replicas" => self.replicas_to_wait = number(value)?,
            "db" => {
                let wanted = number(value)?;
                match &mut self.servers {
                    Servers::Single { database, .. } | Servers::Sentinel { database, .. } => *database = wanted,
                    Servers::Cluster { .. } => {
                        return Err(BadAddress("a cluster has no databases; leave `db` out".to_owned()));
                    }
                }
            }
            other => {
                let known = "prefix, deadline, replicas, db, tls=on";
                return Err(BadAddress(format!("`{other}` is no setting of a Redis store; there are {known}")));
            }
        }
        Ok(())
    }
}

/// `USER:PASSWORD` or `:PASSWORD`, each with what is special in an address written as `%41`.
fn credentials(text: &str) -> Credentials {
    let (user, password) = text.split_once(':').unwrap_or(("", text));
    let user = Some(plain(user)).filter(|user| !user.is_empty());
    Credentials { user, password: plain(password) }
}

fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        let (byte, used) = match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => (byte, 3),
            None => (*first, 1),
        };
        bytes.push(byte);
        rest = rest.get(used..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn number(text: &str) -> Result<u32, BadAddress> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse().map_err(|_| BadAddress(format!("`{text}` is no number")))
}

fn only(hosts: &str) -> Result<String, String> {
    let mut found = list(hosts, PORT)?;
    match (found.pop(), found.is_empty()) {
        (Some(server), true) => Ok(server),
        _ => Err("one server; several are a `redis+sentinel` or a `redis+cluster`".to_owned()),
    }
}

fn list(hosts: &str, port: u16) -> Result<Vec<String>, String> {
    hosts.split(',').map(|host| with_port(host.trim(), port)).collect()
}

fn with_port(host: &str, port: u16) -> Result<String, String> {
    let (name, given) = split(host);
    match given.map(str::parse::<u16>) {
        _ if name.is_empty() => Err("a host is missing".to_owned()),
        None => Ok(format!("{host}:{port}")),
        Some(Ok(_)) => Ok(host.to_owned()),
        Some(Err(_)) => Err(format!("`{host}` has no port")),
    }
}

/// Host and port; an IPv6 address stands in brackets.
pub(super) fn split(server: &str) -> (&str, Option<&str>) {
    match server.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host.trim_start_matches('[').trim_end_matches(']'), Some(port)),
        _ => (server.trim_start_matches('[').trim_end_matches(']'), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::single("redis://h", "redis://h:6379")]
    #[case::database("redis://h:1/3", "redis://h:1")]
    #[case::v6("redis://[::1]:7", "redis://[::1]:7")]
    #[case::v6_alone("redis://[::1]", "redis://[::1]:6379")]
    #[case::tls("rediss://h", "rediss://h:6379")]
    #[case::sentinel("redis+sentinel://a,b:2/main?db=3", "redis+sentinel://a:26379,b:2/main")]
    #[case::cluster("redis+cluster://a:1,b?prefix=x&deadline=2s&replicas=1", "redis+cluster://a:1,b:6379")]
    fn an_address_is_understood(#[case] text: &str, #[case] place: &str) {
        assert_eq!(text.parse::<Options>().unwrap().place(), place);
    }

    #[test]
    fn settings_stand_behind_the_address() {
        let options: Options = "redis+cluster://a?prefix=x&deadline=2s&replicas=1".parse().unwrap();
        assert_eq!((options.prefix.as_str(), options.replicas_to_wait), ("x", 1));
        assert_eq!(options.deadline, Duration::from_secs(2));
        let options: Options = "redis://h/3".parse().unwrap();
        assert_eq!(options.servers, Servers::Single { server: "h:6379".to_owned(), database: 3 });
    }

    #[rstest::rstest]
    #[case::file("rollgate.redb", "begins with `redis://`")]
    #[case::password("redis://:hunter2@h", "a password does not belong")]
    #[case::two("redis://a,b", "one server")]
    #[case::master("redis+sentinel://a", "name the master")]
    #[case::port("redis://h:http", "has no port")]
    #[case::scheme("http://h", "none of redis")]
    #[case::tls("redis://h?tls=maybe", "no setting")]
    #[case::word("redis://h?colour=red", "no setting")]
    #[case::braces("redis://h?prefix=a{b}", "braces")]
    #[case::never("redis://h?deadline=0s", "not a duration")]
    #[case::cluster_db("redis+cluster://h?db=1", "no databases")]
    fn an_address_that_means_nothing_is_refused_in_words(#[case] text: &str, #[case] why: &str) {
        let refused = text.parse::<Options>().unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
    }

    #[rstest::rstest]
    #[case::password("redis://:hunter2@h", None, "hunter2")]
    #[case::user("rediss://ana:hunter2@h:1/2?prefix=x", Some("ana"), "hunter2")]
    #[case::special("redis+cluster://ana:p%40ss%2fw%zzd@a,b", Some("ana"), "p@ss/w%zzd")]
    #[case::at("redis://:p@ss@h", None, "p@ss")]
    fn an_address_that_is_kept_secret_may_have_a_password(
        #[case] text: &str,
        #[case] user: Option<&str>,
        #[case] password: &str,
    ) {
        let options = Options::from_secret(text).unwrap();
        let wanted = Credentials { user: user.map(str::to_owned), password: password.to_owned() };
        assert_eq!(options.credentials, Some(wanted));
        assert!(!format!("{options:?} {}", options.place()).contains(password));
    }

    #[test]
    fn a_password_is_never_shown() {
        let credentials = Credentials { user: Some("ana".to_owned()), password: "hunter2".to_owned() };
        let mut options: Options = "redis://h".parse().unwrap();
        options.credentials = Some(credentials);
        assert!(!format!("{options:?} {}", options.place()).contains("hunter2"));
    }
}
