//! The compact form of a recipe: what libFuzzer holds and mutates.
//!
//! A version byte, the shape's position in [`SHAPES`], one number for each of its parameters in
//! order, the seed, and the unit. Positions are append-only, so old bytes keep their meaning; a
//! shape that gained a parameter reads its default from shorter bytes.

use super::{RecipeCheckError, SHAPES, check, leb};
use crate::ops::Unit;
use crate::recipe::{Recipe, UnitText};
use thiserror::Error;

/// Version of the compact form, its first byte.
const COMPACT_VERSION: u8 = 1;

/// Why bytes are no compact recipe.
#[derive(Debug, Error)]
pub enum CodecError {
    /// There is nothing there.
    #[error("read a compact recipe: the input is empty")]
    Empty,
    /// Another version than this build knows.
    #[error("read a compact recipe of version {0}: this build reads version {COMPACT_VERSION}")]
    Version(u8),
    /// The bytes end early or a number is malformed.
    #[error("read a compact recipe: {0}")]
    Malformed(&'static str),
    /// The unit does not decode.
    #[error("read the unit of a compact recipe: {0}")]
    Unit(String),
    /// The recipe does not fit its shape.
    #[error(transparent)]
    Recipe(#[from] RecipeCheckError),
}

/// The compact form of a recipe that fits its shape.
pub fn to_bytes(recipe: &Recipe) -> Result<Vec<u8>, RecipeCheckError> {
    let args = check(recipe)?;
    let position = SHAPES.iter().position(|shape| shape.id() == recipe.shape);
    let position = position.expect("a checked recipe names a known shape");
    let shape = SHAPES[position];
    let mut out = vec![COMPACT_VERSION];
    leb(position as u64, &mut out);
    leb(shape.params().len() as u64, &mut out);
    for param in shape.params() {
        leb(args.get(param.name), &mut out);
    }
    leb(recipe.seed, &mut out);
    if let Some(UnitText(unit)) = &recipe.unit {
        unit.to_bytes(&mut out);
    }
    Ok(out)
}

/// Reads the compact form; values at their defaults are left out of the recipe.
pub fn from_bytes(mut bytes: &[u8]) -> Result<Recipe, CodecError> {
    let (&version, rest) = bytes.split_first().ok_or(CodecError::Empty)?;
    if version != COMPACT_VERSION {
        return Err(CodecError::Version(version));
    }
    bytes = rest;
    let position = usize::try_from(take(&mut bytes)?).unwrap_or(usize::MAX);
    let shape = *SHAPES.get(position).ok_or(CodecError::Malformed("no shape has that number"))?;
    let count = usize::try_from(take(&mut bytes)?).unwrap_or(usize::MAX);
    if count > shape.params().len() {
        return Err(CodecError::Malformed("more parameters than the shape has"));
    }
    let mut recipe = Recipe::new(shape.id());
    for param in &shape.params()[..count] {
        let value = take(&mut bytes)?;
        if value != param.default {
            recipe = recipe.with(param.name, value);
        }
    }
    recipe.seed = take(&mut bytes)?;
    if shape.unit().is_some() {
        let unit = Unit::from_bytes(&mut bytes).map_err(|e| CodecError::Unit(e.to_string()))?;
        recipe = recipe.with_unit(unit);
    }
    if !bytes.is_empty() {
        return Err(CodecError::Malformed("bytes are left over"));
    }
    check(&recipe)?;
    Ok(recipe)
}

/// Takes one unsigned LEB128 number off the front.
fn take(bytes: &mut &[u8]) -> Result<u64, CodecError> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) =
            bytes.split_first().ok_or(CodecError::Malformed("the bytes end inside a number"))?;
        *bytes = rest;
        let low = u64::from(byte & 0x7f);
        if shift == 63 && low > 1 {
            break;
        }
        value |= low << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(CodecError::Malformed("a number of more than 64 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::{default_recipe, shape};
    use arbitrary::{Arbitrary, Unstructured};

    #[test]
    fn arbitrary_recipes_fit_their_shapes_and_round_trip() {
        let mut bytes = vec![0u8; 4096];
        let mut state = 1u64;
        for _ in 0..2_000 {
            for byte in &mut bytes[..256] {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
            let recipe = Recipe::arbitrary(&mut Unstructured::new(&bytes)).unwrap();
            let compact = to_bytes(&recipe).unwrap();
            assert_eq!(from_bytes(&compact).unwrap(), recipe);
            assert_eq!(Recipe::from_toml(&recipe.to_toml()).unwrap(), recipe);
        }
    }

    #[test]
    fn no_prefix_of_a_compact_recipe_panics() {
        for shape in SHAPES {
            let compact = to_bytes(&default_recipe(*shape)).unwrap();
            for end in 0..compact.len() {
                // Some prefixes are recipes (fewer parameters); none may panic.
                let _ = from_bytes(&compact[..end]);
            }
            assert_eq!(from_bytes(&compact).unwrap(), default_recipe(*shape));
        }
        assert!(matches!(from_bytes(&[]), Err(CodecError::Empty)));
        assert!(matches!(from_bytes(&[9]), Err(CodecError::Version(9))));
    }

    #[test]
    fn shape_is_found_by_its_id() {
        for entry in SHAPES {
            assert_eq!(shape(entry.id()).unwrap().id(), entry.id());
        }
    }
}
