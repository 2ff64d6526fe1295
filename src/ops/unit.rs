//! The unit: a short operator sequence that a body repeats, well-typed by construction.
//!
//! All type checking happens in [`Unit::new`], so that a `Unit` that exists can be encoded without
//! failing, and shapes need to know no more than its [`UnitKind`] and the type it carries.

mod places;

use std::collections::BTreeSet;

use crate::ops::emit;
use crate::ops::error::UnitError;
use crate::ops::operator;
use crate::ops::parts::Frame;
use crate::ops::table::{Operator, Proposal, Type};

pub use self::places::{Sink, Source};

/// A short well-typed operator sequence, one to sixteen steps.
///
/// Its text form reads `f64.copysign(local, load); f64.add(prev, const) -> store`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unit {
    steps: Vec<Step>,
    sink: Sink,
}

/// One operator of a unit, and where its operands come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The row.
    pub op: &'static Operator,
    /// One source per operand of the row.
    pub operands: Vec<Source>,
}

/// How copies of a unit fit together: by the number of `prev` operands of the first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnitKind {
    /// `[] -> []`: none.
    Closed,
    /// `[t] -> [t]`: operand 0.
    Link,
    /// `[t t] -> [t]`: operands 0 and 1.
    Join,
}

/// What reads back the effect of operators whose effect would otherwise be dead in all copies but
/// the last.
const READERS: &[(&str, &str)] = &[("local.set", "local.get"), ("data.drop", "memory.init")];

impl Step {
    /// How many operands are `prev`.
    pub(crate) fn prev_count(&self) -> usize {
        self.operands.iter().filter(|source| **source == Source::Prev).count()
    }

    fn canonical(op: &'static Operator, prev_count: usize) -> Step {
        let operands =
            op.params.iter().enumerate().map(|(at, ty)| {
                if at < prev_count { Source::Prev } else { Source::canonical(*ty) }
            });
        Step { op, operands: operands.collect() }
    }
}

impl Unit {
    /// Most steps of a unit.
    pub const STEPS_MAX: usize = 16;

    /// Checks the types and makes the unit.
    pub fn new(steps: Vec<Step>, sink: Sink) -> Result<Unit, UnitError> {
        if steps.len() > Unit::STEPS_MAX {
            return Err(UnitError::TooLong { steps: steps.len() });
        }
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
            return Err(UnitError::Empty);
        };
        for (index, step) in steps.iter().enumerate() {
            if step.operands.len() != step.op.params.len() {
                return Err(UnitError::OperandCount {
                    step: index,
                    operator: step.op.name,
                    wanted: step.op.params.len(),
                    given: step.operands.len(),
                });
            }
        }
        let carried_count = first.prev_count();
        let leading = first.operands.iter().take_while(|source| **source == Source::Prev).count();
        if carried_count > 2 || carried_count != leading {
            return Err(UnitError::CarriedPlace { operator: first.op.name });
        }
        for (index, pair) in steps.windows(2).enumerate() {
            check_prev(index + 1, &pair[1], pair[0].op.last_result())?;
        }
        if let Some(&wanted) = first.op.params[..carried_count].first() {
            let second = first.op.params[..carried_count].last().copied();
            for given in [second, last.op.last_result()] {
                if given != Some(wanted) {
                    return Err(UnitError::CarriedType { wanted, given });
                }
            }
        }
        Ok(Unit { steps, sink })
    }

    /// The steps, first to last.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Where results go that no later step takes.
    pub fn sink(&self) -> Sink {
        self.sink
    }

    /// Whether more than its operands stands around one of its operators.
    pub fn is_framed(&self) -> bool {
        self.steps.iter().any(|step| step.op.frame != Frame::NONE)
    }

    /// How copies fit together.
    pub fn kind(&self) -> UnitKind {
        match self.steps[0].prev_count() {
            0 => UnitKind::Closed,
            1 => UnitKind::Link,
            _ => UnitKind::Join,
        }
    }

    /// The `t` of `[t] -> [t]` or `[t t] -> [t]`; none for a closed unit.
    pub fn carried(&self) -> Option<Type> {
        match self.kind() {
            UnitKind::Closed => None,
            UnitKind::Link | UnitKind::Join => self.steps[0].op.params.first().copied(),
        }
    }

    /// The canonical unit whose only purpose is this operator: operands come from where an
    /// optimiser cannot see them, results go where it must keep them. `nop` is the one unit that
    /// any compiler deletes.
    ///
    /// Every row has one today; the `Option` leaves room for a row that can only stand in longer
    /// sequences.
    pub fn closed(op: &'static Operator) -> Option<Unit> {
        let mut steps = vec![Step::canonical(op, 0)];
        for (_, reader) in READERS.iter().filter(|(written, _)| *written == op.name) {
            steps.push(Step::canonical(operator(reader)?, 0));
        }
        let result = steps.last().and_then(|step| step.op.last_result());
        // Setting one global to the same reference again and again is a dead store.
        let constant = op.params.is_empty() && result.is_some();
        let sink = if constant { Sink::Store } else { Sink::canonical(result) };
        Unit::new(steps, sink).ok()
    }

    /// The one-step link of this operator; none unless operand 0 and the last result have the same
    /// type.
    ///
    /// A chain of links may fold where the operator undoes or repeats itself: `neg`, `not`, `abs`,
    /// sign extensions.
    pub fn link(op: &'static Operator) -> Option<Unit> {
        let carried = op.link_type()?;
        Unit::new(vec![Step::canonical(op, 1)], Sink::canonical(Some(carried))).ok()
    }

    /// The one-step join of this operator; none unless operands 0 and 1 and the last result have
    /// the same type.
    pub fn join(op: &'static Operator) -> Option<Unit> {
        let carried = op.join_type()?;
        Unit::new(vec![Step::canonical(op, 2)], Sink::canonical(Some(carried))).ok()
    }

    /// The proposals that an engine must support for this unit, those of its sources and sinks
    /// included.
    pub fn proposals(&self) -> BTreeSet<Proposal> {
        let mut proposals = BTreeSet::from([Proposal::Mvp]);
        for op in self.steps.iter().map(|step| step.op) {
            proposals.insert(op.proposal);
            proposals.extend(op.params.iter().chain(op.results).map(|ty| ty.proposal()));
        }
        proposals.extend(emit::entities(self, false).iter().flat_map(|entity| entity.proposals()));
        proposals
    }
}

/// Whether a result may be an operand. Any integer may be an address; what is too wide or too narrow
/// for that is converted.
pub(crate) fn feeds(given: Type, wanted: Type) -> bool {
    given.fits(wanted) || (wanted == Type::Addr && matches!(given, Type::I32 | Type::I64))
}

fn check_prev(index: usize, step: &Step, given: Option<Type>) -> Result<(), UnitError> {
    let operands = step.operands.iter().zip(step.op.params).enumerate();
    for (operand, (source, &wanted)) in operands {
        if *source == Source::Prev && !given.is_some_and(|given| feeds(given, wanted)) {
            let operator = step.op.name;
            return Err(UnitError::PrevType { step: index, operator, operand, wanted, given });
        }
    }
    Ok(())
}
