//! Small parts that shapes of all families are put together from.

use super::{Axis, Param, Rope};
use wasm_encoder::{InstructionSink, ValType};

/// A parameter.
pub(crate) const fn param(
    name: &'static str,
    summary: &'static str,
    min: u64,
    max: u64,
    default: u64,
) -> Param {
    Param { name, summary, min, max, default }
}

/// The axis of a limit that `param` meets by itself.
pub(crate) const fn axis(limit: &'static str, param: &'static str) -> Axis {
    Axis { limit, param, pad: None }
}

/// The axis of a limit that `param` meets with the help of `pad`.
pub(crate) const fn padded(limit: &'static str, param: &'static str, pad: &'static str) -> Axis {
    Axis { limit, param, pad: Some(pad) }
}

/// The bytes of a few instructions.
pub(crate) fn code(write: impl FnOnce(&mut InstructionSink<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut InstructionSink::new(&mut out));
    out
}

/// `count` times `i32`.
pub(crate) fn ints(count: u64) -> Vec<ValType> {
    vec![ValType::I32; usize::try_from(count).expect("a list of types fits in memory")]
}

/// An index that the encoder takes: every index space of a shape's module fits 32 bits.
pub(crate) fn index(value: u64) -> u32 {
    u32::try_from(value).expect("shapes bound their counts to 32 bits")
}

/// `count` pieces of code, of which the k-th is `write(k, rope)` for k below `variants`, after
/// which they repeat as copied bytes.
pub(crate) fn cycle(count: u64, variants: u64, mut write: impl FnMut(u32, &mut Rope)) -> Rope {
    let mut pieces = |count: u64| {
        let mut rope = Rope::new();
        (0..index(count)).for_each(|k| write(k, &mut rope));
        rope
    };
    if count <= variants {
        return pieces(count);
    }
    let mut rope = Rope::repeat(pieces(variants), count / variants);
    rope.append(pieces(count % variants));
    rope
}
