//! What differs between the copies of a unit: constants, offsets, addresses, lanes.
//!
//! Everything is a function of the variant and of how many numbers were taken before, so that equal
//! variants give equal bytes and neighbouring copies share nothing that an optimiser could merge.

use crate::ops::prelude::TABLE_ELEMENTS;

/// Places in memory that a variant can name, [`PLACE_BYTES`] apart: odd, so that steps of any power
/// of two walk through all of them before one repeats.
const PLACES: u64 = 2047;

/// Distance of neighbouring places: the widest access, so that every access is aligned naturally.
const PLACE_BYTES: u64 = 16;

/// Elements that a constant index names: odd for the same reason, and as many as the tables nearly
/// have.
const ELEMENTS: u32 = 1021;

const _: () = assert!(ELEMENTS % 2 == 1 && ELEMENTS <= TABLE_ELEMENTS);

/// Numbers that a copy with addresses of a chosen form has at least, so that copies of different
/// units in one function share none: a power of two, enough for a load, an operator and
/// a sink, and for nearly all units with one operator more.
pub(super) const ADDRESSED_NUMBERS: u32 = 32;

/// So many copies with addresses of a chosen form, of units that may have neighbours and of
/// neighbouring variants, name different places and elements.
pub const ADDRESSED_NEIGHBOURS: u32 = ELEMENTS / ADDRESSED_NUMBERS;

/// A WebAssembly page, of which the prelude declares one.
pub(super) const PAGE_BYTES: u64 = 65_536;

// Constant addresses are places 1 to 2047, offsets places 0 to 2046; with a width they end inside
// the page.
const _: () = assert!(PLACES * PLACE_BYTES + PLACES * PLACE_BYTES <= PAGE_BYTES);

/// An odd multiplier (from the golden ratio) spreads consecutive numbers over all bits and keeps
/// them distinct.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Where copies of code differ from each other.
pub(super) struct Numbers {
    /// Which copy.
    pub(super) variant: u32,
    /// Numbers that one copy may use: a power of two, at least those it does use.
    pub(super) per_copy: u64,
    /// Numbers used so far by this copy.
    pub(super) used: u64,
}

impl Numbers {
    /// The next number: never zero, distinct within the copy and between copies.
    pub(super) fn next(&mut self) -> u64 {
        self.used += 1;
        u64::from(self.variant) * self.per_copy + self.used
    }

    /// The next number with its information spread over all bits.
    pub(super) fn spread(&mut self) -> u64 {
        self.next().wrapping_mul(SPREAD)
    }

    /// A lane. Low bits would not do: copies are a power of two apart, and so are lane counts.
    pub(super) fn lane(&mut self, lanes: u8) -> u8 {
        u8::try_from((self.spread() >> 32) % u64::from(lanes)).expect("less than a u8")
    }

    /// The index of a table element.
    pub(super) fn element(&mut self) -> u32 {
        u32::try_from(self.next() % u64::from(ELEMENTS)).expect("less than a u32")
    }

    /// An offset below 32752.
    pub(super) fn offset(&mut self) -> u64 {
        self.next() % PLACES * PLACE_BYTES
    }

    /// An address, not zero and below 32768.
    pub(super) fn address(&mut self) -> u64 {
        self.offset() + PLACE_BYTES
    }
}
