//! From a unit to bytes.
//!
//! Steps nest: to push a `prev` operand of step k, step k-1 is emitted in place, so that a compiler
//! sees an expression tree in which loads can be sunk, not a row of locals. Values that the
//! previous copy left on the stack are stashed in scratch locals only where something must be
//! pushed below them.

use std::collections::BTreeSet;

use crate::ops::addressing::Addressing;
use crate::ops::encoder::{Encoder, LOCAL_GET, LOCAL_SET, LOCAL_TEE};
use crate::ops::entity::{Entity, Resolve, Role, close};
use crate::ops::kinds::Type;
use crate::ops::numbers::{ADDRESSED_NUMBERS, Numbers};
use crate::ops::prelude::Prelude;
use crate::ops::unit::{Source, Step, Unit, UnitKind};

/// Numbers that the seed and the sink of a chain have for themselves, after those of the copy.
const CHAIN_NUMBERS: u64 = 2;

impl Unit {
    /// Appends one copy: `[] -> []` for a closed unit, `[t] -> [t]` for a link, `[t t] -> [t]` for
    /// a join.
    ///
    /// # Panics
    ///
    /// When `prelude` was not made for this unit.
    pub fn encode(&self, prelude: &Prelude, variant: u32, out: &mut Vec<u8>) {
        Emitter::new(self, prelude, prelude.memory64(), variant, out).copy();
    }

    /// The same with addresses made otherwise, and for neighbours that are copies of other units,
    /// where they [may be](Unit::may_have_neighbours).
    /// `prelude` must be one for any addressing.
    ///
    /// # Panics
    ///
    /// When `prelude` was not made for this unit.
    pub fn encode_at(
        &self,
        prelude: &Prelude,
        addressing: Addressing,
        variant: u32,
        out: &mut Vec<u8>,
    ) {
        let mut emitter = Emitter::new(self, prelude, prelude.memory64(), variant, out);
        emitter.encoder.addressing = addressing;
        let numbers = &mut emitter.encoder.numbers;
        numbers.per_copy = numbers.per_copy.max(u64::from(ADDRESSED_NUMBERS));
        emitter.copy();
    }

    /// Whether a copy with addresses of a chosen form takes so few numbers that copies of other units
    /// beside it name other places and elements.
    pub fn may_have_neighbours(&self) -> bool {
        numbers_per_copy(self) <= u64::from(ADDRESSED_NUMBERS)
    }

    /// Appends the value that the first copy of a chain takes, `[] -> [t]`; nothing for a closed
    /// unit.
    ///
    /// # Panics
    ///
    /// When `prelude` was not made for this unit.
    pub fn encode_seed(&self, prelude: &Prelude, variant: u32, out: &mut Vec<u8>) {
        Emitter::new(self, prelude, prelude.memory64(), variant, out).seed();
    }

    /// Appends what takes the value of the last copy of a chain, `[t] -> []`; nothing for a closed
    /// unit.
    ///
    /// # Panics
    ///
    /// When `prelude` was not made for this unit.
    pub fn encode_sink(&self, prelude: &Prelude, variant: u32, out: &mut Vec<u8>) {
        Emitter::new(self, prelude, prelude.memory64(), variant, out).finish();
    }
}

/// Everything that the encodings of a unit refer to, needs included.
pub(super) fn entities(unit: &Unit, memory64: bool) -> BTreeSet<Entity> {
    let mut entities = BTreeSet::new();
    let mut out = Vec::new();
    Emitter::new(unit, &mut entities, memory64, 0, &mut out).copy();
    Emitter::new(unit, &mut entities, memory64, 0, &mut out).seed();
    Emitter::new(unit, &mut entities, memory64, 0, &mut out).finish();
    close(&mut entities);
    entities
}

/// Where the values are that step 0 takes from the previous copy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carried {
    Stack,
    Locals,
}

struct Emitter<'a, R: Resolve> {
    unit: &'a Unit,
    encoder: Encoder<'a, R>,
    carried: Carried,
}

/// How many numbers one copy may take: every operand and immediate takes at most two, the rest one
/// each. A power of two, so that the places of later copies do not fall in step with those of
/// earlier ones.
fn numbers_per_copy(unit: &Unit) -> u64 {
    let of_step = |step: &Step| {
        let frame = step.op.frame.before.len() + step.op.frame.after.len();
        step.operands.len() + 2 * step.op.immediates.len() + frame + 2 * step.op.results.len()
    };
    let numbers = unit.steps().iter().map(of_step).sum::<usize>();
    let numbers = u64::try_from(numbers).expect("a unit is short") + CHAIN_NUMBERS;
    numbers.next_power_of_two()
}

impl<'a, R: Resolve> Emitter<'a, R> {
    fn new(
        unit: &'a Unit,
        resolve: R,
        memory64: bool,
        variant: u32,
        out: &'a mut Vec<u8>,
    ) -> Emitter<'a, R> {
        let numbers = Numbers { variant, per_copy: numbers_per_copy(unit), used: 0 };
        let addressing = Addressing::default();
        let encoder = Encoder { resolve, memory64, addressing, numbers, sink: unit.sink(), out };
        Emitter { unit, encoder, carried: Carried::Stack }
    }

    fn copy(&mut self) {
        self.stash();
        let steps = self.unit.steps();
        let mut first = 0;
        for (index, step) in steps.iter().enumerate() {
            let next = steps.get(index + 1);
            if next.is_some_and(|next| next.prev_count() > 0) {
                continue;
            }
            let leaves = next.is_none() && self.unit.kind() != UnitKind::Closed;
            let on_stack = first == 0
                && self.unit.kind() != UnitKind::Closed
                && self.carried == Carried::Stack;
            match step.op.last_result().filter(|_| !leaves) {
                None => self.step(index),
                Some(ty) if on_stack => {
                    self.step(index);
                    self.encoder.sink_top(ty);
                }
                Some(ty) => {
                    self.encoder.sink_before(ty);
                    self.step(index);
                    self.encoder.sink_after(ty);
                }
            }
            first = index + 1;
        }
        let numbers = &self.encoder.numbers;
        debug_assert!(numbers.used + CHAIN_NUMBERS <= numbers.per_copy, "{}", self.unit);
    }

    fn seed(&mut self) {
        if let Some(ty) = self.unit.carried() {
            self.encoder.numbers.used = self.encoder.numbers.per_copy - CHAIN_NUMBERS;
            self.encoder.push(ty, Source::canonical(ty), 0);
        }
    }

    fn finish(&mut self) {
        if let Some(ty) = self.unit.carried() {
            self.encoder.numbers.used = self.encoder.numbers.per_copy - CHAIN_NUMBERS;
            self.encoder.sink_top(ty);
        }
    }

    /// Moves carried values to locals when a step of the first expression must push something below
    /// them.
    fn stash(&mut self) {
        let Some(ty) = self.unit.carried() else { return };
        let steps = self.unit.steps();
        let chained = 1 + steps[1..].iter().take_while(|step| step.prev_count() > 0).count();
        let below = steps[..chained].iter().any(|step| {
            !step.op.frame.before.is_empty() || step.operands.first() != Some(&Source::Prev)
        });
        if below {
            if self.unit.kind() == UnitKind::Join {
                self.encoder.scratch(LOCAL_SET, Role::CarryB, ty);
            }
            self.encoder.scratch(LOCAL_SET, Role::CarryA, ty);
            self.carried = Carried::Locals;
        }
    }

    /// Emits a step with everything it takes from earlier steps; leaves its last result on the
    /// stack.
    fn step(&mut self, index: usize) {
        let step = &self.unit.steps()[index];
        for piece in step.op.frame.before {
            self.encoder.piece(*piece);
        }
        self.operands(index, step);
        self.encoder.opcode(step.op.opcode);
        for immediate in step.op.immediates {
            self.encoder.immediate(*immediate, step.op.access);
        }
        for piece in step.op.frame.after {
            self.encoder.piece(*piece);
        }
        if let [others @ .., last] = step.op.results
            && !others.is_empty()
        {
            self.encoder.scratch(LOCAL_SET, Role::Last, *last);
            for ty in others.iter().rev() {
                self.encoder.sink_top(*ty);
            }
            self.encoder.scratch(LOCAL_GET, Role::Last, *last);
        }
    }

    fn operands(&mut self, index: usize, step: &Step) {
        let mut prevs = 0;
        for (at, (source, &ty)) in (0..).zip(step.operands.iter().zip(step.op.params)) {
            if *source != Source::Prev {
                self.encoder.push(ty, *source, at);
                continue;
            }
            match index.checked_sub(1) {
                None if self.carried == Carried::Stack => {}
                None if at == 0 => self.encoder.scratch(LOCAL_GET, Role::CarryA, ty),
                None => self.encoder.scratch(LOCAL_GET, Role::CarryB, ty),
                Some(before) => {
                    let given = self.prev(before, step, prevs);
                    self.encoder.convert(given, ty);
                }
            }
            prevs += 1;
        }
    }

    /// Pushes the result of step `before`, and tells its type; `prevs` operands of `step` have taken it
    /// already.
    fn prev(&mut self, before: usize, step: &Step, prevs: usize) -> Type {
        let ty = self.unit.steps()[before].op.last_result().expect("checked by Unit::new");
        if prevs > 0 {
            self.encoder.scratch(LOCAL_GET, Role::Tee, ty);
        } else {
            self.step(before);
            if step.prev_count() > 1 {
                self.encoder.scratch(LOCAL_TEE, Role::Tee, ty);
            }
        }
        ty
    }
}

#[cfg(test)]
mod tests;
