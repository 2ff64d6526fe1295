//! The recipe: the test case itself.
//!
//! A module near a limit is megabytes; what makes it is a few numbers. Everything that lasts
//! (corpus, reports, reproduction, shrinking) speaks recipes, and modules are derived from them:
//! equal recipe, equal bytes, on every machine. This room knows the form of a recipe and nothing
//! of the shapes that it names; `shapes` checks a recipe against its shape.

mod proximity;

use crate::ops::Unit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;

pub use self::proximity::{Proximity, ProximityError};

/// Version of the recipe text; a reader refuses anything newer.
pub const RECIPE_VERSION: u32 = 1;

/// Longest recipe text that is read, in bytes: sixteen steps and a handful of numbers fit a
/// hundred times over, so anything longer is some other file.
pub const RECIPE_TEXT_BYTES_MAX: usize = 64 * 1024;

/// A shape, its parameters, a unit where the shape repeats one, and a seed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// [`RECIPE_VERSION`] of the writer.
    pub version: u32,
    /// Id of the shape.
    pub shape: String,
    /// The operator sequence that the shape repeats, in the text form of [`Unit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitText>,
    /// Varies constants where a shape draws some; 0 for most recipes.
    #[serde(default)]
    pub seed: u64,
    /// Numeric parameters by name; those left out take the shape's defaults.
    #[serde(default)]
    pub params: BTreeMap<String, u64>,
}

/// A unit as a recipe carries it: ordered by its text, so that recipes have an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnitText(pub Unit);

impl PartialOrd for UnitText {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UnitText {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.to_string().cmp(&other.0.to_string())
    }
}

/// Why a text is not a recipe.
#[derive(Debug, Error)]
pub enum RecipeError {
    /// The text is not TOML of the expected form.
    #[error("parse the recipe: {0}")]
    Syntax(String),
    /// A newer version than this build reads.
    #[error(
        "read a recipe of format version {found}: this build reads up to version {RECIPE_VERSION}; \
         use a newer brink"
    )]
    Newer {
        /// The version that the text states.
        found: u32,
    },
    /// No version of the form.
    #[error("read a recipe of format version 0: the first version is 1")]
    NoVersion,
    /// Longer than any recipe can be.
    #[error("read a recipe of {bytes} bytes: no recipe is longer than {RECIPE_TEXT_BYTES_MAX}")]
    TooLong {
        /// Length of the text.
        bytes: usize,
    },
}

impl Recipe {
    /// A recipe of `shape` with default parameters and no unit.
    pub fn new(shape: &str) -> Recipe {
        Recipe {
            version: RECIPE_VERSION,
            shape: shape.to_owned(),
            unit: None,
            seed: 0,
            params: BTreeMap::new(),
        }
    }

    /// The same recipe with one parameter set.
    #[must_use]
    pub fn with(mut self, param: &str, value: u64) -> Recipe {
        self.params.insert(param.to_owned(), value);
        self
    }

    /// The same recipe with this unit.
    #[must_use]
    pub fn with_unit(mut self, unit: Unit) -> Recipe {
        self.unit = Some(UnitText(unit));
        self
    }

    /// Reads the TOML text form.
    pub fn from_toml(text: &str) -> Result<Recipe, RecipeError> {
        if text.len() > RECIPE_TEXT_BYTES_MAX {
            return Err(RecipeError::TooLong { bytes: text.len() });
        }
        // The version is read first and alone: a newer form need not parse as this one.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let syntax = |error: toml::de::Error| RecipeError::Syntax(one_line(&error.to_string()));
        let Versioned { version } = toml::from_str(text).map_err(syntax)?;
        if version > RECIPE_VERSION {
            return Err(RecipeError::Newer { found: version });
        }
        if version == 0 {
            return Err(RecipeError::NoVersion);
        }
        toml::from_str(text).map_err(syntax)
    }

    /// The canonical TOML text: keys in a fixed order, parameters sorted by name.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is a flat table of strings and numbers")
    }

    /// The id of this recipe: blake3 of the canonical text.
    pub fn id(&self) -> RecipeId {
        RecipeId(*blake3::hash(self.to_toml().as_bytes()).as_bytes())
    }
}

/// One line for people: `repeat count=3 unit="nop() -> drop"`; also accepted by the command line.
impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shape)?;
        for (name, value) in &self.params {
            write!(f, " {name}={value}")?;
        }
        if self.seed != 0 {
            write!(f, " seed={}", self.seed)?;
        }
        if let Some(UnitText(unit)) = &self.unit {
            write!(f, " unit=\"{unit}\"")?;
        }
        Ok(())
    }
}

/// Blake3 of a recipe's canonical text; shown as its first sixteen hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecipeId([u8; 32]);

impl fmt::Display for RecipeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RecipeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipeId({self})")
    }
}

/// The parser's message without its line-drawing, for one-sentence errors.
pub(crate) fn one_line(message: &str) -> String {
    let words: Vec<&str> =
        message.lines().filter(|line| !line.contains('|')).map(str::trim).collect();
    words.join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        let unit = "i32.add(load, const) -> store".parse().unwrap();
        Recipe::new("repeat").with("count", 7).with("variants", 3).with_unit(unit)
    }

    #[test]
    fn text_round_trips_and_keeps_the_id() {
        let again = Recipe::from_toml(&recipe().to_toml()).unwrap();
        assert_eq!(again, recipe());
        assert_eq!(again.id(), recipe().id());
    }

    #[test]
    fn any_difference_changes_the_id() {
        assert_ne!(recipe().id(), recipe().with("count", 8).id());
        assert_ne!(recipe().id(), Recipe { seed: 1, ..recipe() }.id());
        assert_ne!(recipe().id(), Recipe { unit: None, ..recipe() }.id());
    }

    #[test]
    fn a_newer_version_is_refused_by_its_number_even_when_its_form_is_unknown() {
        let error = Recipe::from_toml("version = 2\nshapes = [1]").unwrap_err();
        assert!(matches!(error, RecipeError::Newer { found: 2 }));
    }

    #[test]
    fn malformed_texts_are_refused_in_one_line() {
        for text in ["", "version = 1", "nonsense", "version = 1\nshape = \"x\"\ncolour = 1"] {
            let message = Recipe::from_toml(text).unwrap_err().to_string();
            assert!(!message.contains('\n'), "{message:?} has a line break");
        }
        let long = "#".repeat(RECIPE_TEXT_BYTES_MAX + 1);
        assert!(matches!(Recipe::from_toml(&long), Err(RecipeError::TooLong { .. })));
    }

    #[test]
    fn one_line_form_names_everything() {
        assert_eq!(
            recipe().to_string(),
            "repeat count=7 variants=3 unit=\"i32.add(load, const) -> store\""
        );
    }
}
