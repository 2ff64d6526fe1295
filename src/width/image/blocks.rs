//! Blocks of entries, in which an artifact keeps traps and positions since Wasmtime 48.

use crate::width::to_usize;

/// Entries of a block of the trap section and the address map, since Wasmtime 48.
pub(super) const BLOCK: usize = 128;

/// A block of the trap section or the address map, as they are since Wasmtime 48: both are a count, the
/// number of blocks, then for each the offset that it begins with and the place of its entries.
pub(super) struct Block<'a> {
    /// Where the entry of the index lies.
    pub(super) index: usize,
    /// The offset that it begins with.
    pub(super) offset: u32,
    /// How many entries it has.
    pub(super) entries: usize,
    /// Where they lie, and all that lies behind.
    pub(super) at: usize,
    section: &'a [u8],
}

impl<'a> Block<'a> {
    /// The blocks of a section with so many entries; the error is the place where it is wrong.
    pub(super) fn all(section: &'a [u8], count: usize) -> Result<Vec<Block<'a>>, usize> {
        let blocks = to_usize(word(section, 4).ok_or(4_usize)?);
        // No entry is shorter than a byte.
        if blocks != count.div_ceil(BLOCK) || count > section.len() {
            return Err(4);
        }
        let bodies = blocks.checked_mul(8).and_then(|index| index.checked_add(8));
        let bodies = bodies.filter(|&at| at <= section.len()).ok_or(8_usize)?;
        let block = |number: usize| {
            let index = 8 + 8 * number;
            let offset = word(section, index).ok_or(index)?;
            let place = word(section, index + 4).ok_or(index)?;
            let entries = BLOCK.min(count - number * BLOCK);
            Ok(Block {
                index,
                offset,
                entries,
                at: bodies.saturating_add(to_usize(place)),
                section,
            })
        };
        (0..blocks).map(block).collect()
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let byte = self.section.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    /// An unsigned number in LEB128, of at most nine bytes, and how many bits it could have held.
    #[inline]
    pub(super) fn leb(&mut self) -> Option<(u64, u32)> {
        let (mut value, mut bits) = (0, 0);
        while bits < 63 {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << bits;
            bits += 7;
            if byte & 0x80 == 0 {
                return Some((value, bits));
            }
        }
        None
    }

    /// A signed number in LEB128.
    #[inline]
    pub(super) fn signed(&mut self) -> Option<i64> {
        let (value, bits) = self.leb()?;
        Some(value.cast_signed() << (64 - bits) >> (64 - bits))
    }

    /// Goes on to the next entry, which says by how much its offset is greater; the lowest bit of that
    /// number, which has a meaning of its own in either section.
    #[inline]
    pub(super) fn step(&mut self) -> Option<bool> {
        let (token, _) = self.leb()?;
        self.offset = self.offset.checked_add(u32::try_from(token >> 1).ok()?)?;
        Some(token & 1 == 1)
    }
}

/// The number at a place.
pub(super) fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}
