//! Why an artifact could not be checked.

use thiserror::Error;

/// Why an artifact could not be checked; never a silent pass.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckError {
    /// It is no ELF file.
    #[error("read the artifact: it is no compiled module ({0})")]
    NoArtifact(String),
    /// It ends before its table of sections does.
    #[error(
        "read the artifact: it is cut short at offset {length:#x}, its table of sections lies at \
         offset {table:#x}"
    )]
    CutShort {
        /// Where it ends.
        length: usize,
        /// Where the table lies.
        table: u64,
    },
    /// It is for another machine.
    #[error("check the machine code: it is not for x86-64, but for ELF machine {0}")]
    NotX86(u16),
    /// A section is missing.
    #[error("check the machine code: the artifact has no section {0}, it may have been stripped")]
    NoSection(&'static str),
    /// A section is cut short.
    #[error(
        "check the machine code: section {section} at offset {offset:#x} of the artifact is cut \
         short"
    )]
    Truncated {
        /// Its name.
        section: &'static str,
        /// Where it should begin.
        offset: u64,
    },
    /// A section is not laid out as any known release does it.
    #[error(
        "check the machine code: section {section} has an unknown layout at its offset {offset:#x}; \
         the artifact may be of an unknown release"
    )]
    Layout {
        /// Its name.
        section: &'static str,
        /// Where that shows.
        offset: usize,
    },
    /// Offsets that should ascend do not.
    #[error("check the machine code: section {section} is not in order at code offset {offset:#x}")]
    Disorder {
        /// Its name.
        section: &'static str,
        /// The offset that comes too late.
        offset: u32,
    },
    /// An offset that is not in the code.
    #[error(
        "check the machine code: section {section} names code offset {offset:#x}, past its end"
    )]
    Outside {
        /// Its name.
        section: &'static str,
        /// The offset.
        offset: u32,
    },
    /// A symbol that does not lie in the code.
    #[error("check the machine code: the symbol of function {0} does not lie in the code")]
    Symbol(u32),
    /// Functions of the module have no symbols.
    #[error(
        "check the machine code: the module has {module} functions, the artifact has symbols for \
         {artifact}; it may have been stripped"
    )]
    Functions {
        /// Functions with a body in the module.
        module: usize,
        /// Functions with a symbol.
        artifact: usize,
    },
    /// Too much code.
    #[error("check the machine code: there are {0} bytes of it, and at most 1 GiB is looked at")]
    TooLarge(usize),
    /// Bytes that are no instruction.
    #[error("check the machine code: what is at code offset {0:#x} does not decode")]
    Decode(u32),
    /// A jump whose table does not lie in the code.
    #[error("check the machine code: the table of the jump at code offset {0:#x} makes no sense")]
    Table(u32),
    /// A trap that is not at the start of an instruction.
    #[error("check the machine code: no instruction begins at the trap at code offset {0:#x}")]
    TrapBetween(u32),
    /// A trap at an instruction that cannot be what traps.
    #[error(
        "check the machine code: the instruction at code offset {0:#x} should trap where memory is \
         out of bounds, and does not access any"
    )]
    NoAccess(u32),
    /// The module is not valid.
    #[error("check the machine code: the module is not valid: {0}")]
    Module(String),
}
