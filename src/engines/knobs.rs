//! The knobs of a backend and their text form, `opt=none,fuel,stack=1048576`.

mod text;

use super::Cpu;
use crate::names::did_you_mean;
use thiserror::Error;

/// Stack of the compile thread: what a rayon thread has, and so what Wasmtime compiles on.
pub const STACK_BYTES_DEFAULT: u64 = 2 << 20;

/// Less than this and the thread library itself runs over.
pub const STACK_BYTES_MIN: u64 = 64 << 10;

/// More than this and a runaway recursion costs memory rather than a clear overflow.
pub const STACK_BYTES_MAX: u64 = 1 << 30;

/// Optimisation level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OptLevel {
    /// No optimisation.
    None,
    /// Wasmtime's default.
    #[default]
    Speed,
    /// Speed and size.
    SpeedAndSize,
}

/// Register allocation algorithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RegisterAllocation {
    /// Wasmtime's default.
    #[default]
    Backtracking,
    /// Linear, for quick compilation.
    SinglePass,
}

/// Garbage collector that code is generated for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collector {
    /// The engine's default.
    #[default]
    Auto,
    /// Copying.
    Copying,
    /// Deferred reference counting.
    Drc,
    /// None: memory is never freed.
    Null,
}

/// A check that costs too much for large modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Switch {
    /// On in a second compilation, made where the first is quick.
    #[default]
    Auto,
    /// On.
    On,
    /// Off.
    Off,
}

/// All knobs of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Knobs {
    /// Optimisation level.
    pub opt: OptLevel,
    /// Register allocation.
    pub regalloc: RegisterAllocation,
    /// Native debug information.
    pub debug_info: bool,
    /// Instrumentation for debugging the guest.
    pub guest_debug: bool,
    /// Fuel metering.
    pub fuel: bool,
    /// Epoch interruption.
    pub epochs: bool,
    /// Collector.
    pub collector: Collector,
    /// Traps by hardware faults; off means explicit checks.
    pub signals: bool,
    /// CPU features, on x86-64.
    pub cpu: Cpu,
    /// Address space set aside behind and after memories; off means that they can be anywhere and
    /// end anywhere.
    pub guard: bool,
    /// Mitigation of Spectre in accesses to memories and tables.
    pub spectre: bool,
    /// The memory64 proposal.
    pub memory64: bool,
    /// Cranelift's verifier of its intermediate representation.
    pub verifier: Switch,
    /// The symbolic checker of register allocation.
    pub regalloc_checker: Switch,
    /// Stack of the compile thread, in bytes.
    pub stack_bytes: u64,
}

impl Default for Knobs {
    fn default() -> Knobs {
        Knobs {
            opt: OptLevel::default(),
            regalloc: RegisterAllocation::default(),
            debug_info: false,
            guest_debug: false,
            fuel: false,
            epochs: false,
            collector: Collector::default(),
            signals: true,
            cpu: Cpu::default(),
            guard: true,
            spectre: true,
            memory64: true,
            verifier: Switch::default(),
            regalloc_checker: Switch::default(),
            stack_bytes: STACK_BYTES_DEFAULT,
        }
    }
}

/// One knob as the command line knows it.
#[derive(Debug)]
pub struct Knob {
    /// Name.
    pub name: &'static str,
    /// What it does.
    pub summary: &'static str,
    /// The settings other than the default that the full set of backends tries, as texts.
    pub settings: &'static [&'static str],
}

/// Every knob.
pub const KNOBS: &[Knob] = &[
    Knob {
        name: "opt",
        summary: "optimisation level: none, speed (default), speed-and-size",
        settings: &["opt=none", "opt=speed-and-size"],
    },
    Knob {
        name: "regalloc",
        summary: "register allocation: backtracking (default), single-pass",
        settings: &["regalloc=single-pass"],
    },
    Knob {
        name: "debug-info",
        summary: "emit native debug information",
        settings: &["debug-info"],
    },
    Knob {
        name: "guest-debug",
        summary: "instrument the code for debugging the guest",
        settings: &["guest-debug"],
    },
    Knob { name: "fuel", summary: "meter fuel", settings: &["fuel"] },
    Knob { name: "epochs", summary: "check for epoch interruption", settings: &["epochs"] },
    Knob {
        name: "collector",
        summary: "garbage collector: auto (default), copying, drc, null",
        settings: &["collector=drc", "collector=null"],
    },
    Knob {
        name: "signals",
        summary: "off: explicit checks instead of traps by hardware faults",
        settings: &["signals=off"],
    },
    Knob {
        name: "cpu",
        summary: "x86-64 features beyond sse2, such as sse3+ssse3; sse2 for none, host for this \
                  machine's",
        settings: &["cpu=sse2", "cpu=sse3+ssse3+sse41+sse42+popcnt+avx+avx2+fma+bmi1+bmi2+lzcnt"],
    },
    Knob {
        name: "guard",
        summary: "off: no address space is set aside for memories, and no guard pages",
        settings: &["guard=off"],
    },
    Knob {
        name: "spectre",
        summary: "off: no mitigation of Spectre in accesses to memories and tables",
        settings: &["spectre=off"],
    },
    Knob {
        name: "memory64",
        summary: "off: without the memory64 proposal",
        settings: &["memory64=off"],
    },
    Knob {
        name: "verifier",
        summary: "Cranelift's verifier: auto (default: when compiled again), on, off",
        settings: &["verifier=on"],
    },
    Knob {
        name: "regalloc-checker",
        summary: "checker of register allocation: auto (default: when compiled again), on, off",
        settings: &["regalloc-checker=on"],
    },
    Knob {
        name: "stack",
        summary: "bytes of stack of the compile thread (default 2097152)",
        settings: &["stack=524288"],
    },
];

/// Why a text sets no knobs.
#[derive(Debug, Error)]
pub enum KnobError {
    /// No such knob.
    #[error(
        "find the knob {name:?}{}; `brink list backends` names them all",
        did_you_mean(.nearest.as_deref())
    )]
    Unknown {
        /// The name asked for.
        name: String,
        /// The name that looks most like it.
        nearest: Option<&'static str>,
    },
    /// A value that the knob does not take.
    #[error("set the knob {name} to {value:?}: it is {summary}")]
    Value {
        /// Name of the knob.
        name: String,
        /// The value asked for.
        value: String,
        /// The knob's summary, which names its values.
        summary: &'static str,
    },
}
