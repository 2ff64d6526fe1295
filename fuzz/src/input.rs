//! The input of a target: a recipe in its compact form.

use arbitrary::{Arbitrary, Error, Result, Unstructured};
use std::fmt;
use wasm_brink::recipe::Recipe;
use wasm_brink::shapes;

/// A recipe, whose text is what people see of an input.
#[derive(Clone, PartialEq, Eq)]
pub struct Input(pub Recipe);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Input> {
        let bytes = u.bytes(u.len())?;
        shapes::from_bytes(bytes).map(Input).map_err(|_| Error::IncorrectFormat)
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_toml())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_a_compact_recipe_and_shows_as_its_text() {
        let recipe = shapes::default_recipe(shapes::SHAPES[0]);
        let bytes = shapes::to_bytes(&recipe).unwrap();
        let input = Input::arbitrary_take_rest(Unstructured::new(&bytes)).unwrap();
        assert_eq!(input, Input(recipe.clone()));
        assert_eq!(Recipe::from_toml(&format!("{input:?}")).unwrap(), recipe);
    }

    #[test]
    fn what_decodes_to_no_recipe_is_no_input() {
        for bytes in [&[][..], &[9, 0, 0], &[1, 0xff, 0xff, 0xff, 0x7f], &[0; 100]] {
            assert!(Input::arbitrary_take_rest(Unstructured::new(bytes)).is_err(), "{bytes:?}");
        }
    }
}
