//! The units of the matrix: loads, what they feed, and the sinks that keep the results.

use super::Depth;
use crate::ops::{
    AccessKind, Immediate, Offset, Operator, Sink, Source, Step, Unit, feeds, operators,
};

/// The sinks that keep a result.
fn sinks(op: &Operator) -> &'static [Sink] {
    if op.results.is_empty() { &[Sink::Drop] } else { &[Sink::Store, Sink::Global, Sink::Call] }
}

/// The units of a depth; those that differ in their sinks alone together.
pub(super) fn units_of(depth: Depth) -> Box<dyn Iterator<Item = Vec<Unit>> + Send> {
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

/// Whether a unit must have a function of its own: it names too many places, it sets a parameter
/// that others read, or, where there is no offset, the code around its operators may load from where
/// another's sink stored.
pub(super) fn stands_alone(unit: &Unit, offset: Offset) -> bool {
    let sets_parameter =
        |op: &Operator| op.immediates.iter().any(|it| matches!(it, Immediate::Local(_)));
    !unit.may_have_neighbours()
        || unit.steps().iter().any(|step| sets_parameter(step.op))
        || (unit.is_framed() && offset == Offset::Zero)
}

/// Whether what keeps a unit's result may change any byte of memory.
pub(super) fn may_change_memory(unit: &Unit) -> bool {
    let result = unit.steps().last().and_then(|step| step.op.last_result());
    match unit.sink() {
        // References are stored to a table.
        Sink::Store => result.is_some_and(|ty| ty.is_number()),
        Sink::Call => true,
        Sink::Drop | Sink::Local | Sink::Global => false,
    }
}

fn is_load(op: &Operator) -> bool {
    op.access.is_some_and(|access| access.kind == AccessKind::Load)
}

/// The operands of `op` that take the result of `from`.
fn fed(op: &Operator, from: &Operator) -> Vec<usize> {
    let Some(given) = from.last_result().filter(|ty| ty.is_number()) else { return Vec::new() };
    let operands = op.params.iter().enumerate();
    operands.filter(|(_, wanted)| feeds(given, **wanted)).map(|(at, _)| at).collect()
}

/// `op` with all operands from parameters but the one at `prev`.
fn step(op: &'static Operator, prev: Option<usize>) -> Step {
    let source = |at| if Some(at) == prev { Source::Prev } else { Source::Local };
    Step { op, operands: (0..op.params.len()).map(source).collect() }
}
