//! How the servers are set up, as far as that decides what survives.

use redis::cmd;

use super::fault::Fault;
use super::values::text;
use super::wire::Wire;

/// What an SRE should know about the servers, each in a sentence.
pub(super) fn notes(wire: &mut Wire) -> Result<Vec<String>, Fault> {
    let replicas = wire.plan.options.replicas_to_wait;
    let mut notes = Vec::new();
    for node in wire.masters()? {
        let mut all = String::new();
        for section in ["server", "persistence", "memory", "replication"] {
            let mut info = cmd("INFO");
            info.arg(section);
            all.push_str(&text(wire.ask_node(&node, info)?)?);
        }
        notes.extend(read(&node, &all, replicas));
    }
    Ok(notes)
}

/// The oldest version that trims a stream by place.
const OLDEST: (u32, u32) = (6, 2);

fn parsed(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

fn read(node: &str, info: &str, replicas: u32) -> Vec<String> {
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().trim()
    };
    let mut notes = Vec::new();
    let version = field("redis_version");
    if !version.is_empty() && parsed(version) < OLDEST {
        let (major, minor) = OLDEST;
        notes.push(format!("{node}: it is Redis {version}, and pruning needs {major}.{minor}"));
    }
    if field("aof_enabled") == "0" {
        notes.push(format!(
            "{node}: `appendonly` is off: what was acknowledged is lost when the server ends; set `appendonly yes`"
        ));
    } else if field("aof_last_write_status") == "err" {
        notes.push(format!("{node}: it could not write its append-only file the last time"));
    }
    let policy = field("maxmemory_policy");
    if policy != "noeviction" && !policy.is_empty() {
        notes.push(format!(
            "{node}: `maxmemory-policy` is `{policy}`: the server drops keys of the ledger when it is full; set \
             `maxmemory-policy noeviction`"
        ));
    }
    let connected = field("connected_slaves").parse::<u32>().unwrap_or(0);
    if connected < replicas {
        notes.push(format!("{node}: {connected} replicas follow it, and every write waits for {replicas}"));
    } else if connected > 0 && replicas == 0 {
        notes.push(format!(
            "{node}: replicas follow it, and no write waits for them: a failover may lose what was acknowledged; set \
             `replicas = 1`"
        ));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::sound("aof_enabled:1\r\nmaxmemory_policy:noeviction\r\nconnected_slaves:1\r\n", 1, &[])]
    #[case::old("redis_version:6.0.16\r\n", 0, &["pruning needs 6.2"])]
    #[case::not_old("redis_version:7.0.15\r\n", 0, &[])]
    #[case::no_file("aof_enabled:0\r\n", 0, &["`appendonly` is off"])]
    #[case::disk("aof_enabled:1\r\naof_last_write_status:err\r\n", 0, &["append-only file"])]
    #[case::evicts("maxmemory_policy:allkeys-lru\r\n", 0, &["`allkeys-lru`"])]
    #[case::alone("connected_slaves:0\r\n", 1, &["0 replicas follow it"])]
    #[case::unawaited("connected_slaves:2\r\n", 0, &["no write waits for them"])]
    fn what_decides_what_survives_is_told(#[case] info: &str, #[case] replicas: u32, #[case] wanted: &[&str]) {
        let notes = read("h:1", info, replicas);
        assert_eq!(notes.len(), wanted.len(), "{notes:?}");
        assert!(notes.iter().zip(wanted).all(|(note, wanted)| note.contains(wanted)), "{notes:?}");
    }
}
