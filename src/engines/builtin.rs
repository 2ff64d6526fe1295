//! The built-in engine: Wasmtime 48.0.8 with every backend, linked into the worker.
//!
//! What a backend lacks is stated here from Wasmtime's own list (its `Config` refuses these
//! combinations before compiling) and from its stability tables; a refusal of anything not listed
//! is a finding. The worker turns off what a backend lacks, as an embedder must: riscv64 without
//! vectors panics on SIMD otherwise, which is known (wasmtime issue 13959).

use super::Knob;
use crate::proposals::Proposal;

/// Name and version of the built-in engine.
pub const ENGINE: &str = "wasmtime 48.0.8";

/// Its version.
pub const VERSION: &str = "48.0.8";

/// Which compiler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The optimising compiler.
    Cranelift,
    /// The single-pass compiler.
    Winch,
    /// A compiler of a web engine.
    Web,
}

/// One compilation target.
#[derive(Debug)]
pub struct Target {
    /// Name on the command line and in reports; append-only.
    pub id: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Target triple.
    pub triple: &'static str,
    /// Compiler.
    pub strategy: Strategy,
    /// CPU features to turn on beyond the target's baseline, in Cranelift's spelling.
    pub cpu: &'static [&'static str],
    /// Proposals that the backend does not implement.
    pub lacks: &'static [Proposal],
    /// Names of the knobs that it does not take: they mean nothing to it or make it fail.
    pub lacks_knobs: &'static [&'static str],
}

impl Target {
    /// Whether its machine code is for x86-64.
    pub fn is_x86_64(&self) -> bool {
        self.triple.starts_with("x86_64")
    }

    /// Whether the target takes the knob.
    pub fn takes(&self, knob: &Knob) -> bool {
        !self.lacks_knobs.contains(&knob.name)
    }
}

const PULLEY_LACKS: &[Proposal] = &[Proposal::Threads, Proposal::StackSwitching];

/// Cranelift has DWARF numbers for the registers of every target but Pulley's; there debug
/// information ends in "register mapping is currently only implemented for x86_64".
const PULLEY_LACKS_KNOBS: &[&str] = &["debug-info", "cpu"];

/// CPU features are described for x86-64.
const NO_FEATURES: &[&str] = &["cpu"];

/// Winch refuses debug information; the other knobs are Cranelift's.
const WINCH_LACKS_KNOBS: &[&str] = &[
    "opt",
    "regalloc",
    "debug-info",
    "guest-debug",
    "collector",
    "signals",
    "verifier",
    "regalloc-checker",
];

/// The same without the knobs of x86-64.
const WINCH_ARM_LACKS_KNOBS: &[&str] = &[
    "cpu",
    "opt",
    "regalloc",
    "debug-info",
    "guest-debug",
    "collector",
    "signals",
    "verifier",
    "regalloc-checker",
];

/// Every target of the built-in engine.
pub const TARGETS: &[Target] = &[
    Target {
        id: "x86_64",
        title: "Cranelift x86-64",
        triple: "x86_64-unknown-linux-gnu",
        strategy: Strategy::Cranelift,
        // What SIMD needs to be compiled well; the width check turns features on one by one.
        cpu: &["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"],
        lacks: &[],
        lacks_knobs: &[],
    },
    Target {
        id: "aarch64",
        title: "Cranelift aarch64",
        triple: "aarch64-unknown-linux-gnu",
        strategy: Strategy::Cranelift,
        cpu: &[],
        lacks: &[Proposal::StackSwitching],
        lacks_knobs: NO_FEATURES,
    },
    Target {
        id: "riscv64",
        title: "Cranelift riscv64",
        triple: "riscv64gc-unknown-linux-gnu",
        strategy: Strategy::Cranelift,
        cpu: &[],
        lacks: &[Proposal::StackSwitching, Proposal::Simd, Proposal::RelaxedSimd],
        lacks_knobs: NO_FEATURES,
    },
    Target {
        id: "riscv64-v",
        title: "Cranelift riscv64 with vectors",
        triple: "riscv64gc-unknown-linux-gnu",
        strategy: Strategy::Cranelift,
        cpu: &["has_v"],
        lacks: &[Proposal::StackSwitching],
        lacks_knobs: NO_FEATURES,
    },
    Target {
        id: "riscv64-rva23",
        title: "Cranelift riscv64, profile RVA23",
        triple: "riscv64gc-unknown-linux-gnu",
        strategy: Strategy::Cranelift,
        // What new processors have, as far as Cranelift has known it for long: Zvbb is left out, which
        // releases before 48 refuse. Compressed instructions are what every board has, and their short
        // jumps have limits of their own (wasmtime issue 12811).
        cpu: &[
            "has_v",
            "has_zca",
            "has_zcd",
            "has_zcb",
            "has_zba",
            "has_zbb",
            "has_zbs",
            "has_zicond",
            "has_zfa",
            "has_zfhmin",
        ],
        lacks: &[Proposal::StackSwitching],
        lacks_knobs: NO_FEATURES,
    },
    Target {
        id: "s390x",
        title: "Cranelift s390x",
        triple: "s390x-unknown-linux-gnu",
        strategy: Strategy::Cranelift,
        cpu: &[],
        lacks: &[Proposal::StackSwitching],
        lacks_knobs: NO_FEATURES,
    },
    Target {
        id: "pulley32",
        title: "Pulley 32",
        triple: "pulley32",
        strategy: Strategy::Cranelift,
        cpu: &[],
        lacks: PULLEY_LACKS,
        lacks_knobs: PULLEY_LACKS_KNOBS,
    },
    Target {
        id: "pulley64",
        title: "Pulley 64",
        triple: "pulley64",
        strategy: Strategy::Cranelift,
        cpu: &[],
        lacks: PULLEY_LACKS,
        lacks_knobs: PULLEY_LACKS_KNOBS,
    },
    Target {
        id: "winch-x86_64",
        title: "Winch x86-64",
        triple: "x86_64-unknown-linux-gnu",
        strategy: Strategy::Winch,
        // Winch implements SIMD with AVX2 only.
        cpu: &[
            "has_sse3",
            "has_ssse3",
            "has_sse41",
            "has_sse42",
            "has_popcnt",
            "has_avx",
            "has_avx2",
        ],
        lacks: &[
            Proposal::RelaxedSimd,
            Proposal::TailCall,
            Proposal::Exceptions,
            Proposal::Gc,
            Proposal::GcTypes,
            Proposal::FunctionReferences,
            Proposal::StackSwitching,
        ],
        lacks_knobs: WINCH_LACKS_KNOBS,
    },
    Target {
        id: "winch-aarch64",
        title: "Winch aarch64",
        triple: "aarch64-unknown-linux-gnu",
        strategy: Strategy::Winch,
        cpu: &[],
        lacks: &[
            Proposal::Simd,
            Proposal::RelaxedSimd,
            Proposal::Threads,
            Proposal::TailCall,
            Proposal::Exceptions,
            Proposal::Gc,
            Proposal::GcTypes,
            Proposal::FunctionReferences,
            Proposal::StackSwitching,
        ],
        lacks_knobs: WINCH_ARM_LACKS_KNOBS,
    },
];
