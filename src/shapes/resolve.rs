//! Finds the recipe that stands at a proximity to a limit.
//!
//! How many copies of a unit fit a body of 7,654,321 bytes depends on the unit, on the length of
//! indices, on everything around it. Rather than let each shape repeat that arithmetic, the limit's
//! use is measured on built modules and the parameter is searched: exact, and never out of step
//! with what `build` does.

use super::{Axis, RecipeCheckError, Shape, build};
use crate::limits;
use crate::ops::{Unit, UnitKind, operator};
use crate::recipe::{Proximity, Recipe};
use thiserror::Error;

/// Builds at most this many modules in one search. Every third is a bisection where the target is
/// enclosed, so that about twenty halvings are left for a use that bends in a way that
/// interpolation cannot follow; where use is nearly a straight line, a few probes are enough.
const PROBES_MAX: u32 = 64;

/// Why a proximity has no recipe.
#[derive(Debug, Error)]
pub enum ResolveError {
    /// The base recipe does not fit its shape.
    #[error(transparent)]
    Recipe(#[from] RecipeCheckError),
    /// The parameter's range ends before the limit is reached.
    #[error(
        "drive shape {shape} to {proximity} of limit {limit}: {param} at its greatest value uses \
         {reached} of {wanted}"
    )]
    OutOfReach {
        /// Id of the shape.
        shape: &'static str,
        /// Id of the limit.
        limit: &'static str,
        /// The parameter that was moved.
        param: &'static str,
        /// What was asked for.
        proximity: Proximity,
        /// Use of the limit at the parameter's greatest value.
        reached: u64,
        /// Use of the limit asked for.
        wanted: u64,
    },
}

/// A recipe of `shape` with all parameters at their defaults and a plain unit of the right kind.
pub fn default_recipe(shape: &dyn Shape) -> Recipe {
    let recipe = Recipe::new(shape.id());
    match shape.unit() {
        None => recipe,
        Some(kind) => recipe.with_unit(default_unit(kind)),
    }
}

fn default_unit(kind: UnitKind) -> Unit {
    let add = operator("i32.add").expect("the operator table has i32.add");
    match kind {
        UnitKind::Closed => Unit::closed(add),
        UnitKind::Link => Unit::link(add),
        UnitKind::Join => Unit::join(add),
    }
    .expect("i32.add makes every kind of unit")
}

/// The recipe, otherwise as `base`, whose module stands at `proximity` of the axis' limit: the
/// greatest value of the axis' parameter that does not pass it, filled up by the axis' padding.
/// Past the limit (`Above`) it is the least value that reaches at least that far.
pub fn resolve(
    shape: &'static dyn Shape,
    axis: &Axis,
    proximity: Proximity,
    base: &Recipe,
) -> Result<Recipe, ResolveError> {
    let limit = limits::limit(axis.limit).expect("a test holds every axis against the limits");
    let wanted = proximity.value(limit.min, limit.target());
    let (min, max) = {
        let param = shape.params().iter().find(|param| param.name == axis.param);
        let param = param.expect("a test holds every axis against the parameters");
        (param.min, param.max)
    };
    let at = |value: u64| base.clone().with(axis.param, value);
    let used = |value: u64| -> Result<u64, ResolveError> {
        Ok(build(&at(value))?.facts.usage.get(axis.limit))
    };
    let (value, reached) = search(min, max, wanted, used)?;
    if reached >= wanted {
        return Ok(at(value));
    }
    if let Some(pad) = axis.pad {
        let padded = at(value).with(pad, wanted - reached);
        super::check(&padded)?;
        return Ok(padded);
    }
    if value == max {
        return Err(ResolveError::OutOfReach {
            shape: shape.id(),
            limit: axis.limit,
            param: axis.param,
            proximity,
            reached,
            wanted,
        });
    }
    let past = matches!(proximity, Proximity::Above(_));
    Ok(at(if past { value + 1 } else { value }))
}

/// The greatest value in `min..=max` whose use does not pass `wanted` (or `min`), and its use.
/// Use grows with the value and mostly in proportion, so each probe interpolates; a bisection
/// step in between bounds the number of probes where it does not.
fn search(
    min: u64,
    max: u64,
    wanted: u64,
    mut used: impl FnMut(u64) -> Result<u64, ResolveError>,
) -> Result<(u64, u64), ResolveError> {
    let (mut low, mut low_used) = (min, used(min)?);
    if low_used >= wanted || min == max {
        return Ok((low, low_used));
    }
    // The first guess takes a step of one to learn the slope without building anything large.
    let (mut high, mut high_used) = (None, 0);
    let mut guess = min + 1;
    let min_used = low_used;
    for probe in 0..PROBES_MAX {
        let now = used(guess)?;
        if now == wanted {
            return Ok((guess, now));
        }
        if now < wanted {
            (low, low_used) = (guess, now);
        } else {
            (high, high_used) = (Some(guess), now);
        }
        let limit = high.map_or(max, |high| high - 1);
        if low >= limit {
            break;
        }
        guess = match high {
            Some(high) if probe % 3 == 2 => low + (high - low) / 2,
            Some(high) => low + scale(wanted - low_used, high - low, high_used - low_used),
            None => low + scale(wanted - low_used, low - min, low_used - min_used),
        }
        .clamp(low + 1, limit);
    }
    Ok((low, low_used))
}

/// `part * of / whole`, or `of` where the slope is flat.
fn scale(part: u64, of: u64, whole: u64) -> u64 {
    if whole == 0 {
        return of.saturating_mul(2).max(1);
    }
    let scaled = u128::from(part) * u128::from(of) / u128::from(whole);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_finds_the_last_value_that_does_not_pass() {
        for (overhead, step, wanted) in [(7, 3, 1_000), (0, 1, 999), (90, 250, 7_654_321)] {
            let mut probes = 0;
            let used = |value: u64| {
                probes += 1;
                // A longer index past 128 bends the line, as LEB128 does.
                Ok(overhead + step * value + value.saturating_sub(128))
            };
            let (value, reached) = search(1, 1 << 40, wanted, used).unwrap();
            assert!(reached <= wanted);
            let next = overhead + step * (value + 1) + (value + 1).saturating_sub(128);
            assert!(next > wanted, "{value} is not the last value under {wanted}");
            assert!(probes < 20, "{probes} probes for {wanted}");
        }
    }

    #[test]
    fn the_search_stops_on_a_flat_line_and_at_the_ends() {
        assert_eq!(search(1, 50, 10, |_| Ok(3)).unwrap(), (50, 3));
        assert_eq!(search(4, 4, 10, Ok).unwrap(), (4, 4));
        assert_eq!(search(4, 9, 2, Ok).unwrap(), (4, 4));
    }
}
