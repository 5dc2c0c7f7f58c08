//! Who is master. It is asked before every call: an address that was right a second ago may belong to a deposed master
//! that goes on saying OK for ten seconds after it was resumed, and all of that is lost.

use std::collections::HashMap;

use redis::{Value, cmd};

use super::conn::{Conn, Dial, Points};
use super::fault::{Fault, unavailable};
use super::values::{integer, list, text};

/// How many calls pass a silent sentinel by before it is tried again.
const REST: u32 = 200;

/// The sentinels of one master.
pub(in crate::adapters) struct Sentinels {
    named: Vec<String>,
    master: String,
    dial: Dial,
    open: HashMap<String, Conn>,
    /// Those that did not answer, with the calls that may go by until they are asked again.
    silent: HashMap<String, u32>,
}

impl Sentinels {
    pub(in crate::adapters) fn new(named: &[String], master: &str, dial: Dial) -> Sentinels {
        Sentinels {
            named: named.to_vec(),
            master: master.to_owned(),
            dial,
            open: HashMap::new(),
            silent: HashMap::new(),
        }
    }

    /// The master of the newest configuration that any of a majority knows. A majority of those named must answer: the
    /// few that are cut off together with a deposed master do not know that it was deposed.
    pub(in crate::adapters) fn master(&mut self) -> Result<String, Fault> {
        let needed = self.named.len() / 2 + 1;
        self.silent.retain(|_, rest| {
            *rest = rest.saturating_sub(1);
            *rest > 0
        });
        let (awake, silent): (Vec<String>, Vec<String>) =
            self.named.iter().cloned().partition(|sentinel| !self.silent.contains_key(sentinel));
        let mut told: Vec<(i64, String)> = Vec::new();
        let (mut why, mut refusals) = (String::new(), 0_usize);
        for sentinel in awake.iter().chain(&silent) {
            if told.len() >= needed && self.silent.contains_key(sentinel) {
                break;
            }
            match self.ask(sentinel) {
                Ok(answer) => {
                    self.silent.remove(sentinel);
                    told.push(answer);
                }
                Err(fault) => {
                    self.open.remove(sentinel);
                    self.silent.insert(sentinel.clone(), REST);
                    refusals += usize::from(fault.lasts());
                    why = fault.in_words().to_string();
                }
            }
        }
        let answers = told.len();
        match told.into_iter().max() {
            Some((_, address)) if answers >= needed => Ok(address),
            _ => {
                let (named, master) = (self.named.len(), &self.master);
                let why = format!(
                    "{answers} of {named} sentinels answer, and {needed} must agree who is master of `{master}`: {why}"
                );
                // Were all others to answer, it would not be enough.
                Err(if named - refusals < needed { Fault::Denied(why) } else { unavailable(why) })
            }
        }
    }

    /// Epoch and address, as one sentinel knows them.
    fn ask(&mut self, sentinel: &str) -> Result<(i64, String), Fault> {
        let conn = match self.open.remove(sentinel) {
            Some(conn) => self.open.entry(sentinel.to_owned()).or_insert(conn),
            None => self.open.entry(sentinel.to_owned()).or_insert(Conn::open(sentinel, &self.dial)?),
        };
        let mut address = cmd("SENTINEL");
        address.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master);
        let mut all = cmd("SENTINEL");
        all.arg("MASTER").arg(&self.master);
        let mut replies = conn.ask(&[address, all], Points::Unnamed)?.into_iter();
        let (address, all) = (replies.next().unwrap_or_default(), replies.next().unwrap_or_default());
        if address == Value::Nil {
            return Err(unavailable(format!("{sentinel} knows no master `{}`", self.master)));
        }
        let address = list(conn.fine(address)?)?.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let [host, port] = address.as_slice() else {
            return Err(unavailable(format!("{sentinel} gives no address of `{}`", self.master)));
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let fields = list(conn.fine(all)?)?;
        let epoch = fields.iter().position(|field| *field == Value::BulkString(b"config-epoch".to_vec()));
        let epoch = epoch.and_then(|at| fields.get(at.saturating_add(1)).cloned()).map_or(Ok(0), integer)?;
        Ok((epoch, format!("{host}:{port}")))
    }
}
