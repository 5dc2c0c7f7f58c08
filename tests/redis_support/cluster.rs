//! A cluster of three masters.

use super::{Server, free_port, until};

pub struct Cluster {
    pub nodes: Vec<Server>,
}

/// As many as every cluster has.
const SLOTS: usize = 16384;

impl Cluster {
    pub fn start() -> Cluster {
        let nodes: Vec<Server> = (0..3).map(|_| node()).collect();
        for (at, node) in nodes.iter().enumerate() {
            let (first, last) = (at * SLOTS / 3, (at + 1) * SLOTS / 3 - 1);
            node.ask::<()>(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
            node.ask::<()>(&format!("CLUSTER SET-CONFIG-EPOCH {}", at + 1));
        }
        for node in &nodes[1..] {
            let bus: String = node.ask::<Vec<String>>("CONFIG GET cluster-port")[1].clone();
            nodes[0].ask::<()>(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port));
        }
        let cluster = Cluster { nodes };
        cluster.settle();
        cluster
    }

    /// Waits until every node takes commands for every slot, and is linked to every other. A node that another has only
    /// heard of is counted as known, but is no part of a majority yet: when the one they heard it from dies, the two never
    /// meet.
    pub fn settle(&self) {
        for node in &self.nodes {
            until("the cluster is whole", || {
                let info: String = node.try_ask("CLUSTER INFO").ok()?;
                let nodes: String = node.try_ask("CLUSTER NODES").ok()?;
                let linked = |line: &str| {
                    let words: Vec<&str> = line.split_whitespace().collect();
                    let flags = words[2].split(',').all(|flag| flag == "myself" || flag == "master");
                    flags && words[7] == "connected" && words.len() == 9
                };
                let whole = nodes.lines().count() == self.nodes.len() && nodes.lines().all(linked);
                (info.contains("cluster_state:ok") && whole).then_some(())
            });
        }
    }

    /// For the store; the others are learned from the first.
    pub fn url(&self) -> String {
        format!("redis+cluster://{}", self.nodes[0].address())
    }

    /// The node that has a key.
    pub fn node_of(&self, key: &str) -> &Server {
        let slot: usize = self.nodes[0].ask(&format!("CLUSTER KEYSLOT {key}"));
        let at = (0..3).find(|at| slot < (at + 1) * SLOTS / 3).unwrap();
        &self.nodes[at]
    }
}

fn node() -> Server {
    // A node that is away takes only its own slots with it.
    let settings = ["--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no"];
    Server::with_each(|| {
        let bus = free_port().to_string();
        let words = [&["--cluster-enabled", "yes", "--cluster-port", &bus][..], &settings].concat();
        words.into_iter().map(str::to_owned).collect()
    })
}
