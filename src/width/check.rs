//! Holds machine accesses against Wasm accesses.

use super::CheckError;
use super::code::{self, MachineAccess, Touch, disassemble};
use super::image::{Function, Image};
use super::module::{Accesses, Module, WasmAccess};
use crate::ops::{AccessKind, Operator};
use crate::outcome::{MachineCheck, Mismatch, MismatchKind};
use std::cell::OnceCell;
use std::collections::BTreeSet;

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

/// What a machine access may stand for, as places among the accesses of its function.
struct Candidates {
    /// Whatever their width.
    all: Vec<usize>,
    /// Those that are as wide and do the same.
    fitting: Vec<usize>,
    /// One that may be done more than once.
    again: Option<usize>,
    /// Loads from farther away that are as wide; looked for where nothing nearer is left.
    far: OnceCell<Vec<usize>>,
    /// Whether there can be no others.
    sure: bool,
}

/// Gives machine accesses the Wasm accesses that they stand for, so that as many as possible have
/// one and none is given twice.
fn assign(
    candidates: &[Candidates],
    accesses: usize,
    far: &dyn Fn(usize) -> Vec<usize>,
) -> Vec<Option<usize>> {
    let mut taken_by: Vec<Option<usize>> = vec![None; accesses];
    for machine in 0..candidates.len() {
        let mut seen = BTreeSet::new();
        augment(machine, candidates, far, &mut taken_by, &mut seen);
    }
    let mut stands_for: Vec<Option<usize>> =
        candidates.iter().map(|candidates| candidates.again).collect();
    for (place, machine) in taken_by.iter().enumerate() {
        if let Some(machine) = machine {
            stands_for[*machine] = Some(place);
        }
    }
    stands_for
}

/// Finds a place for a machine access, moving others where they have another choice.
fn augment(
    machine: usize,
    candidates: &[Candidates],
    far: &dyn Fn(usize) -> Vec<usize>,
    taken_by: &mut [Option<usize>],
    seen: &mut BTreeSet<usize>,
) -> bool {
    let Candidates { fitting, far: farther, .. } = &candidates[machine];
    let farther = std::iter::once_with(|| farther.get_or_init(|| far(machine))).flatten();
    for &place in fitting.iter().chain(farther) {
        if !seen.insert(place) {
            continue;
        }
        let free = match taken_by[place] {
            None => true,
            Some(other) => augment(other, candidates, far, taken_by, seen),
        };
        if free {
            taken_by[place] = Some(machine);
            return true;
        }
    }
    false
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
        let candidates: Vec<Candidates> =
            found.iter().map(|machine| self.candidates(machine, &accesses)).collect();
        let far = |machine: usize| {
            let machine: &MachineAccess = &found[machine];
            let position = self.position(machine);
            let loads = position.map(|position| accesses.feeding_from_far(position));
            let loads = loads.unwrap_or_default().into_iter().map(index);
            let fits = |&load: &usize| {
                machine.touch != Touch::Write
                    && u32::from(accesses.all[load].access.bytes) == machine.bytes
            };
            loads.filter(fits).collect::<Vec<usize>>()
        };
        let stands_for = assign(&candidates, accesses.all.len(), &far);
        let mut done = vec![false; accesses.all.len()];
        stands_for.iter().flatten().for_each(|&place| done[place] = true);
        for ((machine, candidates), place) in found.iter().zip(&candidates).zip(&stands_for) {
            match place {
                Some(place) => self.modified(machine, *place, &accesses, &mut done),
                None => self.explain(machine, candidates, &accesses, &mut done),
            }
        }
        if self.complete {
            self.look_for_missing(&accesses, &done);
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

    /// The Wasm accesses that a machine access may stand for: that of its own operator, and the loads
    /// that feed it.
    fn candidates(&self, machine: &MachineAccess, accesses: &Accesses) -> Candidates {
        let position = self.position(machine);
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
            u32::from(access.bytes) == machine.bytes
                && (touches_alike(access.kind, machine.touch)
                    || (sunk && machine.touch != Touch::Write))
        };
        let fitting = all.iter().copied().filter(fits).collect();
        // A read-modify-write may be a loop that reads in two places.
        let again = own.filter(|&own| accesses.all[own].access.kind == AccessKind::ReadModifyWrite);
        Candidates { all, fitting, again: again.filter(fits), far: OnceCell::new(), sure }
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
    fn explain(
        &mut self,
        machine: &MachineAccess,
        candidates: &Candidates,
        accesses: &Accesses,
        done: &mut [bool],
    ) {
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
