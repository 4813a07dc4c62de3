//! What `cp.async` has not finished (PTX ISA 9.0, section 9.7.9.25).

use std::collections::VecDeque;
use std::ops::Range;

use super::Shared;
use crate::fault::FaultKind;
use crate::memory::bits::Bits;
use crate::memory::words::Named;
use crate::memory::{Access, AccessKind, Violation};
use crate::ptx::{Order, Scope};

/// The longest piece in bytes.
const LONGEST: usize = 16;

/// Copies that nobody waited for yet. Their data is held here, and lands when the thread waits.
pub(super) struct Copies {
    /// By the number of the thread in its block.
    threads: Vec<Thread>,
    /// Bytes that will still be written.
    bits: Bits,
    /// How many these are, each counted once.
    count: u64,
}

#[derive(Default)]
struct Thread {
    /// Oldest first.
    pieces: VecDeque<Piece>,
    /// How many pieces each committed group has, oldest first; the rest of the pieces is not committed.
    groups: VecDeque<usize>,
    open: usize,
}

#[derive(Clone, Copy)]
struct Piece {
    offset: u32,
    bytes: u8,
    data: [u8; LONGEST],
}

impl Piece {
    fn range(&self) -> Range<u64> {
        u64::from(self.offset)..u64::from(self.offset) + u64::from(self.bytes)
    }
}

impl Copies {
    pub(super) fn new(bytes: u64) -> Self {
        Self { threads: Vec::new(), bits: Bits::new(bytes), count: 0 }
    }

    /// As new.
    pub(super) fn reset(&mut self) {
        for thread in &mut self.threads {
            thread.pieces.clear();
            thread.groups.clear();
            thread.open = 0;
        }
        if self.count != 0 {
            self.bits.reset();
            self.count = 0;
        }
    }

    /// Whether any byte will still be written.
    #[inline]
    pub(super) const fn any(&self) -> bool {
        self.count != 0
    }

    /// Whether any byte of a range will still be written.
    #[inline]
    pub(super) fn pending(&self, range: Range<u64>) -> bool {
        self.count != 0 && self.bits.any(range)
    }

    fn thread(&mut self, thread: u32) -> Option<&mut Thread> {
        let thread = thread as usize;
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Thread::default);
        }
        self.threads.get_mut(thread)
    }

    fn push(&mut self, thread: u32, piece: Piece) {
        self.count += u64::from(self.bits.set(piece.range()));
        if let Some(thread) = self.thread(thread) {
            thread.pieces.push_back(piece);
            thread.open += 1;
        }
    }

    /// The next piece of a thread that arrives when all but `pending` groups do.
    fn pop(&mut self, thread: u32, pending: Option<u32>) -> Option<Piece> {
        let thread = self.threads.get_mut(thread as usize)?;
        // Groups without a piece are groups as well.
        while thread.groups.front() == Some(&0) {
            if pending.is_some_and(|pending| thread.groups.len() <= pending as usize) {
                return None;
            }
            thread.groups.pop_front();
        }
        let held = thread.groups.len();
        let piece = match (thread.groups.front_mut(), pending) {
            (_, Some(pending)) if held <= pending as usize => return None,
            (Some(group), _) => {
                *group -= 1;
                thread.pieces.pop_front()
            }
            (None, None) => {
                thread.open = thread.open.saturating_sub(1);
                thread.pieces.pop_front()
            }
            (None, Some(_)) => return None,
        }?;
        self.count -= u64::from(self.bits.clear(piece.range()));
        Some(piece)
    }

    /// What is said of an access to bytes that will still be written: by whom, and what is missing.
    pub(super) fn unfinished(&self, what: &str, at: &str, named: &Named<'_>, range: Range<u64>) -> String {
        let bytes = self.bits.first(range.clone(), true).unwrap_or(range);
        let copying = self.threads.iter().enumerate().find_map(|(number, thread)| {
            let index = thread.pieces.iter().position(|piece| {
                let piece = piece.range();
                piece.start < bytes.end && bytes.start < piece.end
            })?;
            Some((number, index < thread.pieces.len() - thread.open))
        });
        let bytes = named.within(&bytes);
        let by = match copying {
            Some((thread, true)) => format!("thread {thread} committed that and did not wait for it"),
            Some((thread, false)) => format!("thread {thread} neither committed that nor waited for it"),
            None => "nobody waited for that".to_owned(),
        };
        format!("{what} at {at}: a cp.async may still write bytes {} to {}; {by}", bytes.start, bytes.end - 1)
    }
}

impl Shared {
    /// `cp.async` of a lane: these bytes arrive at `offset` when the thread waits for them. Until then they may not be
    /// touched. `thread` is its number in the block.
    ///
    /// Where the check of bounds is off, what would land outside is dropped.
    ///
    /// # Errors
    /// Out of bounds, misaligned (`data.len()` is 4, 8 or 16), unfinished copy.
    pub fn copy(&mut self, thread: u32, lane: u32, offset: u64, data: &[u8]) -> Result<(), Box<Violation>> {
        let length = data.len().min(LONGEST);
        let bytes = length as u64;
        let mut piece = Piece { offset: offset as u32, bytes: length as u8, data: [0; LONGEST] };
        piece.data.iter_mut().zip(data).for_each(|(to, from)| *to = *from);
        let kind = if self.size.checked_sub(bytes).is_none_or(|limit| offset > limit) {
            if !self.checks.bounds {
                return Ok(());
            }
            FaultKind::OutOfBounds
        } else if self.checks.alignment && !offset.is_multiple_of(bytes.max(1)) {
            FaultKind::Misaligned
        } else if self.checks.copies && self.copies.pending(piece.range()) {
            FaultKind::UnfinishedCopy
        } else {
            self.copies.push(thread, piece);
            return Ok(());
        };
        let access = Access {
            kind: AccessKind::Store,
            bytes: bytes as u32,
            active: 1 << (lane % 32),
            addresses: &[offset; 32],
            order: Order::Weak,
            scope: Scope::Block,
            nc: false,
        };
        Err(self.violation(kind, &access, lane as usize, offset))
    }

    /// `cp.async.commit_group` of a thread.
    pub fn commit(&mut self, thread: u32) {
        if let Some(thread) = self.copies.thread(thread) {
            let pieces = std::mem::take(&mut thread.open);
            thread.groups.push_back(pieces);
        }
    }

    /// `cp.async.wait_group` of a thread: all but its newest `pending` groups arrive (`None`: everything, committed or
    /// not, as `cp.async.wait_all`). `arrived` is told offset and size of each piece, oldest first.
    pub fn wait(&mut self, thread: u32, pending: Option<u32>, arrived: &mut dyn FnMut(u32, u32)) {
        while let Some(piece) = self.copies.pop(thread, pending) {
            let Some(backing) = &self.backing else { return };
            // SAFETY: `copy` saw that the piece is inside, and `self` is borrowed mutably.
            unsafe {
                let target = backing.begin().add(piece.offset as usize);
                target.copy_from_nonoverlapping(piece.data.as_ptr(), usize::from(piece.bytes));
            }
            self.written.set(piece.range());
            arrived(piece.offset, u32::from(piece.bytes));
        }
    }
}
