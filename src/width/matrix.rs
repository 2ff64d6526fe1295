//! The matrix: every operator that takes a value, fed by every load that makes one.
//!
//! Nothing is picked by hand: rows come from the operator table. A case is a unit: a load, the
//! operator with the load's result at one of its operands, and a sink. Addresses take turns, so
//! that every load meets every form of address, offset and memory.

use crate::ops::{
    AccessKind, AddressForm, Addressing, Offset, Operator, Prelude, Proposal, Sink, Source, Step,
    Type, Unit, feeds, operators,
};
use crate::shapes::MemoryForm;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::LazyLock;

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

/// The batches of the matrix, made as they are asked for; with `only`, of points with that operator.
pub fn batches(depth: Depth, only: Option<&str>) -> Batches {
    Batches {
        units: units_of(depth),
        only: only.map(str::to_owned),
        turns: BTreeMap::new(),
        open: BTreeMap::new(),
        full: VecDeque::new(),
        plain: false,
    }
}

/// Points by the place of their memory in [`MemoryForm::ALL`], whether their accesses may have one
/// address, and what they need.
type Groups = BTreeMap<(usize, bool, BTreeSet<Proposal>), Vec<Point>>;

/// See [`batches`].
pub struct Batches {
    units: Box<dyn Iterator<Item = Vec<Unit>> + Send>,
    only: Option<String>,
    /// By load, which addresses its next point has.
    turns: BTreeMap<&'static str, usize>,
    /// What does not fill a module yet.
    open: Groups,
    /// What does.
    full: VecDeque<Batch>,
    /// Whether points with plain addresses come as well.
    plain: bool,
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        while self.full.is_empty() {
            let Some(units) = self.units.next() else { break };
            self.add(&units);
        }
        if let Some(full) = self.full.pop_front() {
            return Some(full);
        }
        let ((memory, _, proposals), points) = self.open.pop_first()?;
        Some(Batch { memory: MemoryForm::ALL[memory], proposals, points })
    }
}

impl Batches {
    /// As well as with addresses of the form whose turn it is, has each unit with the plainest ones:
    /// those that reach every byte around the end of memory.
    #[must_use]
    pub fn also_plain(self) -> Batches {
        Batches { plain: true, ..self }
    }

    /// Adds a group of units.
    fn add(&mut self, units: &[Unit]) {
        let Some(first) = units.first() else { return };
        let turn = self.turns.entry(first.steps()[0].op.name).or_default();
        let (addressing, memory) = FORMS[*turn % FORMS.len()];
        *turn += 1;
        // Turns are dealt before, so that a part of the matrix is a part of it.
        let has = |name: &String| first.steps().iter().any(|step| step.op.name == name);
        if !self.only.as_ref().is_none_or(has) {
            return;
        }
        self.put(units, addressing, memory);
        if self.plain {
            let plain = Addressing { form: AddressForm::Local, offset: Offset::Zero };
            self.put(&units[..1], plain, 0);
        }
    }

    /// Adds a group of units with addresses and a memory of these forms.
    fn put(&mut self, units: &[Unit], mut addressing: Addressing, memory: usize) {
        let first = &units[0];
        if addressing.offset == Offset::Zero && repeats_itself(first) {
            addressing.offset = Offset::Small;
        }
        let key = (memory, addressing.offset == Offset::Zero, first.proposals());
        let points = self.open.entry(key.clone()).or_default();
        // At one address, the loads of several units would be one load.
        let together = if addressing.offset == Offset::Zero { 1 } else { units.len() };
        for units in units.chunks(together) {
            points.push(Point { units: units.to_vec(), addressing });
        }
        if points.len() >= BATCH {
            let points = std::mem::take(points);
            let memory = MemoryForm::ALL[memory];
            self.full.push_back(Batch { memory, proposals: key.2, points });
        }
    }
}

/// Every way to address, in an order in which neighbours differ in everything.
static FORMS: LazyLock<Vec<(Addressing, usize)>> = LazyLock::new(|| {
    let (forms, offsets, memories) =
        (AddressForm::ALL.len(), Offset::ALL.len(), MemoryForm::ALL.len());
    let each = |at: usize| {
        let form = AddressForm::ALL[at % forms];
        let offset = Offset::ALL[(at + at / (forms * offsets)) % offsets];
        (Addressing { form, offset }, at / forms % memories)
    };
    (0..forms * offsets * memories).map(each).collect()
});

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
fn units_of(depth: Depth) -> Box<dyn Iterator<Item = Vec<Unit>> + Send> {
    // What touches memory by itself: loads, stores, read-modify-writes.
    let alone = operators().filter(|op| op.access.is_some()).map(|op| vec![step(op, None)]);
    let fed_by = |from: &'static Operator| {
        operators().flat_map(move |op| fed(op, from).into_iter().map(move |at| step(op, Some(at))))
    };
    let loads = operators().filter(|op| is_load(op));
    let one =
        loads.flat_map(move |load| fed_by(load).map(move |next| vec![step(load, None), next]));
    match depth {
        Depth::One => Box::new(alone.chain(one).map(group)),
        Depth::Two => {
            let two = move |steps: Vec<Step>| {
                let last = steps[1].op;
                fed_by(last).map(move |next| [&steps[..], &[next]].concat())
            };
            Box::new(one.flat_map(two).map(group))
        }
    }
}

/// The unit of these steps, with each sink.
fn group(steps: Vec<Step>) -> Vec<Unit> {
    let last = steps[steps.len() - 1].op;
    sinks(last).iter().filter_map(|sink| Unit::new(steps.clone(), *sink).ok()).collect()
}

fn is_load(op: &Operator) -> bool {
    op.access.is_some_and(|access| access.kind == AccessKind::Load)
}

/// The operands of `op` that take the result of `from`.
fn fed(op: &Operator, from: &Operator) -> Vec<usize> {
    let Some(given) = from.last_result().filter(|ty| is_loadable(*ty)) else { return Vec::new() };
    let operands = op.params.iter().enumerate();
    operands.filter(|(_, wanted)| feeds(given, **wanted)).map(|(at, _)| at).collect()
}

/// `op` with all operands from parameters but the one at `prev`.
fn step(op: &'static Operator, prev: Option<usize>) -> Step {
    let source = |at| if Some(at) == prev { Source::Prev } else { Source::Local };
    Step { op, operands: (0..op.params.len()).map(source).collect() }
}
