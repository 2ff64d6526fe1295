//! Bytes that mostly repeat, with a known length and no need to exist all at once.
//!
//! A section's length stands before its content, so a module of a gigabyte can be streamed only if
//! its length is known before its bytes are. A rope knows its length from its pieces, holds a
//! repeated pattern once, and is written by copying.

use std::io::{self, Write};

/// Patterns are copied up to about this many bytes before they are written, so that a short
/// pattern costs a few large writes rather than many small ones.
const BLOCK_BYTES: u64 = 256 * 1024;

/// A sequence of bytes made of literal pieces and repeated patterns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rope {
    pieces: Vec<Piece>,
    len: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Repeat { pattern: Rope, count: u64 },
}

impl Rope {
    /// An empty rope.
    pub fn new() -> Rope {
        Rope::default()
    }

    /// `count` copies of `pattern`.
    pub fn repeat(pattern: impl Into<Rope>, count: u64) -> Rope {
        let mut rope = Rope::new();
        rope.push_repeat(pattern, count);
        rope
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that the rope holds in memory: its literal pieces, and of a repetition the pattern.
    pub fn held_bytes(&self) -> u64 {
        let held = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.len() as u64,
            Piece::Repeat { pattern, .. } => pattern.held_bytes(),
        };
        self.pieces.iter().map(held).sum()
    }

    /// Appends literal bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if let Some(Piece::Bytes(last)) = self.pieces.last_mut() {
            last.extend_from_slice(bytes);
        } else if !bytes.is_empty() {
            self.pieces.push(Piece::Bytes(bytes.to_vec()));
        }
    }

    /// Appends what `write` writes.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if !matches!(self.pieces.last(), Some(Piece::Bytes(_))) {
            self.pieces.push(Piece::Bytes(Vec::new()));
        }
        if let Some(Piece::Bytes(last)) = self.pieces.last_mut() {
            let before = last.len();
            write(last);
            self.len += (last.len() - before) as u64;
        }
    }

    /// Appends another rope.
    pub fn append(&mut self, other: impl Into<Rope>) {
        let other = other.into();
        for piece in other.pieces {
            match piece {
                // A large piece is moved: copying it would hold it twice.
                Piece::Bytes(bytes) if bytes.len() as u64 >= BLOCK_BYTES => {
                    self.len += bytes.len() as u64;
                    self.pieces.push(Piece::Bytes(bytes));
                }
                Piece::Bytes(bytes) if !matches!(self.pieces.last(), Some(Piece::Bytes(_))) => {
                    self.len += bytes.len() as u64;
                    self.pieces.push(Piece::Bytes(bytes));
                }
                Piece::Bytes(bytes) => self.push(&bytes),
                Piece::Repeat { pattern, count } => self.push_repeat(pattern, count),
            }
        }
    }

    /// Appends `count` copies of `pattern`.
    ///
    /// # Panics
    ///
    /// When the length would pass 2^64 bytes; shapes bound their counts far below.
    pub fn push_repeat(&mut self, pattern: impl Into<Rope>, count: u64) {
        let pattern = pattern.into();
        if pattern.is_empty() || count == 0 {
            return;
        }
        if count == 1 {
            self.append(pattern);
            return;
        }
        let len = pattern.len.checked_mul(count).and_then(|len| len.checked_add(self.len));
        self.len = len.expect("shapes bound their counts");
        self.pieces.push(Piece::Repeat { pattern, count });
    }

    /// Appends an unsigned LEB128 number.
    pub fn push_leb(&mut self, value: u64) {
        self.push_with(|out| leb(value, out));
    }

    /// Writes every byte to `sink`; memory stays bounded by the largest literal piece.
    pub fn write_to(&self, sink: &mut dyn Write) -> io::Result<()> {
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => sink.write_all(bytes)?,
                Piece::Repeat { pattern, count } if pattern.len < BLOCK_BYTES => {
                    let per_block = (BLOCK_BYTES / pattern.len).clamp(1, *count);
                    let block = Rope::repeat(pattern.clone(), per_block).to_vec();
                    for _ in 0..count / per_block {
                        sink.write_all(&block)?;
                    }
                    let rest = (count % per_block) * pattern.len;
                    let rest = usize::try_from(rest).expect("less than one block");
                    sink.write_all(&block[..rest])?;
                }
                Piece::Repeat { pattern, count } => {
                    for _ in 0..*count {
                        pattern.write_to(sink)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// All bytes in memory.
    ///
    /// # Panics
    ///
    /// When the length does not fit the address space.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(usize::try_from(self.len).expect("a rope in memory fits in it"));
        self.extend_into(&mut out);
        out
    }

    /// Repeats grow by doubling what is already there: plain copies of ever larger blocks.
    fn extend_into(&self, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Repeat { pattern, count } => {
                    let start = out.len();
                    pattern.extend_into(out);
                    let one = out.len() - start;
                    let total = usize::try_from(pattern.len * count).expect("checked by to_vec");
                    let block = (usize::try_from(BLOCK_BYTES).expect("256 KiB") / one).max(1) * one;
                    while out.len() - start < total {
                        let done = out.len() - start;
                        let copy = done.min(block).min(total - done);
                        out.extend_from_within(start..start + copy);
                    }
                }
            }
        }
    }
}

impl From<Vec<u8>> for Rope {
    fn from(bytes: Vec<u8>) -> Rope {
        let len = bytes.len() as u64;
        let pieces = if bytes.is_empty() { Vec::new() } else { vec![Piece::Bytes(bytes)] };
        Rope { pieces, len }
    }
}

impl From<&[u8]> for Rope {
    fn from(bytes: &[u8]) -> Rope {
        Rope::from(bytes.to_vec())
    }
}

/// Appends `value` as unsigned LEB128.
pub fn leb(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(value & 0x7f).expect("seven bits");
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Rope {
        let mut inner = Rope::from(vec![1, 2]);
        inner.push_repeat(vec![3], 4);
        let mut rope = Rope::from(vec![9]);
        rope.push_repeat(inner, 3);
        rope.push_leb(300);
        rope
    }

    #[test]
    fn streamed_bytes_equal_bytes_in_memory_and_the_stated_length() {
        let mut streamed = Vec::new();
        sample().write_to(&mut streamed).unwrap();
        assert_eq!(streamed, sample().to_vec());
        assert_eq!(streamed.len() as u64, sample().len());
        assert_eq!(streamed, [&[9][..], &[1, 2, 3, 3, 3, 3].repeat(3), &[0xac, 0x02]].concat());
    }

    #[test]
    fn long_repeats_are_exact_across_block_borders() {
        for (size, count) in [(1, 600_001), (3, 300_000), (70_000, 9), (300_000, 3)] {
            let pattern: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let rope = Rope::repeat(pattern.clone(), count);
            let expected = pattern.repeat(usize::try_from(count).unwrap());
            assert!(rope.to_vec() == expected, "in memory, {size} x {count}");
            let mut streamed = Vec::new();
            rope.write_to(&mut streamed).unwrap();
            assert!(streamed == expected, "streamed, {size} x {count}");
        }
    }

    #[test]
    fn empty_patterns_and_zero_counts_add_nothing() {
        let mut rope = Rope::new();
        rope.push(&[]);
        rope.push_repeat(Vec::new(), 1_000_000);
        rope.push_repeat(vec![1], 0);
        assert!(rope.is_empty());
        assert!(rope.to_vec().is_empty());
    }
}
