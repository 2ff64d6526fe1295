//! Holds machine accesses against Wasm accesses.

use super::CheckError;
use super::code::{self, MachineAccess, Touch, disassemble};
use super::image::{Function, Image};
use super::module::{Accesses, Module, WasmAccess};
use crate::ops::{AccessKind, Operator};
use crate::outcome::{MachineCheck, Mismatch, MismatchKind};

/// Checks the machine code of `artifact` against the module that it was compiled from. With
/// `complete`, every access of the module is known to be needed, so that one without any machine
/// code is missing; a compiler may otherwise leave out what cannot be observed.
pub fn check(module: &[u8], artifact: &[u8], complete: bool) -> MachineCheck {
    let checked = || -> Result<MachineCheck, CheckError> {
        let image = Image::read(artifact)?;
        let module = Module::read(module)?;
        if image.functions.len() != module.function_count() {
            return Err(CheckError::Functions {
                module: module.function_count(),
                artifact: image.functions.len(),
            });
        }
        let mut result = MachineCheck {
            code_bytes: image.text.len() as u64,
            functions: image.functions.len() as u64,
            ..MachineCheck::default()
        };
        for &function in &image.functions {
            let found = code::accesses(&image, function)?;
            result.accesses += found.len() as u64;
            Judge { image: &image, module: &module, function, complete, result: &mut result }
                .judge(&found)?;
        }
        Ok(result)
    };
    checked().unwrap_or_else(|error| MachineCheck::failed(error.to_string()))
}

struct Judge<'a> {
    image: &'a Image<'a>,
    module: &'a Module<'a>,
    function: Function,
    complete: bool,
    result: &'a mut MachineCheck,
}

/// What has been seen of the Wasm accesses of a function.
struct Seen {
    accesses: Accesses,
    /// By place, how many machine accesses stand for it.
    counts: Vec<u32>,
}

impl Judge<'_> {
    fn judge(mut self, found: &[MachineAccess]) -> Result<(), CheckError> {
        for machine in found.iter().filter(|machine| machine.bit_index) {
            let operator = self.operator(machine);
            self.wrong(MismatchKind::BitIndex, machine, operator, &[]);
        }
        // Most functions explain themselves, and need no closer look.
        if !self.complete && self.is_plain(found) {
            return Ok(());
        }
        let accesses = self.module.accesses(self.function.index)?;
        let counts = vec![0; accesses.all.len()];
        let mut seen = Seen { accesses, counts };
        // First what does the access of its own operator, in its full width; then the rest, which
        // may do the accesses of loads that nothing has done so far.
        let rest: Vec<&MachineAccess> =
            found.iter().filter(|machine| !self.is_own(machine, &mut seen)).collect();
        for machine in rest {
            self.explain(machine, &mut seen);
        }
        if self.complete {
            self.look_for_missing(&seen);
        }
        Ok(())
    }

    fn position(&self, machine: &MachineAccess) -> Option<u32> {
        self.image.position(machine.offset)
    }

    fn operator(&self, machine: &MachineAccess) -> Option<&'static Operator> {
        self.position(machine).and_then(|position| self.module.operator_at(position))
    }

    /// Whether every machine access is that of its own operator, and none comes twice.
    fn is_plain(&self, found: &[MachineAccess]) -> bool {
        let mut last = None;
        found.iter().all(|machine| {
            let position = self.position(machine);
            let access = self.operator(machine).and_then(|operator| operator.access);
            let fits = access.is_some_and(|access| {
                u32::from(access.bytes) == machine.bytes
                    && touches_alike(access.kind, machine.touch)
                    && (position != last || access.kind == AccessKind::ReadModifyWrite)
            });
            last = position;
            fits
        })
    }

    /// Whether a machine access is that of its own operator, which nothing has done so far.
    fn is_own(&self, machine: &MachineAccess, seen: &mut Seen) -> bool {
        let place = self.position(machine).and_then(|position| seen.accesses.at(position));
        let Some(place) = place else { return false };
        let WasmAccess { access, position, .. } = seen.accesses.all[place];
        // A read-modify-write may be a loop that reads in two places.
        let first = seen.counts[place] == 0 || access.kind == AccessKind::ReadModifyWrite;
        if u32::from(access.bytes) != machine.bytes
            || !touches_alike(access.kind, machine.touch)
            || !first
        {
            return false;
        }
        seen.counts[place] += 1;
        if access.kind == AccessKind::Store && machine.touch == Touch::ReadWrite {
            // It also does the load that was modified.
            let feeds = seen.accesses.feeding(position).cloned().unwrap_or_default();
            let same = |&&load: &&u32| {
                let load = &seen.accesses.all[index(load)];
                load.access.bytes == access.bytes
            };
            if let Some(&load) = feeds.loads.iter().find(same) {
                seen.counts[index(load)] += 1;
            }
        }
        true
    }

    /// Looks for a load that was sunk into this instruction.
    fn explain(&mut self, machine: &MachineAccess, seen: &mut Seen) {
        let operator = self.operator(machine);
        let position = self.position(machine);
        let feeds = position.and_then(|position| seen.accesses.feeding(position)).cloned();
        let feeds = feeds.unwrap_or_default();
        let own = position.and_then(|position| seen.accesses.at(position));
        // The operator's own access, if nothing has done it; else the loads that feed it. Where an
        // optimiser made new code of several operators, any load that nothing has done.
        let mut open: Vec<usize> = match operator {
            Some(_) => feeds.loads.iter().map(|&load| index(load)).chain(own).collect(),
            None => (0..seen.accesses.all.len())
                .filter(|&at| seen.accesses.all[at].access.kind == AccessKind::Load)
                .collect(),
        };
        open.retain(|&at| seen.counts[at] == 0);
        let candidates: Vec<WasmAccess> =
            open.iter().map(|&place| seen.accesses.all[place]).collect();
        let fits = candidates.iter().position(|wasm| u32::from(wasm.access.bytes) == machine.bytes);
        match fits {
            Some(at) => {
                seen.counts[open[at]] += 1;
                let others = candidates.iter().any(|wasm| {
                    u32::from(wasm.access.bytes) != machine.bytes
                        && wasm.position != candidates[at].position
                });
                if others && machine.touch != Touch::Read {
                    self.doubt(machine, operator, "it may stand for loads of several widths");
                }
            }
            None if feeds.too_many => {
                self.doubt(machine, operator, "too many loads feed its operands");
            }
            None if operator.is_none() && !(self.complete && open.len() == 1) => {
                self.doubt(machine, operator, "the code does not say which operator it is for");
            }
            None if candidates.is_empty() => {
                self.wrong(MismatchKind::Surplus, machine, operator, &[]);
            }
            None => {
                // Whatever it stands for, it is none of these.
                for &place in &open {
                    seen.counts[place] += 1;
                }
                let wider =
                    candidates.iter().all(|wasm| u32::from(wasm.access.bytes) < machine.bytes);
                let kind = if wider { MismatchKind::Wider } else { MismatchKind::Narrower };
                self.wrong(kind, machine, operator, &candidates);
            }
        }
    }

    fn look_for_missing(&mut self, seen: &Seen) {
        for (wasm, _) in
            seen.accesses.all.iter().zip(&seen.counts).filter(|(_, count)| **count == 0)
        {
            // These are calls into the engine.
            if matches!(wasm.access.kind, AccessKind::Bulk | AccessKind::Wait | AccessKind::Notify)
            {
                continue;
            }
            self.result.mismatch(Mismatch {
                kind: MismatchKind::Missing,
                operator: wasm.operator.name.to_owned(),
                accesses: Vec::new(),
                expected_bytes: wasm.access.bytes.into(),
                actual_bytes: 0,
                instruction: String::new(),
                code_offset: self.function.start,
                function: self.function.index,
                position: Some(wasm.position),
            });
        }
    }

    fn wrong(
        &mut self,
        kind: MismatchKind,
        machine: &MachineAccess,
        operator: Option<&'static Operator>,
        candidates: &[WasmAccess],
    ) {
        self.result.mismatch(Mismatch {
            kind,
            operator: name(operator),
            accesses: candidates.iter().map(|wasm| wasm.operator.name.to_owned()).collect(),
            expected_bytes: candidates
                .iter()
                .map(|wasm| wasm.access.bytes.into())
                .max()
                .unwrap_or(0),
            actual_bytes: machine.bytes,
            instruction: disassemble(&machine.instruction),
            code_offset: machine.offset,
            function: self.function.index,
            position: self.position(machine),
        });
    }

    fn doubt(&mut self, machine: &MachineAccess, operator: Option<&'static Operator>, why: &str) {
        let text = disassemble(&machine.instruction);
        let (offset, name) = (machine.offset, name(operator));
        self.result.doubt(format!(
            "`{text}` at code offset {offset:#x}, {} bytes, for {name}: {why}",
            machine.bytes
        ));
    }
}

fn name(operator: Option<&Operator>) -> String {
    operator.map_or_else(|| "no operator".to_owned(), |operator| operator.name.to_owned())
}

fn touches_alike(kind: AccessKind, touch: Touch) -> bool {
    match kind {
        AccessKind::Load => touch == Touch::Read,
        // A load that is modified and stored is one instruction.
        AccessKind::Store => touch != Touch::Read,
        AccessKind::ReadModifyWrite => true,
        AccessKind::Wait | AccessKind::Notify | AccessKind::Bulk => false,
    }
}

fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
