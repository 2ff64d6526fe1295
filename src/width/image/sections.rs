//! The sections of an artifact that are about its code, in the layouts of all releases.

use super::NOWHERE;
use crate::width::{CheckError, to_usize};
use wasmtime_environ::iterate_address_map;
use wasmtime_environ::obj::{ELF_WASMTIME_ADDRMAP, ELF_WASMTIME_TRAPS};

/// Trap code of an access to linear memory that is out of bounds, in all releases.
const MEMORY_OUT_OF_BOUNDS: u8 = 1;

/// Entries of a block of the trap section and the address map, since Wasmtime 48.
const BLOCK: usize = 128;

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// Offsets of the traps for memory out of bounds.
pub(super) fn traps(section: &[u8]) -> Result<Vec<u32>, CheckError> {
    let error = |offset: usize| CheckError::Layout { section: ELF_WASMTIME_TRAPS, offset };
    if section.is_empty() {
        return Ok(Vec::new());
    }
    let count = to_usize(word(section, 0).ok_or_else(|| error(0))?);
    // A section may be as long as the older layout would be, and yet have the newer one.
    let all = match trap_blocks(section, count) {
        Ok(all) => all,
        Err(_) if Some(section.len()) == old_layout(count, 5) => {
            let codes = &section[4 + 4 * count..];
            let offset = |at| word(section, 4 + 4 * at).unwrap_or_default();
            codes.iter().enumerate().map(|(at, &code)| (offset(at), code)).collect()
        }
        Err(error) => return Err(error),
    };
    ascending(&all, ELF_WASMTIME_TRAPS)?;
    Ok(all
        .into_iter()
        .filter(|&(_, code)| code == MEMORY_OUT_OF_BOUNDS)
        .map(|(at, _)| at)
        .collect())
}

/// Length of a section before Wasmtime 48: a count, then so many offsets, then so many values.
fn old_layout(count: usize, each: usize) -> Option<usize> {
    count.checked_mul(each)?.checked_add(4)
}

/// The trap section since Wasmtime 48. `wasmtime_environ` reads it as well, but takes every code
/// that it does not know for a bug of its own.
fn trap_blocks(section: &[u8], count: usize) -> Result<Vec<(u32, u8)>, CheckError> {
    let error = |offset: usize| CheckError::Layout { section: ELF_WASMTIME_TRAPS, offset };
    let blocks = to_usize(word(section, 4).ok_or_else(|| error(4))?);
    if blocks != count.div_ceil(BLOCK) {
        return Err(error(4));
    }
    let bodies = blocks.checked_mul(8).and_then(|index| index.checked_add(8));
    let bodies = bodies.filter(|&at| at <= section.len()).ok_or_else(|| error(8))?;
    let (mut all, mut end) = (Vec::new(), bodies);
    for block in 0..blocks {
        let index = 8 + 8 * block;
        let (first, place) = (word(section, index), word(section, index + 4));
        let (Some(mut offset), Some(place)) = (first, place) else { return Err(error(index)) };
        let mut at = bodies.saturating_add(to_usize(place));
        let usual = next_byte(section, &mut at).ok_or_else(|| error(index))?;
        for _ in 0..BLOCK.min(count - all.len()) {
            let here = at;
            let entry = (|| {
                let token = next_leb(section, &mut at)?;
                offset = offset.checked_add(u32::try_from(token >> 1).ok()?)?;
                let code = if token & 1 == 1 { next_byte(section, &mut at)? } else { usual };
                Some((offset, code))
            })();
            all.push(entry.ok_or_else(|| error(here))?);
        }
        end = end.max(at);
    }
    if end == section.len() { Ok(all) } else { Err(error(end)) }
}

fn next_byte(bytes: &[u8], at: &mut usize) -> Option<u8> {
    let byte = bytes.get(*at).copied()?;
    *at += 1;
    Some(byte)
}

fn next_leb(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = next_byte(bytes, at)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The positions of the module that code is for.
pub(super) fn positions(section: &[u8]) -> Result<Vec<(u32, u32)>, CheckError> {
    let error = |offset: usize| CheckError::Layout { section: ELF_WASMTIME_ADDRMAP, offset };
    if section.is_empty() {
        return Ok(Vec::new());
    }
    let count = to_usize(word(section, 0).ok_or_else(|| error(0))?);
    let newer = position_blocks(section, count);
    let all = match newer {
        Some(all) => all,
        None if Some(section.len()) == old_layout(count, 8) => {
            let at = |index: usize| word(section, 4 + 4 * index).unwrap_or_default();
            (0..count).map(|index| (at(index), at(count + index))).collect()
        }
        None => return Err(error(4)),
    };
    ascending(&all, ELF_WASMTIME_ADDRMAP)?;
    Ok(all)
}

/// The address map since Wasmtime 48.
fn position_blocks(section: &[u8], count: usize) -> Option<Vec<(u32, u32)>> {
    // No entry is shorter than a byte.
    if word(section, 4).map(to_usize) != Some(count.div_ceil(BLOCK)) || count > section.len() {
        return None;
    }
    let mut all = Vec::with_capacity(count);
    // Faster than to extend, since it is the iterator that loops.
    iterate_address_map(section)?.for_each(|(offset, position)| {
        all.push((offset, position.file_offset().unwrap_or(NOWHERE)));
    });
    (all.len() == count).then_some(all)
}

fn ascending<T>(entries: &[(u32, T)], section: &'static str) -> Result<(), CheckError> {
    match entries.array_windows().find(|[one, next]| one.0 > next.0) {
        Some([_, next]) => Err(CheckError::Disorder { section, offset: next.0 }),
        None => Ok(()),
    }
}
