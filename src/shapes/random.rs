//! Recipes from bytes: how a fuzzer's input becomes a test case.

use super::{Param, SHAPES};
use crate::ops::Unit;
use crate::recipe::Recipe;
use arbitrary::{Result, Unstructured};

/// Draws a recipe that fits its shape. Values are drawn on a logarithmic scale, so that small and
/// large counts are equally likely, and now and then at an end of the range.
pub fn arbitrary(u: &mut Unstructured<'_>) -> Result<Recipe> {
    let shape = *u.choose(SHAPES)?;
    let mut recipe = Recipe::new(shape.id());
    for param in shape.params() {
        let value = draw(param, u)?;
        if value != param.default {
            recipe = recipe.with(param.name, value);
        }
    }
    if let Some(kind) = shape.unit() {
        recipe = recipe.with_unit(Unit::arbitrary(kind, u)?);
    }
    recipe.seed = u64::from(u.arbitrary::<u8>()?);
    Ok(recipe)
}

/// A value in the parameter's range.
pub(super) fn draw(param: &Param, u: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match u.int_in_range(0u8..=9)? {
        0 => param.min,
        1 => param.default,
        _ => {
            let span = param.max - param.min;
            let bits = u.int_in_range(0..=64 - span.leading_zeros())?;
            let top = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            param.min + u.int_in_range(0..=top.min(span))?
        }
    })
}
