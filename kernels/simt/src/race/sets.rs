//! Lists of accesses that one record stands for: many readers of one granule, or many atomics.

use std::collections::HashMap;

use super::cells::SET;
use super::class::Class;

/// One warp's part of a list: the lanes that made an access in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Entry {
    pub(super) epoch: u32,
    pub(super) lanes: u32,
}

#[derive(Debug)]
struct Node {
    /// The record before this was added: 0, or a list.
    parent: u32,
    entry: Entry,
    /// How many entries there are, this with them.
    length: u32,
    /// The class of all of them, if it is one.
    class: Option<Class>,
}

/// Lists, each told by its last entry and the list before it; equal lists are one. So a whole warp, or many granules
/// with the same history, cost one entry.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// The number of the first node that is still kept.
    first: u32,
    nodes: Vec<Node>,
    same: HashMap<(u32, Entry), u32>,
}

impl Sets {
    /// The list `parent` (0 for none) with an entry of a class more, as a record; `None` when there are too many.
    pub(super) fn push(&mut self, parent: u32, entry: Entry, class: Class) -> Option<u32> {
        if let Some(&known) = self.same.get(&(parent, entry)) {
            return Some(known);
        }
        let (length, class) = match self.node(parent) {
            Some(node) => (node.length + 1, node.class.filter(|&known| known == class)),
            None => (1, Some(class)),
        };
        let number = self.first.checked_add(u32::try_from(self.nodes.len()).ok()?)?;
        if number >= SET {
            return None;
        }
        self.nodes.push(Node { parent, entry, length, class });
        self.same.insert((parent, entry), SET | number);
        Some(SET | number)
    }

    fn node(&self, record: u32) -> Option<&Node> {
        if record & SET == 0 {
            return None;
        }
        self.nodes.get((record & !SET).checked_sub(self.first)? as usize)
    }

    /// The entries of a record, newest first.
    pub(super) fn entries(&self, record: u32) -> Entries<'_> {
        Entries { sets: self, record }
    }

    /// How many entries a record has, as far as it is a list.
    pub(super) fn length(&self, record: u32) -> u32 {
        self.node(record).map_or(u32::from(record != 0), |node| node.length)
    }

    /// The class of all entries of a list, if it is one.
    pub(super) fn class(&self, record: u32) -> Option<Class> {
        self.node(record)?.class
    }

    /// The number that the next list will have.
    pub(super) fn next(&self) -> u32 {
        self.first + self.nodes.len() as u32
    }

    /// Forgets every list, without using their numbers again.
    pub(super) fn forget(&mut self) {
        self.first = self.next();
        self.nodes.clear();
        self.same.clear();
    }

    /// Bytes of host memory.
    pub(super) fn held(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>()
            + self.same.capacity() * (size_of::<((u32, Entry), u32)>() + 1)
    }
}

/// The entries of a record, newest first.
pub(super) struct Entries<'a> {
    sets: &'a Sets,
    record: u32,
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let record = self.record;
        if record & SET == 0 {
            self.record = 0;
            return (record != 0).then_some(Entry { epoch: record >> 5, lanes: 1 << (record & 31) });
        }
        let node = self.sets.node(record)?;
        self.record = node.parent;
        Some(node.entry)
    }
}
