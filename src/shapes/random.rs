//! Recipes from bytes: how a fuzzer's input becomes a test case.

use super::{Param, SHAPES};
use crate::ops::{Unit, UnitKind};
use crate::recipe::Recipe;
use arbitrary::{Arbitrary, Result, Unstructured};

/// A recipe that fits its shape. Values are drawn on a logarithmic scale, so that small and large
/// counts are equally likely, and now and then at an end of the range.
impl<'a> Arbitrary<'a> for Recipe {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Recipe> {
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
}

/// Entropy that a unit of sixteen steps takes at most, in bytes.
const UNIT_ENTROPY_BYTES: usize = 1024;

/// The unit of a kind that a seed stands for in a shape; the same on every machine.
pub fn seeded_unit(shape: &str, kind: UnitKind, seed: u64) -> Option<Unit> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(shape.as_bytes()).update(&seed.to_le_bytes());
    let mut bytes = [0; UNIT_ENTROPY_BYTES];
    hasher.finalize_xof().fill(&mut bytes);
    Unit::arbitrary(kind, &mut Unstructured::new(&bytes)).ok()
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
