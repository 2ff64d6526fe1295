//! Knobs to text and back.

use super::{
    Collector, Cpu, KNOBS, KnobError, Knobs, OptLevel, RegisterAllocation, STACK_BYTES_MAX,
    STACK_BYTES_MIN, Switch,
};
use crate::names::nearest;
use std::fmt;
use std::str::FromStr;

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
            "cpu" => self.cpu = Cpu::Features(value.parse().map_err(|()| error())?),
            "guard" => self.guard = flag()?,
            "spectre" => self.spectre = flag()?,
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
        parts.extend(match self.cpu {
            Cpu::Target => None,
            Cpu::Features(features) => Some(format!("cpu={features}")),
        });
        parts.extend((!self.guard).then(|| "guard=off".to_owned()));
        parts.extend((!self.spectre).then(|| "spectre=off".to_owned()));
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
