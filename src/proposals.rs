//! The proposals that a module may need and an engine may lack.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The WebAssembly proposals that modules draw on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proposal {
    /// WebAssembly 1.0.
    Mvp,
    /// Sign-extension operators.
    SignExtension,
    /// Non-trapping float-to-integer conversions.
    SaturatingFloatToInt,
    /// Blocks with parameters and several results.
    MultiValue,
    /// Bulk memory and table operators.
    BulkMemory,
    /// Reference types.
    ReferenceTypes,
    /// References other than to functions, which an engine needs a collector for: `externref`
    /// belongs to the reference types, but an engine without a collector cannot have it.
    GcTypes,
    /// Tail calls.
    TailCall,
    /// Threads: the atomic operators.
    Threads,
    /// Fixed-width SIMD.
    Simd,
    /// Relaxed SIMD.
    RelaxedSimd,
    /// Exception handling, the form with `exnref`.
    Exceptions,
    /// Garbage collection.
    Gc,
    /// Typed function references.
    FunctionReferences,
    /// 64-bit memories.
    Memory64,
    /// 128-bit addition, subtraction and multiplication.
    WideArithmetic,
    /// Stack switching: typed continuations.
    StackSwitching,
    /// More than one memory.
    MultiMemory,
    /// Arithmetic in constant expressions.
    ExtendedConst,
    /// Memories with pages of one byte.
    CustomPageSizes,
}

impl Proposal {
    /// All proposals, in declaration order.
    pub const ALL: &[Proposal] = &[
        Proposal::Mvp,
        Proposal::SignExtension,
        Proposal::SaturatingFloatToInt,
        Proposal::MultiValue,
        Proposal::BulkMemory,
        Proposal::ReferenceTypes,
        Proposal::GcTypes,
        Proposal::TailCall,
        Proposal::Threads,
        Proposal::Simd,
        Proposal::RelaxedSimd,
        Proposal::Exceptions,
        Proposal::Gc,
        Proposal::FunctionReferences,
        Proposal::Memory64,
        Proposal::WideArithmetic,
        Proposal::StackSwitching,
        Proposal::MultiMemory,
        Proposal::ExtendedConst,
        Proposal::CustomPageSizes,
    ];

    /// The proposals whose parts it uses.
    pub fn builds_on(self) -> &'static [Proposal] {
        match self {
            Proposal::Mvp
            | Proposal::SignExtension
            | Proposal::SaturatingFloatToInt
            | Proposal::MultiValue
            | Proposal::BulkMemory
            | Proposal::TailCall
            | Proposal::Threads
            | Proposal::Simd
            | Proposal::Memory64
            | Proposal::WideArithmetic
            | Proposal::MultiMemory
            | Proposal::ExtendedConst
            | Proposal::CustomPageSizes => &[],
            Proposal::RelaxedSimd => &[Proposal::Simd],
            // Declared segments are of both.
            Proposal::ReferenceTypes => &[Proposal::BulkMemory],
            Proposal::GcTypes | Proposal::FunctionReferences | Proposal::Exceptions => {
                &[Proposal::BulkMemory, Proposal::ReferenceTypes]
            }
            Proposal::Gc => &[Proposal::BulkMemory, Proposal::ReferenceTypes, Proposal::GcTypes],
            Proposal::StackSwitching => &[
                Proposal::BulkMemory,
                Proposal::ReferenceTypes,
                Proposal::GcTypes,
                Proposal::FunctionReferences,
                Proposal::Exceptions,
            ],
        }
    }

    /// The name in kebab case.
    pub fn name(self) -> &'static str {
        match self {
            Proposal::Mvp => "mvp",
            Proposal::SignExtension => "sign-extension",
            Proposal::SaturatingFloatToInt => "saturating-float-to-int",
            Proposal::MultiValue => "multi-value",
            Proposal::BulkMemory => "bulk-memory",
            Proposal::ReferenceTypes => "reference-types",
            Proposal::GcTypes => "gc-types",
            Proposal::TailCall => "tail-call",
            Proposal::Threads => "threads",
            Proposal::Simd => "simd",
            Proposal::RelaxedSimd => "relaxed-simd",
            Proposal::Exceptions => "exceptions",
            Proposal::Gc => "gc",
            Proposal::FunctionReferences => "function-references",
            Proposal::Memory64 => "memory64",
            Proposal::WideArithmetic => "wide-arithmetic",
            Proposal::StackSwitching => "stack-switching",
            Proposal::MultiMemory => "multi-memory",
            Proposal::ExtendedConst => "extended-const",
            Proposal::CustomPageSizes => "custom-page-sizes",
        }
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
