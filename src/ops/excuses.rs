//! The operators of `wasmparser` that have no row, and why.
//!
//! What Wasmtime 48 does with an operator was read in its `code_translator.rs` and in the features
//! that its `Config` can turn on.

use crate::ops::table::Excuse;

const PART_OF_IF: &str =
    "part of the rows of `if` and of every block, never an operator of its own";
const LEGACY_EXCEPTIONS: &str = "the first form of exception handling: replaced by `try_table`; \
    no backend of Wasmtime 48 supports it";
const SHARED_EVERYTHING: &str = "the shared-everything-threads proposal: Wasmtime 48 refuses its \
    operators as not yet implemented";
const CUSTOM_DESCRIPTORS: &str =
    "the custom-descriptors proposal: Wasmtime 48 has no switch for it";

const fn excuse(ident: &'static str, reason: &'static str) -> Excuse {
    Excuse { ident, reason }
}

/// Every operator of `wasmparser` without a row.
pub const EXCUSES: &[Excuse] = &[
    excuse("Else", PART_OF_IF),
    excuse("End", PART_OF_IF),
    excuse("TypedSelectMulti", "`select` with several types is invalid by the specification"),
    excuse("MemoryDiscard", "the memory-control proposal: Wasmtime 48 refuses it as not supported"),
    excuse("StructNewDesc", CUSTOM_DESCRIPTORS),
    excuse("StructNewDefaultDesc", CUSTOM_DESCRIPTORS),
    excuse("RefGetDesc", CUSTOM_DESCRIPTORS),
    excuse("RefCastDescEqNonNull", CUSTOM_DESCRIPTORS),
    excuse("RefCastDescEqNullable", CUSTOM_DESCRIPTORS),
    excuse("BrOnCastDescEq", CUSTOM_DESCRIPTORS),
    excuse("BrOnCastDescEqFail", CUSTOM_DESCRIPTORS),
    excuse("Try", LEGACY_EXCEPTIONS),
    excuse("Catch", LEGACY_EXCEPTIONS),
    excuse("Rethrow", LEGACY_EXCEPTIONS),
    excuse("Delegate", LEGACY_EXCEPTIONS),
    excuse("CatchAll", LEGACY_EXCEPTIONS),
    excuse("GlobalAtomicGet", SHARED_EVERYTHING),
    excuse("GlobalAtomicSet", SHARED_EVERYTHING),
    excuse("GlobalAtomicRmwAdd", SHARED_EVERYTHING),
    excuse("GlobalAtomicRmwSub", SHARED_EVERYTHING),
    excuse("GlobalAtomicRmwAnd", SHARED_EVERYTHING),
    excuse("GlobalAtomicRmwOr", SHARED_EVERYTHING),
    excuse("GlobalAtomicRmwXor", SHARED_EVERYTHING),
    excuse("GlobalAtomicRmwXchg", SHARED_EVERYTHING),
    excuse("GlobalAtomicRmwCmpxchg", SHARED_EVERYTHING),
    excuse("TableAtomicGet", SHARED_EVERYTHING),
    excuse("TableAtomicSet", SHARED_EVERYTHING),
    excuse("TableAtomicRmwXchg", SHARED_EVERYTHING),
    excuse("TableAtomicRmwCmpxchg", SHARED_EVERYTHING),
    excuse("StructAtomicGet", SHARED_EVERYTHING),
    excuse("StructAtomicGetS", SHARED_EVERYTHING),
    excuse("StructAtomicGetU", SHARED_EVERYTHING),
    excuse("StructAtomicSet", SHARED_EVERYTHING),
    excuse("StructAtomicRmwAdd", SHARED_EVERYTHING),
    excuse("StructAtomicRmwSub", SHARED_EVERYTHING),
    excuse("StructAtomicRmwAnd", SHARED_EVERYTHING),
    excuse("StructAtomicRmwOr", SHARED_EVERYTHING),
    excuse("StructAtomicRmwXor", SHARED_EVERYTHING),
    excuse("StructAtomicRmwXchg", SHARED_EVERYTHING),
    excuse("StructAtomicRmwCmpxchg", SHARED_EVERYTHING),
    excuse("ArrayAtomicGet", SHARED_EVERYTHING),
    excuse("ArrayAtomicGetS", SHARED_EVERYTHING),
    excuse("ArrayAtomicGetU", SHARED_EVERYTHING),
    excuse("ArrayAtomicSet", SHARED_EVERYTHING),
    excuse("ArrayAtomicRmwAdd", SHARED_EVERYTHING),
    excuse("ArrayAtomicRmwSub", SHARED_EVERYTHING),
    excuse("ArrayAtomicRmwAnd", SHARED_EVERYTHING),
    excuse("ArrayAtomicRmwOr", SHARED_EVERYTHING),
    excuse("ArrayAtomicRmwXor", SHARED_EVERYTHING),
    excuse("ArrayAtomicRmwXchg", SHARED_EVERYTHING),
    excuse("ArrayAtomicRmwCmpxchg", SHARED_EVERYTHING),
    excuse("RefI31Shared", SHARED_EVERYTHING),
];
