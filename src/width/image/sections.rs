//! The sections of an artifact that are about its code, in the layouts of all releases.

use super::NOWHERE;
use super::blocks::{Block, word};
use crate::width::{CheckError, to_usize};
use wasmtime_environ::obj::{ELF_WASMTIME_ADDRMAP, ELF_WASMTIME_TRAPS};

/// Trap code of an access to linear memory that is out of bounds, in all releases.
const MEMORY_OUT_OF_BOUNDS: u8 = 1;

/// Offsets of the traps for memory out of bounds, and of all others.
pub(super) fn traps(section: &[u8]) -> Result<(Vec<u32>, Vec<u32>), CheckError> {
    let error = |offset: usize| CheckError::Layout { section: ELF_WASMTIME_TRAPS, offset };
    if section.is_empty() {
        return Ok((Vec::new(), Vec::new()));
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
    let (ours, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|&(_, code)| code == MEMORY_OUT_OF_BOUNDS);
    let offsets = |traps: Vec<(u32, u8)>| traps.into_iter().map(|(at, _)| at).collect();
    Ok((offsets(ours), offsets(others)))
}

/// Length of a section before Wasmtime 48: a count, then so many offsets, then so many values.
fn old_layout(count: usize, each: usize) -> Option<usize> {
    count.checked_mul(each)?.checked_add(4)
}

/// The trap section since Wasmtime 48. `wasmtime_environ` reads it as well, but takes every code
/// that it does not know for a bug of its own.
fn trap_blocks(section: &[u8], count: usize) -> Result<Vec<(u32, u8)>, CheckError> {
    let error = |offset: usize| CheckError::Layout { section: ELF_WASMTIME_TRAPS, offset };
    let (mut all, mut end) = (Vec::with_capacity(count.min(section.len())), 8);
    for mut block in Block::all(section, count).map_err(error)? {
        let usual = block.byte().ok_or_else(|| error(block.index))?;
        for _ in 0..block.entries {
            let here = block.at;
            let mut entry = || {
                let code = if block.step()? { block.byte()? } else { usual };
                Some((block.offset, code))
            };
            all.push(entry().ok_or_else(|| error(here))?);
        }
        end = end.max(block.at);
    }
    if end == section.len() { Ok(all) } else { Err(error(end)) }
}

/// The positions of the module that code is for.
pub(super) fn positions(section: &[u8]) -> Result<Vec<(u32, u32)>, CheckError> {
    let error = |offset: usize| CheckError::Layout { section: ELF_WASMTIME_ADDRMAP, offset };
    if section.is_empty() {
        return Ok(Vec::new());
    }
    let count = to_usize(word(section, 0).ok_or_else(|| error(0))?);
    let all = match position_blocks(section, count) {
        Ok(all) => all,
        Err(_) if Some(section.len()) == old_layout(count, 8) => {
            let at = |index: usize| word(section, 4 + 4 * index).unwrap_or_default();
            (0..count).map(|index| (at(index), at(count + index))).collect()
        }
        Err(at) => return Err(error(at)),
    };
    ascending(&all, ELF_WASMTIME_ADDRMAP)?;
    Ok(all)
}

/// The address map since Wasmtime 48. `wasmtime_environ` reads it as well, and takes a fifth of the
/// time of a whole check for it; a test holds both against each other.
fn position_blocks(section: &[u8], count: usize) -> Result<Vec<(u32, u32)>, usize> {
    let mut all = Vec::with_capacity(count.min(section.len()));
    for mut block in Block::all(section, count)? {
        let mut last = None;
        for _ in 0..block.entries {
            let here = block.at;
            let mut entry = || {
                if block.step()? {
                    return Some((block.offset, NOWHERE));
                }
                let position = match last {
                    None => u32::try_from(block.leb()?.0).ok()?,
                    Some(last) => {
                        u32::checked_add_signed(last, i32::try_from(block.signed()?).ok()?)?
                    }
                };
                last = Some(position);
                Some((block.offset, position))
            };
            all.push(entry().ok_or(here)?);
        }
    }
    Ok(all)
}

fn ascending<T>(entries: &[(u32, T)], section: &'static str) -> Result<(), CheckError> {
    match entries.array_windows().find(|[one, next]| one.0 > next.0) {
        Some([_, next]) => Err(CheckError::Disorder { section, offset: next.0 }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::BLOCK;
    use super::*;
    use wasmtime_environ::iterate_address_map;

    /// An address map with entries of every form: far and near, ahead and back, for no operator.
    fn section(entries: usize) -> Vec<u8> {
        let token = |delta: u8, nowhere: bool| delta << 1 | u8::from(nowhere);
        let (mut index, mut bodies) = (Vec::new(), Vec::new());
        let mut first = 0_u32;
        for block in 0..entries.div_ceil(BLOCK) {
            index.extend(first.to_le_bytes());
            index.extend(u32::try_from(bodies.len()).unwrap().to_le_bytes());
            for entry in 0..BLOCK.min(entries - block * BLOCK) {
                // A block may begin with what is for no operator.
                let nowhere = entry % 5 == 4 || (entry == 0 && block % 2 == 1);
                let is_first = entry == usize::from(block % 2 == 1);
                bodies.push(token(3, nowhere));
                first += 3;
                match entry {
                    _ if nowhere => {}
                    _ if is_first => bodies.extend([0xff, 0xff, 0x03]),
                    _ if entry % 7 == 1 => bodies.extend([0x80, 0x7e]),
                    _ if entry % 2 == 0 => bodies.push(0x7f),
                    _ => bodies.push(0x3f),
                }
            }
        }
        let count = u32::try_from(entries).unwrap();
        let blocks = u32::try_from(entries.div_ceil(BLOCK)).unwrap();
        [&count.to_le_bytes()[..], &blocks.to_le_bytes(), &index, &bodies].concat()
    }

    #[test]
    fn positions_are_those_that_wasmtime_reads() {
        for entries in [1, 5, BLOCK - 1, BLOCK, BLOCK + 1, 1_000] {
            let section = section(entries);
            let theirs = iterate_address_map(&section).unwrap();
            let theirs: Vec<(u32, u32)> = theirs
                .map(|(offset, position)| (offset, position.file_offset().unwrap_or(NOWHERE)))
                .collect();
            assert_eq!(theirs.len(), entries);
            assert_eq!(positions(&section).unwrap(), theirs);
        }
    }

    #[test]
    fn what_is_cut_short_is_told_with_its_place() {
        let section = section(300);
        for length in [1, 6, 12, 40, section.len() - 1] {
            let Err(CheckError::Layout { offset, .. }) = positions(&section[..length]) else {
                panic!("{length} bytes are read");
            };
            assert!(offset <= length, "{offset} of {length}");
        }
    }
}
