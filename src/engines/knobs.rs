//! The knobs of a backend and their text form, `opt=none,fuel,stack=1048576`.

use crate::names::{did_you_mean, nearest};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Stack of the compile thread: what a rayon thread has, and so what Wasmtime compiles on.
pub const STACK_BYTES_DEFAULT: u64 = 2 << 20;

/// Less than this and the thread library itself runs over.
pub const STACK_BYTES_MIN: u64 = 64 << 10;

/// More than this and a runaway recursion costs memory rather than a clear overflow.
pub const STACK_BYTES_MAX: u64 = 1 << 30;

/// Optimisation level.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
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
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub enum RegisterAllocation {
    /// Wasmtime's default.
    #[default]
    Backtracking,
    /// Linear, for quick compilation.
    SinglePass,
}

/// Garbage collector that code is generated for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
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
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
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

impl FromStr for Knobs {
    type Err = KnobError;

    fn from_str(text: &str) -> Result<Knobs, KnobError> {
        let mut knobs = Knobs::default();
        for setting in text.split(',').map(str::trim).filter(|setting| !setting.is_empty()) {
            let (name, value) = setting.split_once('=').unwrap_or((setting, "on"));
            knobs.set(name, value)?;
        }
        Ok(knobs)
    }
}

impl Knobs {
    fn set(&mut self, name: &str, value: &str) -> Result<(), KnobError> {
        let Some(knob) = KNOBS.iter().find(|knob| knob.name == name) else {
            let nearest = nearest(name, KNOBS.iter().map(|knob| knob.name));
            return Err(KnobError::Unknown { name: name.to_owned(), nearest });
        };
        let error = || KnobError::Value {
            name: name.to_owned(),
            value: value.to_owned(),
            summary: knob.summary,
        };
        let flag = || match value {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(error()),
        };
        let switch = || match value {
            "auto" => Ok(Switch::Auto),
            "on" => Ok(Switch::On),
            "off" => Ok(Switch::Off),
            _ => Err(error()),
        };
        match name {
            "opt" => {
                self.opt = match value {
                    "none" => OptLevel::None,
                    "speed" => OptLevel::Speed,
                    "speed-and-size" => OptLevel::SpeedAndSize,
                    _ => return Err(error()),
                }
            }
            "regalloc" => {
                self.regalloc = match value {
                    "backtracking" => RegisterAllocation::Backtracking,
                    "single-pass" => RegisterAllocation::SinglePass,
                    _ => return Err(error()),
                }
            }
            "collector" => {
                self.collector = match value {
                    "auto" => Collector::Auto,
                    "copying" => Collector::Copying,
                    "drc" => Collector::Drc,
                    "null" => Collector::Null,
                    _ => return Err(error()),
                }
            }
            "stack" => {
                let bytes = value.parse().map_err(|_| error())?;
                if !(STACK_BYTES_MIN..=STACK_BYTES_MAX).contains(&bytes) {
                    return Err(error());
                }
                self.stack_bytes = bytes;
            }
            "debug-info" => self.debug_info = flag()?,
            "guest-debug" => self.guest_debug = flag()?,
            "fuel" => self.fuel = flag()?,
            "epochs" => self.epochs = flag()?,
            "signals" => self.signals = flag()?,
            "memory64" => self.memory64 = flag()?,
            "verifier" => self.verifier = switch()?,
            "regalloc-checker" => self.regalloc_checker = switch()?,
            _ => return Err(error()),
        }
        Ok(())
    }
}

/// The settings that differ from the default, in the order of the table.
impl fmt::Display for Knobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Knobs::default();
        let mut parts: Vec<String> = Vec::new();
        let switch = |name: &str, switch: Switch| match switch {
            Switch::Auto => None,
            Switch::On => Some(format!("{name}=on")),
            Switch::Off => Some(format!("{name}=off")),
        };
        parts.extend(match self.opt {
            OptLevel::None => Some("opt=none".to_owned()),
            OptLevel::Speed => None,
            OptLevel::SpeedAndSize => Some("opt=speed-and-size".to_owned()),
        });
        parts.extend(match self.regalloc {
            RegisterAllocation::Backtracking => None,
            RegisterAllocation::SinglePass => Some("regalloc=single-pass".to_owned()),
        });
        parts.extend(self.debug_info.then(|| "debug-info".to_owned()));
        parts.extend(self.guest_debug.then(|| "guest-debug".to_owned()));
        parts.extend(self.fuel.then(|| "fuel".to_owned()));
        parts.extend(self.epochs.then(|| "epochs".to_owned()));
        parts.extend(match self.collector {
            Collector::Auto => None,
            Collector::Copying => Some("collector=copying".to_owned()),
            Collector::Drc => Some("collector=drc".to_owned()),
            Collector::Null => Some("collector=null".to_owned()),
        });
        parts.extend((!self.signals).then(|| "signals=off".to_owned()));
        parts.extend((!self.memory64).then(|| "memory64=off".to_owned()));
        parts.extend(switch("verifier", self.verifier));
        parts.extend(switch("regalloc-checker", self.regalloc_checker));
        if self.stack_bytes != default.stack_bytes {
            parts.push(format!("stack={}", self.stack_bytes));
        }
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_the_table_is_read_and_differs_from_the_default() {
        for knob in KNOBS {
            for setting in knob.settings {
                let knobs: Knobs = setting.parse().unwrap();
                assert_ne!(knobs, Knobs::default(), "{setting} changes nothing");
                assert_eq!(knobs.to_string().parse::<Knobs>().unwrap(), knobs);
            }
        }
    }

    #[test]
    fn stack_sizes_out_of_range_are_refused() {
        for text in ["stack=1", "stack=99999999999", "stack=on", "stack"] {
            assert!(text.parse::<Knobs>().is_err(), "{text} was taken");
        }
    }
}
