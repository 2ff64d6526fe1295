//! Module shapes: declare N of something, and touch each of them.
//!
//! The second most frequent form of published bug, after "a small thing, N times", is "declare N
//! things and touch each of them in one function". So each kind of entity comes three times: only
//! declared, each used in one function, and each used in a function of its own. One file holds one
//! entity or a few near ones; this one holds what they share.
//!
//! One function is cut at the limit of a body: it uses as many of the entities as fit. Encoded
//! bytes that do not repeat are cut at [`LITERAL_BYTES_MAX`], so that the product of two large
//! parameters stays in memory. Both cut the use of an entity or its number; neither makes a valid
//! module invalid.

pub(crate) mod arrays;
pub(crate) mod code;
pub(crate) mod const_exprs;
pub(crate) mod customs;
pub(crate) mod data_image;
pub(crate) mod exports;
pub(crate) mod functions;
pub(crate) mod globals;
pub(crate) mod imports;
pub(crate) mod memories;
pub(crate) mod memory_ends;
pub(crate) mod names;
pub(crate) mod rec_groups;
pub(crate) mod segments;
pub(crate) mod start;
pub(crate) mod struct_heap;
pub(crate) mod structs;
pub(crate) mod subtypes;
pub(crate) mod table_ends;
pub(crate) mod table_entries;
pub(crate) mod tables;
pub(crate) mod tags;
#[cfg(test)]
mod tests;
pub(crate) mod types;

use super::parts::{index, param};
use super::{Module, ModuleBuilder, Param, Rope};
use crate::limits;
use wasm_encoder::{ConstExpr, Encode, InstructionSink, ValType};

/// Encoded bytes that do not repeat, at most, in one module: they are held in memory.
pub(crate) const LITERAL_BYTES_MAX: u64 = 64 << 20;

/// Bytes of a module that repeat, at most: past the limit of 1 GiB, far below the 4 GiB that the
/// length of a section can say.
pub(crate) const MODULE_BYTES_MAX: u64 = 5 << 28;

/// One past the greatest number of anything that is limited to a million.
pub(crate) const MILLION: u64 = 1_000_001;

/// Own functions, at most, where an entity is not limited to a million itself: the limit on
/// functions is for other shapes to press on.
pub(crate) const OWN_FUNCTIONS_MAX: u64 = 500_000;

/// Different items in a row before they repeat as copied bytes.
pub(crate) const VARIETY: u64 = 64;

/// How a module uses what it declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Not at all.
    Declared,
    /// Each in one function, as many as its body holds.
    OneFunction,
    /// Each in a function of its own.
    OwnFunctions,
}

impl Use {
    /// What stands for this use in a list in the order of the variants.
    pub(crate) fn pick<T>(self, [declared, one, own]: [T; 3]) -> T {
        match self {
            Use::Declared => declared,
            Use::OneFunction => one,
            Use::OwnFunctions => own,
        }
    }

    /// Whether anything is used at all.
    pub(crate) fn is_used(self) -> bool {
        self != Use::Declared
    }

    /// The module of `builder`, in which the code of `write(code, k)` uses the k-th of `count`
    /// entities; it leaves the operand stack as it finds it.
    pub(crate) fn finish(
        self,
        mut builder: ModuleBuilder,
        count: u64,
        mut write: impl FnMut(&mut InstructionSink<'_>, u32),
    ) -> Module {
        let entry = match self {
            Use::Declared => None,
            Use::OneFunction => {
                let ty = builder.func_type(&[], &[]);
                Some(builder.function(ty, 0, &[], as_many_as_fit(count, write)))
            }
            Use::OwnFunctions => {
                let ty = builder.func_type(&[], &[]);
                builder.function_each(ty, count, |k, out| {
                    write(&mut InstructionSink::new(out), index(k));
                });
                (count > 0).then(|| builder.next_function() - 1)
            }
        };
        if let Some(entry) = entry {
            enter(&mut builder, entry);
        }
        builder.finish()
    }

    /// As [`Use::finish`], for uses that push one `i32`: it is added to a global, and so can be
    /// observed.
    pub(crate) fn finish_sum(
        self,
        mut builder: ModuleBuilder,
        count: u64,
        mut write: impl FnMut(&mut InstructionSink<'_>, u32),
    ) -> Module {
        let sum = if self.is_used() { sum(&mut builder) } else { 0 };
        self.finish(builder, count, |code, k| {
            code.global_get(sum);
            write(code, k);
            code.i32_add().global_set(sum);
        })
    }
}

/// Adds the global that results are added to.
pub(crate) fn sum(builder: &mut ModuleBuilder) -> u32 {
    index(builder.global(ValType::I32, &ConstExpr::i32_const(0)))
}

/// Makes the function `entry`, without parameters and results, one that runs: by an export, or as
/// the start function where exports and imports press on a limit that the export would count for.
pub(crate) fn enter(builder: &mut ModuleBuilder, entry: u64) {
    if builder.usage.get("type-size") > 0 {
        builder.start = Some(entry);
    } else {
        builder.export_function(b"run", entry, 0);
    }
}

/// The uses of the first entities, as many as a body of greatest size holds.
fn as_many_as_fit(count: u64, mut write: impl FnMut(&mut InstructionSink<'_>, u32)) -> Rope {
    /// The count of local declarations, and `end`.
    const OVERHEAD_BYTES: u64 = 2;
    let limit = limits::limit("function-body-bytes").expect("the table has this limit");
    let max = limit.target() - OVERHEAD_BYTES;
    let mut out = Vec::new();
    for k in 0..index(count) {
        let before = out.len();
        write(&mut InstructionSink::new(&mut out), k);
        if out.len() as u64 > max {
            out.truncate(before);
            break;
        }
    }
    Rope::from(out)
}

/// As many of `count` things of `bytes` bytes each as `max` bytes hold, but one at least.
pub(crate) fn fit(count: u64, bytes: u64, max: u64) -> u64 {
    count.min((max / bytes.max(1)).max(1))
}

/// Appends a name of `bytes` bytes (or as few more as it takes) that no other `k` has.
pub(crate) fn name(k: u64, bytes: u64, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let start = out.len();
    let mut rest = k;
    loop {
        out.push(DIGITS[usize::try_from(rest % 64).expect("below 64")]);
        rest /= 64;
        if rest == 0 {
            break;
        }
    }
    let bytes = usize::try_from(bytes).expect("names are bounded");
    if out.len() - start < bytes {
        out.resize(start + bytes, b'.');
    }
}

/// Bytes of the longest name of at least `bytes` bytes that [`name`] makes for a million entities,
/// and of its length.
pub(crate) fn name_bytes(bytes: u64) -> u64 {
    bytes.max(4) + 3
}

/// A number type for each value of `digit`; four in a row.
pub(crate) fn number(digit: u64) -> ValType {
    match digit & 3 {
        0 => ValType::I32,
        1 => ValType::I64,
        2 => ValType::F32,
        _ => ValType::F64,
    }
}

/// Number types that tell each `k` below a million from all others, as digits to the base four.
pub(crate) fn digits(k: u64) -> impl Iterator<Item = ValType> {
    (0..DIGITS).map(move |place| number(k >> (2 * place)))
}

/// How many digits there are: 4^10 is the first power past a million.
pub(crate) const DIGITS: u64 = 10;
const _: () = assert!(1 << (2 * DIGITS) > MILLION);

/// Appends a field of a struct, or the element of an array.
pub(crate) fn field(ty: ValType, mutable: bool, out: &mut Vec<u8>) {
    ty.encode(out);
    out.push(u8::from(mutable));
}

/// Pushes `count` constants from `first` on.
pub(crate) fn push_ints(code: &mut InstructionSink<'_>, first: u32, count: u64) {
    for i in 0..index(count) {
        code.i32_const(small(first + i));
    }
}

/// A constant of one byte for `k`: neighbours differ.
pub(crate) fn small(k: u32) -> i32 {
    i32::try_from(k % 64).expect("below 64")
}

/// Drops `count` values.
pub(crate) fn drops(code: &mut InstructionSink<'_>, count: u64) {
    (0..count).for_each(|_| {
        code.drop();
    });
}

/// The parameter for how many entities there are.
pub(crate) const fn count(summary: &'static str, max: u64, default: u64) -> Param {
    param("count", summary, 0, max, default)
}

/// The parameter for how long names are.
pub(crate) const NAME_BYTES: Param =
    param("name-bytes", "bytes of each name, or as few more as make it unique", 0, 100_001, 0);
