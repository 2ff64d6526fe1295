//! The compact form of a unit, for recipes as bytes.
//!
//! It names operators by opcode, not by their place in the table, so that bytes keep their meaning
//! when rows are added.
//!
//! One byte: number of steps less one, plus 16 times the sink. Per step: the opcode as in
//! WebAssembly (one byte, or a prefix and a LEB128 number), then the sources, two to a byte, the
//! first in the low half; a missing half is zero.

use std::ops::RangeInclusive;

use wasm_encoder::Encode;

use crate::ops::error::UnitError;
use crate::ops::operator_of_opcode;
use crate::ops::table::{Opcode, Operator};
use crate::ops::unit::{Sink, Source, Step, Unit};

/// The bytes that announce a longer opcode.
const PREFIXES: RangeInclusive<u8> = 0xfb..=0xfe;

/// Most bytes of a LEB128 number of 32 bits.
const LEB_BYTES_MAX: u32 = 5;

impl Unit {
    /// Appends the compact form.
    pub fn to_bytes(&self, out: &mut Vec<u8>) {
        let steps = u8::try_from(self.steps().len() - 1).expect("at most sixteen steps");
        let sink = position(Sink::ALL, self.sink());
        out.push(steps | sink << 4);
        for step in self.steps() {
            match step.op.opcode {
                Opcode::Byte(byte) => out.push(byte),
                Opcode::Prefixed(prefix, code) => {
                    out.push(prefix);
                    code.encode(out);
                }
            }
            for pair in step.operands.chunks(2) {
                let halves = pair.iter().rev().map(|source| position(Source::ALL, *source));
                out.push(halves.fold(0, |byte, half| byte << 4 | half));
            }
        }
    }

    /// Reads the compact form from the front of `bytes` and moves `bytes` past it.
    pub fn from_bytes(bytes: &mut &[u8]) -> Result<Unit, UnitError> {
        let first = byte(bytes)?;
        let sink = of_half(Sink::ALL, first >> 4, "sink")?;
        let mut steps = Vec::new();
        for _ in 0..=first & 15 {
            let op = opcode(bytes)?;
            let mut operands = Vec::with_capacity(op.params.len());
            while operands.len() < op.params.len() {
                let pair = byte(bytes)?;
                operands.push(of_half(Source::ALL, pair & 15, "operand source")?);
                if operands.len() < op.params.len() {
                    operands.push(of_half(Source::ALL, pair >> 4, "operand source")?);
                } else if pair >> 4 != 0 {
                    let value = u32::from(pair >> 4);
                    return Err(UnitError::Compact { what: "unused half byte", value });
                }
            }
            steps.push(Step { op, operands });
        }
        Unit::new(steps, sink)
    }
}

fn position<T: PartialEq>(all: &[T], item: T) -> u8 {
    let at = all.iter().position(|other| *other == item).expect("`all` holds every variant");
    u8::try_from(at).expect("few variants")
}

fn of_half<T: Copy>(all: &[T], half: u8, what: &'static str) -> Result<T, UnitError> {
    let found = all.get(usize::from(half)).copied();
    found.ok_or(UnitError::Compact { what, value: u32::from(half) })
}

fn byte(bytes: &mut &[u8]) -> Result<u8, UnitError> {
    let (first, rest) = bytes.split_first().ok_or(UnitError::Truncated)?;
    *bytes = rest;
    Ok(*first)
}

fn opcode(bytes: &mut &[u8]) -> Result<&'static Operator, UnitError> {
    let first = byte(bytes)?;
    let (opcode, value) = if PREFIXES.contains(&first) {
        let code = leb(bytes)?;
        (Opcode::Prefixed(first, code), code)
    } else {
        (Opcode::Byte(first), u32::from(first))
    };
    operator_of_opcode(opcode).ok_or(UnitError::Compact { what: "opcode", value })
}

fn leb(bytes: &mut &[u8]) -> Result<u32, UnitError> {
    let mut code = 0u64;
    for at in 0..LEB_BYTES_MAX {
        let byte = byte(bytes)?;
        code |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let value = u32::try_from(code).ok().filter(|_| at == 0 || byte != 0);
            return value.ok_or(UnitError::Compact { what: "opcode", value: u32::MAX });
        }
    }
    Err(UnitError::Compact { what: "opcode", value: u32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::operators;

    #[test]
    fn every_canonical_unit_survives_bytes() {
        for op in operators() {
            for unit in [Unit::closed(op), Unit::link(op), Unit::join(op)].into_iter().flatten() {
                let mut bytes = Vec::new();
                unit.to_bytes(&mut bytes);
                bytes.push(0xaa);
                let mut rest = &bytes[..];
                assert_eq!(Unit::from_bytes(&mut rest).unwrap(), unit);
                assert_eq!(rest, [0xaa], "the reader stops at the end of the unit");
                for length in 0..bytes.len() - 1 {
                    let cut = Unit::from_bytes(&mut &bytes[..length]);
                    assert_eq!(cut, Err(UnitError::Truncated), "{unit} cut to {length}");
                }
            }
        }
    }

    #[test]
    fn the_format_does_not_drift() {
        let unit: Unit =
            "f64.copysign(local, load); f64.add(prev, const) -> store".parse().unwrap();
        let mut bytes = Vec::new();
        unit.to_bytes(&mut bytes);
        assert_eq!(bytes, [0x31, 0xa6, 0x21, 0xa0, 0x04]);
        let unit: Unit = "i64x2.relaxed_laneselect(load, local, global) -> call".parse().unwrap();
        bytes.clear();
        unit.to_bytes(&mut bytes);
        assert_eq!(bytes, [0x40, 0xfd, 0x8c, 0x02, 0x12, 0x03]);
    }

    #[test]
    fn every_byte_string_reads_as_its_own_unit_or_not_at_all() {
        let mut state = 1u32;
        let mut read = 0;
        for _ in 0..200_000 {
            let mut bytes = [0u8; 8];
            for byte in &mut bytes {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = state.to_le_bytes()[3];
            }
            bytes[0] &= 0x71;
            let mut rest = &bytes[..];
            if let Ok(unit) = Unit::from_bytes(&mut rest) {
                let mut again = Vec::new();
                unit.to_bytes(&mut again);
                assert_eq!(again, bytes[..bytes.len() - rest.len()], "{unit}");
                read += 1;
            }
        }
        assert!(read > 100, "only {read} units among the byte strings");
    }
}
