//! What is read off the artifact of a compilation for x86-64: code, functions, traps, positions.
//!
//! An artifact is an ELF file. Everything in it is checked before it is believed, since what is
//! misread would pass in silence.

mod blocks;
mod sections;

use self::sections::{positions, traps};
use super::CheckError;
use object::elf::{ELFMAG, EM_X86_64, FileHeader64};
use object::read::elf::{ElfFile64, FileHeader};
use object::{LittleEndian, Object, ObjectSection, ObjectSymbol, SymbolKind};
use wasmtime_environ::obj::{ELF_WASMTIME_ADDRMAP, ELF_WASMTIME_TRAPS};

/// More code than this is not looked at, in bytes.
const CODE_BYTES_MAX: usize = 1 << 30;

/// Position of code that is for no operator.
const NOWHERE: u32 = u32::MAX;

/// A compiled module.
pub(super) struct Image<'a> {
    /// The machine code.
    pub(super) text: &'a [u8],
    /// The functions that were compiled from Wasm, by their place in the code.
    pub(super) functions: Vec<Function>,
    /// Offsets of the instructions that trap where memory is out of bounds, ascending.
    pub(super) traps: Vec<u32>,
    /// Offsets of the other instructions that may trap, ascending.
    other_traps: Vec<u32>,
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
        if let Some(table) = table_past_the_end(artifact) {
            return Err(CheckError::CutShort { length: artifact.len(), table });
        }
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
        let (traps, other_traps) = traps(section(ELF_WASMTIME_TRAPS)?)?;
        let positions = positions(section(ELF_WASMTIME_ADDRMAP)?)?;
        let functions = functions(&elf, text.len())?;
        let past = |offset: u32| usize::try_from(offset).is_ok_and(|offset| offset >= text.len());
        if let Some(&offset) = traps.iter().find(|&&offset| past(offset)) {
            return Err(CheckError::Outside { section: ELF_WASMTIME_TRAPS, offset });
        }
        Ok(Image { text, functions, traps, other_traps, positions })
    }

    /// Where a function's traps are, among all.
    pub(super) fn traps_of(&self, function: Function) -> &[u32] {
        let from = self.traps.partition_point(|&offset| offset < function.start);
        let to = self.traps.partition_point(|&offset| offset < function.end);
        &self.traps[from..to]
    }

    /// Whether the instruction at `offset` says that it may trap for another reason than that memory is out
    /// of bounds, as one does that reads the heap of a garbage collector.
    pub(super) fn traps_otherwise(&self, offset: u32) -> bool {
        self.other_traps.binary_search(&offset).is_ok()
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

/// Where the table of sections of an ELF file lies that does not hold all of it. It is written last, so a
/// file that is cut short has lost it.
fn table_past_the_end(artifact: &[u8]) -> Option<u64> {
    let (header, _) = object::from_bytes::<FileHeader64<LittleEndian>>(artifact).ok()?;
    if header.e_ident.magic != ELFMAG {
        return None;
    }
    let table = header.e_shoff.get(LittleEndian);
    let entries = u64::from(header.e_shnum.get(LittleEndian));
    let bytes = entries * u64::from(header.e_shentsize.get(LittleEndian));
    (table.saturating_add(bytes) > artifact.len() as u64).then_some(table)
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
