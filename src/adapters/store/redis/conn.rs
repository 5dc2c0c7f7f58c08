//! One connection to one server. It waits for a reply as long as it is told to and no longer; a connection with a reply
//! still under way is thrown away, so that no reply is ever taken for another's.

use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{
    Client, Cmd, Connection, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo, RedisError, TlsCertificates,
    Value, cmd,
};

use super::fault::{Fault, lost, unavailable};
use super::options::{Credentials, Tls, split};
use crate::ports::crash;

/// An open connection.
pub(in crate::adapters) struct Conn {
    inner: Connection,
    /// `host:port`.
    at: String,
    used: bool,
    /// How long a reply may take.
    patience: Duration,
}

/// How connections are made.
#[derive(Debug, Clone)]
pub(in crate::adapters) struct Dial {
    /// Who it is.
    pub(in crate::adapters) credentials: Option<Credentials>,
    /// How it is encrypted.
    pub(in crate::adapters) tls: Option<Tls>,
    /// Which database.
    pub(in crate::adapters) database: u32,
    /// How long connecting may take, and how long any one reply.
    pub(in crate::adapters) patience: Duration,
}

impl Conn {
    pub(in crate::adapters) fn open(at: &str, dial: &Dial) -> Result<Conn, Fault> {
        let (host, port) = split(at);
        let port = port.and_then(|port| port.parse().ok()).ok_or_else(|| unavailable(format!("`{at}` has no port")))?;
        let settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        let broken = |error| lost(at, &error, dial.patience, false);
        let host = host.to_owned();
        let address = match dial.tls {
            None => ConnectionAddr::Tcp(host, port),
            Some(_) => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
        };
        let info = address.into_connection_info().map_err(broken)?;
        let info = info.set_redis_settings(settings).set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = match &dial.tls {
            Some(Tls { authority: Some(pem) }) => {
                let root_cert = Some(pem.clone().into_bytes());
                Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
            }
            _ => Client::open(info),
        };
        // Nobody was asked yet: it is the authority that cannot be read.
        let client = client.map_err(|error| Fault::Denied(format!("`ca`: {error}")))?;
        let inner = client.get_connection_with_timeout(dial.patience).map_err(broken)?;
        let mut conn = Conn { inner, at: at.to_owned(), used: false, patience: dial.patience };
        conn.wait_at_most(dial.patience)?;
        conn.enter(dial)?;
        Ok(conn)
    }

    /// Says who it is, and which database is meant. `redis` would take any answer to the password for a refusal of it:
    /// that the server has too many clients, for one.
    fn enter(&mut self, dial: &Dial) -> Result<(), Fault> {
        let mut commands = Vec::new();
        if let Some(Credentials { user, password }) = &dial.credentials {
            let mut auth = cmd("AUTH");
            auth.arg(user).arg(password);
            commands.push(auth);
        }
        if dial.database != 0 {
            let mut select = cmd("SELECT");
            select.arg(dial.database);
            commands.push(select);
        }
        if commands.is_empty() {
            return Ok(());
        }
        for reply in self.ask(&commands, Points::Unnamed)? {
            self.fine(reply)?;
        }
        self.used = false;
        Ok(())
    }

    /// From now on a reply may take this long.
    pub(in crate::adapters) fn wait_at_most(&mut self, patience: Duration) -> Result<(), Fault> {
        self.patience = patience;
        let set =
            self.inner.set_read_timeout(Some(patience)).and_then(|()| self.inner.set_write_timeout(Some(patience)));
        set.map_err(|error| self.lost(&error, self.used))
    }

    /// It broke, or nothing came in time.
    fn lost(&self, error: &RedisError, reused: bool) -> Fault {
        lost(&self.at, error, self.patience, reused)
    }

    /// Sends commands together and reads a reply to each. An error that a server answers with is one of the replies;
    /// after any other, this connection must not be used again.
    pub(super) fn ask(&mut self, commands: &[Cmd], points: Points) -> Result<Vec<Value>, Fault> {
        let reused = std::mem::replace(&mut self.used, true);
        let mut bytes = Vec::new();
        commands.iter().for_each(|command| command.write_packed_command(&mut bytes));
        self.inner.send_packed_command(&bytes).map_err(|error| self.lost(&error, reused))?;
        points.here("store.redis.sent");
        let mut replies = Vec::with_capacity(commands.len());
        for at in 0..commands.len() {
            replies.push(self.inner.recv_response().map_err(|error| self.lost(&error, reused && at == 0))?);
            points.here("store.redis.replied");
        }
        Ok(replies)
    }

    /// One command, one reply that is no error.
    pub(in crate::adapters) fn one(&mut self, command: Cmd) -> Result<Value, Fault> {
        let reply = self.ask(&[command], Points::Unnamed)?.pop();
        self.fine(reply.unwrap_or_default())
    }

    /// The reply, unless it is an error.
    pub(super) fn fine(&self, reply: Value) -> Result<Value, Fault> {
        match reply {
            Value::ServerError(error) => Err(Fault::Answered { at: self.at.clone(), error }),
            reply => Ok(reply),
        }
    }
}

/// Whether the way of a command has named points at which a test may kill the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Points {
    /// The way of a batch.
    Named,
    /// Anything else.
    Unnamed,
}

impl Points {
    pub(super) fn here(self, name: &str) {
        if self == Points::Named {
            crash::here(name);
        }
    }
}
