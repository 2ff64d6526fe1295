//! The matrix: every operator that takes a value, fed by every load that makes one.
//!
//! Nothing is picked by hand: rows come from the operator table. A case is a unit: a load, the
//! operator with the load's result at one of its operands, and a sink. Addresses take turns, so
//! that every load meets every form of address, offset and memory.

use crate::ops::{
    AccessKind, AddressForm, Addressing, Offset, Operator, Prelude, Proposal, Sink, Source, Step,
    Type, Unit, operators,
};
use crate::shapes::MemoryForm;
use std::collections::{BTreeMap, BTreeSet};

/// Functions in one module of the matrix: small enough to share among processors, large enough
/// that the cost of a job is lost in them.
const BATCH: usize = 500;

/// One function of the matrix: what differs in its sink alone, as far as that may stand together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// The units, one after the other.
    pub units: Vec<Unit>,
    /// How addresses are made.
    pub addressing: Addressing,
}

/// Points that go into one module: they need the same memory and the same proposals.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The memory.
    pub memory: MemoryForm,
    /// What an engine must have.
    pub proposals: BTreeSet<Proposal>,
    /// The points; each is a function, in order.
    pub points: Vec<Point>,
}

impl Batch {
    /// The point of a function, by its index in the module.
    pub fn point(&self, function: u32) -> Option<&Point> {
        let imports = usize::try_from(self.imports()).ok()?;
        self.points.get(usize::try_from(function).ok()?.checked_sub(imports)?)
    }

    fn imports(&self) -> u32 {
        let units: Vec<&Unit> = self.points.iter().flat_map(|point| &point.units).collect();
        Prelude::for_any_addressing(&units, false, false).counts().functions
    }
}

/// How many operators stand between a load and its sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// One.
    One,
    /// Two: an operator fed by an operator fed by a load.
    Two,
}

/// Which addresses each point has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// One form of address, offset and memory, in turns.
    Turns,
    /// All of them.
    All,
}

/// The batches of the matrix; with `only`, of points with that operator.
pub fn batches(depth: Depth, spread: Spread, only: Option<&str>) -> Vec<Batch> {
    let mut units = Vec::new();
    for unit in units_of(depth) {
        let wanted = |name: &str| unit[0].steps().iter().any(|step| step.op.name == name);
        if only.is_none_or(wanted) {
            units.push(unit);
        }
    }
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: BTreeMap<(usize, BTreeSet<Proposal>), Vec<Point>> = BTreeMap::new();
    for units in units {
        let turn = turns.entry(units[0].steps()[0].op.name).or_default();
        let forms = forms();
        let chosen = match spread {
            Spread::Turns => &forms[*turn % forms.len()..][..1],
            Spread::All => &forms[..],
        };
        *turn += 1;
        for &(mut addressing, memory) in chosen {
            if addressing.offset == Offset::Zero && repeats_itself(&units[0]) {
                addressing.offset = Offset::Small;
            }
            // At one address, the loads of several units would be one load.
            let together = if addressing.offset == Offset::Zero { 1 } else { units.len() };
            for units in units.chunks(together) {
                let point = Point { units: units.to_vec(), addressing };
                groups.entry((memory, units[0].proposals())).or_default().push(point);
            }
        }
    }
    let batch = |((memory, proposals), points): ((usize, BTreeSet<Proposal>), Vec<Point>)| {
        let memory = MemoryForm::ALL[memory];
        let batches = points.chunks(BATCH).map(<[Point]>::to_vec).collect::<Vec<_>>();
        batches.into_iter().map(move |points| Batch {
            memory,
            proposals: proposals.clone(),
            points,
        })
    };
    groups.into_iter().flat_map(batch).collect()
}

/// Every way to address, in an order in which neighbours differ in everything.
fn forms() -> Vec<(Addressing, usize)> {
    let (forms, offsets, memories) =
        (AddressForm::ALL.len(), Offset::ALL.len(), MemoryForm::ALL.len());
    let each = |at: usize| {
        let form = AddressForm::ALL[at % forms];
        let offset = Offset::ALL[(at + at / (forms * offsets)) % offsets];
        (Addressing { form, offset }, at / forms % memories)
    };
    (0..forms * offsets * memories).map(each).collect()
}

/// Whether a unit would access the same bytes twice without need if all its accesses had the same
/// address: a load after a load, a store of what was just loaded from there, two results stored.
fn repeats_itself(unit: &Unit) -> bool {
    let steps = unit.steps();
    let after = steps.iter().skip(1).filter_map(|step| step.op.access).collect::<Vec<_>>();
    after.iter().any(|access| access.kind != AccessKind::Store)
        || (steps.len() == 2 && !after.is_empty())
        || steps.iter().any(|step| step.op.results.len() > 1)
}

/// Operand types that a load can make.
fn is_loadable(ty: Type) -> bool {
    matches!(ty, Type::I32 | Type::I64 | Type::F32 | Type::F64 | Type::V128)
}

/// The sinks that keep a result.
fn sinks(op: &Operator) -> &'static [Sink] {
    if op.results.is_empty() { &[Sink::Drop] } else { &[Sink::Store, Sink::Global, Sink::Call] }
}

/// The units of a depth; those that differ in their sinks alone together.
fn units_of(depth: Depth) -> Vec<Vec<Unit>> {
    let mut units = Vec::new();
    let loads: Vec<&'static Operator> = operators().filter(|op| is_load(op)).collect();
    if depth == Depth::One {
        // What touches memory by itself: loads, stores, read-modify-writes.
        for op in operators().filter(|op| op.access.is_some()) {
            push(&mut units, vec![step(op, None)], op);
        }
    }
    for &load in &loads {
        for op in operators() {
            for at in fed(op, load) {
                let first = vec![step(load, None), step(op, Some(at))];
                match depth {
                    Depth::One => push(&mut units, first, op),
                    Depth::Two => {
                        for second in operators() {
                            for at in fed(second, op) {
                                let mut steps = first.clone();
                                steps.push(step(second, Some(at)));
                                push(&mut units, steps, second);
                            }
                        }
                    }
                }
            }
        }
    }
    units
}

fn push(units: &mut Vec<Vec<Unit>>, steps: Vec<Step>, last: &Operator) {
    let with = |sink: &Sink| Unit::new(steps.clone(), *sink).ok();
    let group: Vec<Unit> = sinks(last).iter().filter_map(with).collect();
    units.extend((!group.is_empty()).then_some(group));
}

fn is_load(op: &Operator) -> bool {
    op.access.is_some_and(|access| access.kind == AccessKind::Load)
}

/// The operands of `op` that take the result of `from`.
fn fed(op: &Operator, from: &Operator) -> Vec<usize> {
    let Some(given) = from.last_result().filter(|ty| is_loadable(*ty)) else { return Vec::new() };
    let operands = op.params.iter().enumerate();
    operands.filter(|(_, wanted)| **wanted == given).map(|(at, _)| at).collect()
}

/// `op` with all operands from parameters but the one at `prev`.
fn step(op: &'static Operator, prev: Option<usize>) -> Step {
    let source = |at| if Some(at) == prev { Source::Prev } else { Source::Local };
    Step { op, operands: (0..op.params.len()).map(source).collect() }
}
