//! Rows of the operator table by the bytes that operators are spelt with.

use crate::ops::{Opcode, Operator, operators};
use std::sync::LazyLock;

/// The rows by their opcodes.
struct Rows {
    bytes: [Option<&'static Operator>; 256],
    /// By the prefix, counted from the first, and the number behind it.
    prefixed: [Vec<Option<&'static Operator>>; 4],
}

/// The first of the four prefixes.
const PREFIX: u8 = 0xfb;

static ROWS: LazyLock<Rows> = LazyLock::new(|| {
    let mut rows = Rows { bytes: [None; 256], prefixed: Default::default() };
    for operator in operators() {
        match operator.opcode {
            Opcode::Byte(byte) => rows.bytes[usize::from(byte)] = Some(operator),
            Opcode::Prefixed(prefix, number) => {
                let of_prefix = &mut rows.prefixed[usize::from(prefix - PREFIX)];
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                if of_prefix.len() <= number {
                    of_prefix.resize(number + 1, None);
                }
                of_prefix[number] = Some(operator);
            }
        }
    }
    rows
});

/// The row of the operator that stands first in `code`.
pub(super) fn operator_of(code: &[u8]) -> Option<&'static Operator> {
    let (&first, rest) = code.split_first()?;
    if !(PREFIX..PREFIX + 4).contains(&first) {
        return ROWS.bytes[usize::from(first)];
    }
    let mut number = 0;
    for (at, &byte) in rest.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            break;
        }
    }
    ROWS.prefixed[usize::from(first - PREFIX)].get(number).copied().flatten()
}
