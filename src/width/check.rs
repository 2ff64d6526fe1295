//! Holds machine accesses against Wasm accesses.

use super::CheckError;
use super::assign::{Candidates, Choices, assign};
use super::code::{self, MachineAccess, Touch, disassemble};
use super::image::{Function, Image};
use super::module::{Accesses, Module, WasmAccess};
use crate::ops::{Access, AccessKind, Operator};
use crate::outcome::{MachineCheck, Mismatch, MismatchKind};
use iced_x86::InstructionInfoFactory;

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
        let mut factory = InstructionInfoFactory::new();
        for &function in &image.functions {
            let found = code::accesses(&image, function, &mut factory)?;
            result.accesses += found.len() as u64;
            Judge { module: &module, function, complete, result: &mut result }.judge(&found)?;
        }
        Ok(result)
    };
    checked().unwrap_or_else(|error| MachineCheck::failed(error.to_string()))
}

struct Judge<'a> {
    module: &'a Module<'a>,
    function: Function,
    complete: bool,
    result: &'a mut MachineCheck,
}

/// The machine accesses of a function beside its Wasm accesses.
struct Sides<'a> {
    judge: &'a Judge<'a>,
    found: &'a [MachineAccess],
    accesses: &'a Accesses,
}

impl Choices for Sides<'_> {
    fn own(&self, machine: usize) -> Option<usize> {
        let machine = &self.found[machine];
        let position = machine.position?;
        let own = self.accesses.at(position)?;
        let access = self.accesses.all[own].access;
        is_as_wide(access, machine).then_some(own).filter(|_| touches_alike(access.kind, machine))
    }

    fn candidates(&self, machine: usize) -> Candidates {
        self.judge.candidates(&self.found[machine], self.accesses)
    }

    fn far(&self, machine: usize) -> Vec<usize> {
        let machine = &self.found[machine];
        let position = machine.position;
        let loads = position.map(|position| self.accesses.feeding_from_far(position));
        let fits = |&load: &usize| {
            machine.touch != Touch::Write && is_as_wide(self.accesses.all[load].access, machine)
        };
        loads.unwrap_or_default().into_iter().map(index).filter(fits).collect()
    }
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
        let sides = Sides { judge: &self, found, accesses: &accesses };
        let stands_for = assign(&sides, found.len(), accesses.all.len());
        let mut done = vec![false; accesses.all.len()];
        stands_for.iter().flatten().for_each(|&place| done[place] = true);
        for (machine, place) in found.iter().zip(&stands_for) {
            match place {
                Some(place) => self.modified(machine, *place, &accesses, &mut done),
                None => self.explain(machine, &accesses, &mut done),
            }
        }
        if self.complete {
            self.look_for_missing(&accesses, &done);
        }
        Ok(())
    }

    fn operator(&self, machine: &MachineAccess) -> Option<&'static Operator> {
        machine.position.and_then(|position| self.module.operator_at(position))
    }

    /// Whether every machine access is that of its own operator, and none comes twice.
    fn is_plain(&self, found: &[MachineAccess]) -> bool {
        let mut last = None;
        found.iter().all(|machine| {
            let position = machine.position;
            let access = self.operator(machine).and_then(|operator| operator.access);
            let fits = access.is_some_and(|access| {
                is_as_wide(access, machine)
                    && touches_alike(access.kind, machine)
                    && (position != last || access.kind == AccessKind::ReadModifyWrite)
            });
            last = position;
            fits
        })
    }

    /// The Wasm accesses that a machine access may stand for: that of its own operator, and the loads
    /// that feed it.
    fn candidates(&self, machine: &MachineAccess, accesses: &Accesses) -> Candidates {
        let position = machine.position;
        let own = position.and_then(|position| accesses.at(position));
        let feeds = position.and_then(|position| accesses.feeding(position));
        let mut all: Vec<usize> = own.into_iter().collect();
        let mut sure = true;
        if let Some(feeds) = feeds {
            all.extend(feeds.near.iter().map(|&load| index(load)));
            sure = !feeds.too_many;
        }
        if self.operator(machine).is_none() {
            // An optimiser made new code of several operators: any load may be in it.
            let loads = (0..accesses.all.len())
                .filter(|&at| accesses.all[at].access.kind == AccessKind::Load);
            all.extend(loads);
            sure = false;
        }
        let fits = |&place: &usize| {
            let access = accesses.all[place].access;
            let sunk = Some(place) != own;
            is_as_wide(access, machine)
                && (touches_alike(access.kind, machine) || (sunk && machine.touch != Touch::Write))
        };
        let fitting = all.iter().copied().filter(fits).collect();
        // A read-modify-write may be a loop that reads in two places.
        let again = own.filter(|&own| accesses.all[own].access.kind == AccessKind::ReadModifyWrite);
        Candidates { all, fitting, again: again.filter(fits), sure }
    }

    /// A store that reads as well also does the load of what it modifies.
    fn modified(
        &self,
        machine: &MachineAccess,
        place: usize,
        accesses: &Accesses,
        done: &mut [bool],
    ) {
        let WasmAccess { access, position, .. } = accesses.all[place];
        if access.kind == AccessKind::Store && machine.touch == Touch::ReadWrite {
            let feeds = accesses.feeding(position).map(|feeds| &feeds.near[..]);
            let same =
                |&load: &usize| !done[load] && accesses.all[load].access.bytes == access.bytes;
            let load = feeds.unwrap_or_default().iter().map(|&load| index(load)).find(same);
            if let Some(load) = load {
                done[load] = true;
            }
        }
    }

    /// Says what is wrong with a machine access that stands for nothing.
    fn explain(&mut self, machine: &MachineAccess, accesses: &Accesses, done: &mut [bool]) {
        let candidates = self.candidates(machine, accesses);
        let operator = self.operator(machine);
        let open: Vec<usize> = candidates.all.iter().copied().filter(|&at| !done[at]).collect();
        let wasm: Vec<WasmAccess> = open.iter().map(|&place| accesses.all[place]).collect();
        // With one access left, which must be somewhere, it is that one.
        let certain = candidates.sure || (self.complete && open.len() == 1);
        if !certain {
            let why = match operator {
                Some(_) => "too many loads feed its operands",
                None => "the code does not say which operator it is for",
            };
            self.doubt(machine, operator, why);
        } else if wasm.is_empty() {
            self.wrong(MismatchKind::Surplus, machine, operator, &[]);
        } else {
            // Whichever it stands for, it is as wrong.
            open.iter().for_each(|&place| done[place] = true);
            let wider = wasm.iter().all(|wasm| u32::from(wasm.access.bytes) < machine.bytes);
            let kind = if wider { MismatchKind::Wider } else { MismatchKind::Narrower };
            self.wrong(kind, machine, operator, &wasm);
        }
    }

    fn look_for_missing(&mut self, accesses: &Accesses, done: &[bool]) {
        for (wasm, _) in accesses.all.iter().zip(done).filter(|(_, done)| !**done) {
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
            position: machine.position,
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

fn is_as_wide(access: Access, machine: &MachineAccess) -> bool {
    u32::from(access.bytes) == machine.bytes
}

fn touches_alike(kind: AccessKind, machine: &MachineAccess) -> bool {
    let touch = machine.touch;
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
