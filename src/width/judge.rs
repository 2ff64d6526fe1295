//! Holds the machine accesses of a function against its Wasm accesses.

mod telling;

use super::assign::{Candidates, Choices, Stand, assign};
use super::code::{Found, MachineAccess, Touch, Unmarked};
use super::feeds::{Accesses, WasmAccess};
use super::fit::{has_no_other_memory, has_one_width, is_as_wide, reads_first, touches_alike};
use super::image::Function;
use super::module::Module;
use super::{CheckError, to_usize};
use crate::ops::{AccessKind, Operator};
use crate::outcome::{MachineCheck, MismatchKind};
use std::collections::BTreeMap;

/// One function.
pub(super) struct Judge<'a> {
    pub(super) module: &'a Module<'a>,
    pub(super) function: Function,
    /// Whether each of its accesses is needed.
    pub(super) complete: bool,
    /// What is found is added here.
    pub(super) result: &'a mut MachineCheck,
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

    fn far(&self, machine: usize) -> Option<Vec<usize>> {
        let machine = &self.found[machine];
        let Some(position) = machine.position else { return Some(Vec::new()) };
        let loads = self.accesses.feeding_from_far(position)?;
        let fits = |&load: &usize| {
            machine.touch != Touch::Write && is_as_wide(self.accesses.all[load].access, machine)
        };
        Some(loads.into_iter().map(to_usize).filter(fits).collect())
    }
}

impl Judge<'_> {
    /// What is wrong with an access by itself, whatever else the function does.
    pub(super) fn judge_alone(&mut self, found: &Found) {
        for machine in found.marked.iter().filter(|machine| machine.bit_index) {
            let operator = self.operator(machine);
            self.wrong(MismatchKind::BitIndex, machine, operator, &[]);
        }
        for Unmarked { access: machine, traps_otherwise } in &found.unmarked {
            let operator = self.operator(machine);
            if !operator.is_some_and(has_no_other_memory) {
                continue;
            }
            // Loads from a heap are sunk like others. Most have marks of their own.
            let may_be_of_heap =
                machine.touch == Touch::Read && self.module.reads_a_heap(self.function.index);
            match (may_be_of_heap, traps_otherwise) {
                (true, true) => {}
                (true, false) => {
                    self.doubt(machine, "it may read the heap of the garbage collector");
                }
                (false, _) => self.wrong(MismatchKind::Unmarked, machine, operator, &[]),
            }
        }
    }

    /// What is wrong with the accesses together.
    pub(super) fn judge(mut self, found: &[MachineAccess]) -> Result<(), CheckError> {
        let accesses = self.module.accesses(self.function.index)?;
        let (known, unknown): (Vec<usize>, Vec<usize>) =
            (0..found.len()).partition(|&machine| self.operator(&found[machine]).is_some());
        let stands = {
            let sides = Sides { judge: &self, found, accesses: &accesses };
            assign(&sides, &known, accesses.all.len())
        };
        let mut done = vec![false; accesses.all.len()];
        for stand in &stands {
            if let Stand::For(place) = stand {
                done[*place] = true;
            }
        }
        for (&machine, stand) in known.iter().zip(stands) {
            let machine = &found[machine];
            match stand {
                Stand::For(place) => self.modified(machine, place, &accesses, &mut done),
                Stand::ForNothing => self.explain(machine, &accesses, &mut done),
                Stand::Untold if has_one_width(&accesses, machine) => {}
                Stand::Untold => self.doubt(machine, "too many loads may feed its operands"),
            }
        }
        self.look_anywhere(unknown.iter().map(|&machine| &found[machine]), &accesses, &mut done);
        if self.complete {
            self.look_for_missing(&accesses, &done);
        }
        Ok(())
    }

    /// Machine accesses for no operator: an optimiser made new code of several, so that any load
    /// may be in it.
    fn look_anywhere<'f>(
        &mut self,
        unknown: impl Iterator<Item = &'f MachineAccess>,
        accesses: &Accesses,
        done: &mut [bool],
    ) {
        let mut open: BTreeMap<u8, Vec<usize>> = BTreeMap::new();
        for (place, wasm) in accesses.all.iter().enumerate().rev() {
            if !done[place] && wasm.access.kind == AccessKind::Load {
                open.entry(wasm.access.bytes).or_default().push(place);
            }
        }
        for machine in unknown {
            let bytes = u8::try_from(machine.bytes).unwrap_or(u8::MAX);
            let fitting = open.get_mut(&bytes).filter(|_| machine.touch != Touch::Write);
            if let Some(place) = fitting.and_then(Vec::pop) {
                done[place] = true;
                continue;
            }
            // With one access left, which must be somewhere, it is that one.
            let mut left = open.values().flatten();
            match (left.next().copied(), left.next()) {
                (Some(place), None) if self.complete => {
                    done[place] = true;
                    open.clear();
                    self.not_as_wide(machine, &[accesses.all[place]]);
                }
                _ => self.doubt(machine, "the code does not say which operator it is for"),
            }
        }
    }

    fn operator(&self, machine: &MachineAccess) -> Option<&'static Operator> {
        machine.position.and_then(|position| self.module.operator_at(position))
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
            all.extend(feeds.near.iter().map(|&load| to_usize(load)));
            sure = !feeds.too_many;
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
        &mut self,
        machine: &MachineAccess,
        place: usize,
        accesses: &Accesses,
        done: &mut [bool],
    ) {
        let WasmAccess { access, position, .. } = accesses.all[place];
        if access.kind != AccessKind::Store || !reads_first(machine) {
            return;
        }
        let Some(feeds) = accesses.feeding(position) else {
            return self.doubt(machine, "it reads what nothing is known to have loaded");
        };
        let open: Vec<usize> =
            feeds.near.iter().map(|&load| to_usize(load)).filter(|&load| !done[load]).collect();
        let fits = |&&load: &&usize| accesses.all[load].access.bytes == access.bytes;
        match open.iter().find(fits) {
            Some(&load) => done[load] = true,
            None if open.is_empty() || feeds.too_many => {
                self.doubt(machine, "it reads what nothing is known to have loaded");
            }
            None => {
                open.iter().for_each(|&load| done[load] = true);
                let wasm: Vec<WasmAccess> = open.iter().map(|&load| accesses.all[load]).collect();
                self.not_as_wide(machine, &wasm);
            }
        }
    }

    /// Says what is wrong with a machine access that stands for nothing.
    fn explain(&mut self, machine: &MachineAccess, accesses: &Accesses, done: &mut [bool]) {
        let candidates = self.candidates(machine, accesses);
        let open: Vec<usize> = candidates.all.iter().copied().filter(|&at| !done[at]).collect();
        let wasm: Vec<WasmAccess> = open.iter().map(|&place| accesses.all[place]).collect();
        // With one access left, which must be somewhere, it is that one.
        let certain = candidates.sure || (self.complete && open.len() == 1);
        if !certain {
            if !has_one_width(accesses, machine) {
                self.doubt(machine, "too many loads feed its operands");
            }
        } else if wasm.is_empty() {
            self.wrong(MismatchKind::Surplus, machine, self.operator(machine), &[]);
        } else {
            // Whichever it stands for, it is as wrong.
            open.iter().for_each(|&place| done[place] = true);
            self.not_as_wide(machine, &wasm);
        }
    }
}
