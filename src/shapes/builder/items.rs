//! The items of a section, and sections as bytes.
//!
//! Kept apart from the builder because this is the binary format of a section and nothing of what
//! is in it.

use crate::shapes::rope::Rope;
use wasm_encoder::Encode;

/// The items of one section, encoded, with their count.
#[derive(Clone, Debug, Default)]
pub struct Items {
    count: u64,
    bytes: Rope,
}

impl Items {
    /// Number of items so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds one encoded item.
    pub fn push(&mut self, item: &[u8]) {
        self.count += 1;
        self.bytes.push(item);
    }

    /// Adds one encoded item given as a rope.
    pub fn push_rope(&mut self, item: Rope) {
        self.count += 1;
        self.bytes.append(item);
    }

    /// Adds `count` copies of one encoded item.
    pub fn push_repeat(&mut self, item: impl Into<Rope>, count: u64) {
        self.count += count;
        self.bytes.push_repeat(item, count);
    }

    /// Adds `count` items, the k-th as `write(k, out)` encodes it.
    pub fn push_each(&mut self, count: u64, mut write: impl FnMut(u64, &mut Vec<u8>)) {
        self.count += count;
        self.bytes.push_with(|out| (0..count).for_each(|k| write(k, out)));
    }

    /// Adds `count` items that are already encoded one after the other.
    pub fn push_encoded(&mut self, items: impl Into<Rope>, count: u64) {
        self.count += count;
        self.bytes.append(items);
    }

    /// Adds all items of a section made by wasm-encoder.
    pub fn push_section(&mut self, section: &impl Encode) {
        let mut encoded = Vec::new();
        section.encode(&mut encoded);
        // A section encodes as its byte length, its item count, then the items.
        let (_, rest) = take_leb(&encoded);
        let (count, items) = take_leb(rest);
        self.count += count;
        self.bytes.push(items);
    }
}

/// Reads one unsigned LEB128 number from bytes that this crate or wasm-encoder wrote.
fn take_leb(bytes: &[u8]) -> (u64, &[u8]) {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return (value, &bytes[i + 1..]);
        }
    }
    panic!("an encoder wrote a truncated number");
}

/// `content` with its length in front.
pub(super) fn sized(content: Rope) -> Rope {
    let mut out = leb_rope(content.len());
    out.append(content);
    out
}

/// One unsigned LEB128 number.
pub(super) fn leb_rope(value: u64) -> Rope {
    let mut rope = Rope::new();
    rope.push_leb(value);
    rope
}

/// Appends the section `id` of `items`, unless there are none.
pub(super) fn section(bytes: &mut Rope, id: u8, items: Items) {
    if items.count > 0 {
        let mut content = leb_rope(items.count);
        content.append(items.bytes);
        raw_section(bytes, id, content);
    }
}

/// Appends the section `id` with this content.
pub(super) fn raw_section(bytes: &mut Rope, id: u8, content: Rope) {
    bytes.push(&[id]);
    bytes.append(sized(content));
}
