//! Which slot of a cluster a key lives in, and which node has which slots.

use std::collections::BTreeMap;

/// As many as every cluster has.
const SLOTS: u16 = 16384;

/// The slot of a key: CRC-16 (XMODEM) of what stands between the first braces, or of all of it.
pub(super) fn of(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let text = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    let crc = text.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(
            crc ^ (u16::from(byte) << 8),
            |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
            },
        )
    });
    crc % SLOTS
}

/// Who has which slots, as a node told it.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    /// By their last slot: the first one and the node.
    ranges: BTreeMap<u16, (u16, String)>,
    /// What a node said since, slot by slot.
    moved: BTreeMap<u16, String>,
}

impl Slots {
    pub(super) fn put(&mut self, first: u16, last: u16, node: String) {
        self.ranges.insert(last, (first, node));
    }

    pub(super) fn moved(&mut self, slot: u16, node: String) {
        self.moved.insert(slot, node);
    }

    pub(super) fn node(&self, slot: u16) -> Option<&str> {
        if let Some(node) = self.moved.get(&slot) {
            return Some(node);
        }
        let (_, (first, node)) = self.ranges.range(slot..).next()?;
        (*first <= slot).then_some(node.as_str())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Every node that has slots.
    pub(super) fn nodes(&self) -> Vec<String> {
        let mut nodes: Vec<String> =
            self.ranges.values().map(|(_, node)| node.clone()).chain(self.moved.values().cloned()).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As `CLUSTER KEYSLOT` answers them.
    #[rstest::rstest]
    #[case::whole("123456789", 12739)]
    #[case::foo("foo", 12182)]
    #[case::tagged("{foo}:state", 12182)]
    #[case::empty_tag("{}foo", 9500)]
    fn a_key_lives_where_redis_says(#[case] key: &str, #[case] slot: u16) {
        assert_eq!(of(key), slot);
    }

    #[test]
    fn a_slot_that_moved_is_looked_for_where_it_moved_to() {
        let mut slots = Slots::default();
        slots.put(0, 99, "a".to_owned());
        slots.put(200, 299, "b".to_owned());
        assert_eq!((slots.node(99), slots.node(100), slots.node(200)), (Some("a"), None, Some("b")));
        slots.moved(99, "b".to_owned());
        assert_eq!((slots.node(98), slots.node(99)), (Some("a"), Some("b")));
    }
}
