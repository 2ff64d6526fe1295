//! What is read off the artifact of a compilation for x86-64: code, functions, traps, positions.
//!
//! An artifact is an ELF file. Everything in it is checked before it is believed, since what is
//! misread would pass in silence.

use super::{CheckError, to_usize};
use object::elf::EM_X86_64;
use object::read::elf::{ElfFile64, FileHeader};
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol, SymbolKind};
use wasmtime_environ::iterate_address_map;
use wasmtime_environ::obj::{ELF_WASMTIME_ADDRMAP, ELF_WASMTIME_TRAPS};

/// More code than this is not looked at, in bytes.
const CODE_BYTES_MAX: usize = 1 << 30;

/// Trap code of an access to linear memory that is out of bounds, in all releases.
const MEMORY_OUT_OF_BOUNDS: u8 = 1;

/// Position of code that is for no operator.
const NOWHERE: u32 = u32::MAX;

/// Entries of a block of the trap section and the address map, since Wasmtime 48.
const BLOCK: usize = 128;

/// A compiled module.
pub(super) struct Image<'a> {
    /// The machine code.
    pub(super) text: &'a [u8],
    /// The functions that were compiled from Wasm, by their place in the code.
    pub(super) functions: Vec<Function>,
    /// Offsets of the instructions that trap where memory is out of bounds, ascending.
    pub(super) traps: Vec<u32>,
    /// From an offset on, the code is for the operator at that position of the module, or for
    /// [`NOWHERE`].
    positions: Vec<(u32, u32)>,
}

/// The code of one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// Its index in the module, imports counted.
    pub(super) index: u32,
    /// Offset of its first byte.
    pub(super) start: u32,
    /// Offset past its last byte.
    pub(super) end: u32,
}

impl<'a> Image<'a> {
    /// Reads an artifact.
    pub(super) fn read(artifact: &'a [u8]) -> Result<Image<'a>, CheckError> {
        let elf = ElfFile64::<LittleEndian>::parse(artifact)
            .map_err(|error| CheckError::NoArtifact(error.to_string()))?;
        let machine = elf.elf_header().e_machine(LittleEndian);
        if machine != EM_X86_64 {
            return Err(CheckError::NotX86(machine));
        }
        let section = |name: &'static str| -> Result<&'a [u8], CheckError> {
            let section = elf.section_by_name(name).ok_or(CheckError::NoSection(name))?;
            let (from, _) = section.file_range().unwrap_or_default();
            section.data().map_err(|_| CheckError::Truncated { section: name, offset: from })
        };
        let text = section(".text")?;
        if text.len() > CODE_BYTES_MAX {
            return Err(CheckError::TooLarge(text.len()));
        }
        let traps = traps(section(ELF_WASMTIME_TRAPS)?)?;
        let positions = positions(section(ELF_WASMTIME_ADDRMAP)?)?;
        let functions = functions(&elf, text.len())?;
        let past = |offset: u32| usize::try_from(offset).is_ok_and(|offset| offset >= text.len());
        if let Some(&offset) = traps.iter().find(|&&offset| past(offset)) {
            return Err(CheckError::Outside { section: ELF_WASMTIME_TRAPS, offset });
        }
        Ok(Image { text, functions, traps, positions })
    }

    /// Where a function's traps are, among all.
    pub(super) fn traps_of(&self, function: Function) -> &[u32] {
        let from = self.traps.partition_point(|&offset| offset < function.start);
        let to = self.traps.partition_point(|&offset| offset < function.end);
        &self.traps[from..to]
    }

    /// Whether some of the code from `offset` to `end` is for an operator.
    pub(super) fn is_for_an_operator(&self, offset: u32, end: u32) -> bool {
        let after = self.positions.partition_point(|&(from, _)| from <= offset);
        let stretches = self.positions[after.saturating_sub(1)..].iter();
        stretches.take_while(|(from, _)| *from < end).any(|(_, position)| *position != NOWHERE)
    }

    /// The positions of code from `offset` on.
    pub(super) fn positions_from(&self, offset: u32) -> Positions<'_> {
        let after = self.positions.partition_point(|&(from, _)| from <= offset);
        Positions { entries: &self.positions, next: after }
    }
}

/// Walks along the positions of code.
pub(super) struct Positions<'a> {
    entries: &'a [(u32, u32)],
    /// The entry after that of the last offset asked for.
    next: usize,
}

impl Positions<'_> {
    /// The position of the operator that the code at `offset` is for; offsets only grow.
    pub(super) fn at(&mut self, offset: u32) -> Option<u32> {
        while self.entries.get(self.next).is_some_and(|&(from, _)| from <= offset) {
            self.next += 1;
        }
        let (_, position) = *self.entries.get(self.next.checked_sub(1)?)?;
        (position != NOWHERE).then_some(position)
    }
}

/// The functions compiled from Wasm: symbols such as `wasm[0]::function[7]::name`.
fn functions(
    elf: &ElfFile64<'_, LittleEndian>,
    code_bytes: usize,
) -> Result<Vec<Function>, CheckError> {
    let mut functions = Vec::new();
    for symbol in elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let Some(index) = symbol.name().ok().and_then(function_index) else { continue };
        let (start, size) = (symbol.address(), symbol.size());
        let end = start.saturating_add(size);
        let (Ok(start), Ok(past)) = (u32::try_from(start), u32::try_from(end)) else {
            return Err(CheckError::Symbol(index));
        };
        if usize::try_from(end).is_ok_and(|end| end > code_bytes) || size == 0 {
            return Err(CheckError::Symbol(index));
        }
        functions.push(Function { index, start, end: past });
    }
    functions.sort_by_key(|function| function.start);
    Ok(functions)
}

/// The index in `wasm[0]::function[7]::name`.
fn function_index(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("wasm[0]::function[")?;
    rest.split(']').next()?.parse().ok()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.first_chunk().map(|word| u32::from_le_bytes(*word))
}

/// Offsets of the traps for memory out of bounds.
fn traps(section: &[u8]) -> Result<Vec<u32>, CheckError> {
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
fn positions(section: &[u8]) -> Result<Vec<(u32, u32)>, CheckError> {
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
