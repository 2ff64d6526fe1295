//! The unit: fewer operators, plainer operators, plainer operands.
//!
//! A shorter unit makes a shorter body, so where it does not show the finding as often as before, it
//! is tried as much more often as it is shorter, and once again as often; the counts are brought
//! down afterwards.

use super::search::{Halt, Search};
use crate::ops::{Operator, Proposal, Sink, Source, Step, Unit, operators};
use crate::recipe::{Recipe, UnitText};
use crate::shapes;

/// What a shorter unit is repeated more often by, beyond what it is shorter by.
const AGAIN: u64 = 2;

/// Makes the unit as plain as it can be.
pub(super) fn simplify(search: &mut Search<'_>) -> Result<(), Halt> {
    'again: loop {
        let recipe = search.recipe();
        let Some(UnitText(unit)) = &recipe.unit else { return Ok(()) };
        for plainer in plainer(unit) {
            if plainer.kind() != unit.kind() {
                continue;
            }
            let shorter = plainer.steps().len() < unit.steps().len();
            let as_often = recipe.clone().with_unit(plainer.clone());
            if search.recipe_holds(as_often)? {
                continue 'again;
            }
            if shorter && search.recipe_holds(more_often(&recipe, unit, &plainer))? {
                continue 'again;
            }
        }
        return Ok(());
    }
}

/// The recipe with a shorter unit and the counts that drive a limit as much larger.
fn more_often(recipe: &Recipe, unit: &Unit, shorter: &Unit) -> Recipe {
    let (long, short) = (unit.steps().len() as u64, shorter.steps().len().max(1) as u64);
    let mut longer = recipe.clone().with_unit(shorter.clone());
    let Some(shape) = shapes::shape(&recipe.shape) else { return longer };
    for param in shape.params() {
        let drives = shape.axes().iter().any(|axis| axis.param == param.name);
        if let Some(value) = recipe.params.get(param.name).filter(|_| drives) {
            let value = value.saturating_mul(long * AGAIN).div_ceil(short).min(param.max);
            longer = longer.with(param.name, value);
        }
    }
    longer
}

/// Units that are plainer than this one by one change, the largest changes first.
fn plainer(unit: &Unit) -> Vec<Unit> {
    let (steps, sink) = (unit.steps(), unit.sink());
    let mut units = Vec::new();
    let mut length = steps.len() / 2;
    while length > 0 {
        for at in (0..=steps.len() - length).rev() {
            let mut kept = [&steps[..at], &steps[at + length..]].concat();
            units.extend(Unit::new(kept.clone(), sink).ok());
            // What came from the steps that are gone comes from elsewhere.
            if let Some(next) =
                kept.get_mut(at).filter(|next| next.operands.contains(&Source::Prev))
            {
                let elsewhere = |source: &mut Source| {
                    if *source == Source::Prev {
                        *source = Source::Local;
                    }
                };
                next.operands.iter_mut().for_each(elsewhere);
                units.extend(Unit::new(kept, sink).ok());
            }
        }
        length /= 2;
    }
    for (at, step) in steps.iter().enumerate() {
        let with = |step: Step, sink: Sink| {
            let mut steps = steps.to_vec();
            steps[at] = step;
            Unit::new(steps, sink).ok()
        };
        let op = plainest(step.op);
        if op.name != step.op.name {
            units.extend(with(Step { op, operands: step.operands.clone() }, sink));
        }
        for (operand, source) in step.operands.iter().enumerate() {
            if matches!(source, Source::Load | Source::Global) {
                let mut operands = step.operands.clone();
                operands[operand] = Source::Local;
                units.extend(with(Step { op: step.op, operands }, sink));
            }
        }
    }
    units
}

/// The addition that takes and makes the same, or the first operator of the table that does and
/// does nothing else.
fn plainest(op: &'static Operator) -> &'static Operator {
    let alike = |other: &&Operator| {
        other.proposal == Proposal::Mvp
            && !other.can_trap
            && other.access.is_none()
            && other.immediates.is_empty()
            && (other.params, other.results) == (op.params, op.results)
    };
    let addition = operators().filter(alike).find(|other| other.name.ends_with(".add"));
    addition.or_else(|| operators().find(alike)).unwrap_or(op)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(unit: &str) -> Vec<String> {
        plainer(&unit.parse().unwrap()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn units_get_shorter_then_plainer() {
        let units = texts("i32.rotl(load, const); i32.div_s(prev, load); i32.eqz(prev) -> store");
        assert_eq!(units[0], "i32.rotl(load, const); i32.div_s(prev, load) -> store");
        assert!(units.contains(
            &"i32.add(load, const); i32.div_s(prev, load); i32.eqz(prev) -> store".to_owned()
        ));
        assert!(units.iter().any(|unit| unit.contains("i32.rotl(local, const)")), "{units:?}");
    }

    #[test]
    fn the_plainest_unit_is_left_alone() {
        assert_eq!(texts("i32.add(local, local) -> store"), Vec::<String>::new());
    }
}
