//! Holds a recipe against its shape and builds the module.

use super::{Module, Param, SHAPES, Shape};
use crate::names::{did_you_mean, nearest};
use crate::ops::{Prelude, Unit, UnitKind};
use crate::recipe::{Recipe, UnitText};
use thiserror::Error;

/// Why a recipe does not fit its shape.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecipeCheckError {
    /// No such shape.
    #[error(
        "find the shape {id:?}{}; `brink list shapes` names them all",
        did_you_mean(.nearest.as_deref())
    )]
    UnknownShape {
        /// The id asked for.
        id: String,
        /// The id that looks most like it.
        nearest: Option<String>,
    },
    /// No such parameter.
    #[error(
        "find the parameter {name:?} of shape {shape}{}; it has {known}",
        did_you_mean(.nearest.as_deref())
    )]
    UnknownParam {
        /// Id of the shape.
        shape: String,
        /// The name asked for.
        name: String,
        /// The name that looks most like it.
        nearest: Option<String>,
        /// All names of the shape.
        known: String,
    },
    /// A value outside the generator's range.
    #[error("set parameter {name} of shape {shape} to {value}: it goes from {min} to {max}")]
    OutOfRange {
        /// Id of the shape.
        shape: String,
        /// Name of the parameter.
        name: String,
        /// The value asked for.
        value: u64,
        /// Least value.
        min: u64,
        /// Greatest value.
        max: u64,
    },
    /// A unit where none belongs, none where one does, or one of another kind.
    #[error(
        "use the unit of this recipe in shape {shape}: it takes {wanted}, the recipe has {found}"
    )]
    Unit {
        /// Id of the shape.
        shape: String,
        /// What the shape takes.
        wanted: String,
        /// What the recipe has.
        found: String,
    },
}

/// The checked inputs of a build.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    shape: &'static dyn Shape,
    recipe: &'a Recipe,
}

impl Args<'_> {
    /// The value of a parameter.
    ///
    /// # Panics
    ///
    /// When the shape asks for a parameter that it does not declare.
    pub fn get(&self, name: &str) -> u64 {
        let param = self.shape.params().iter().find(|param| param.name == name);
        let param = param.expect("shapes ask only for parameters that they declare");
        self.recipe.params.get(name).copied().unwrap_or(param.default)
    }

    /// The value of a parameter that counts things in 32 bits, as Wasm does.
    ///
    /// # Panics
    ///
    /// When the parameter's declared maximum is over 32 bits.
    pub fn get_u32(&self, name: &str) -> u32 {
        u32::try_from(self.get(name)).expect("the parameter's maximum fits 32 bits")
    }

    /// The unit.
    ///
    /// # Panics
    ///
    /// When the shape declares none.
    pub fn unit(&self) -> &Unit {
        self.unit_if_any().expect("checked: the shape takes a unit")
    }

    /// The unit, or `None` where the shape takes none.
    pub fn unit_if_any(&self) -> Option<&Unit> {
        self.recipe.unit.as_ref().map(|UnitText(unit)| unit)
    }

    /// The prelude of the unit, or an empty one; `memory64` by the parameter of that name.
    pub fn prelude(&self) -> Prelude {
        let memory64 = self.shape.params().iter().any(|param| param.name == "memory64")
            && self.get("memory64") == 1;
        match self.unit_if_any() {
            Some(unit) => Prelude::new(&[unit], memory64),
            None => Prelude::empty(),
        }
    }

    /// The recipe's seed.
    pub fn seed(&self) -> u64 {
        self.recipe.seed
    }
}

/// The shape of that id.
pub fn shape(id: &str) -> Option<&'static dyn Shape> {
    SHAPES.iter().copied().find(|shape| shape.id() == id)
}

/// The id that looks most like `id`.
pub fn nearest_shape(id: &str) -> Option<String> {
    nearest(id, SHAPES.iter().map(|shape| shape.id())).map(str::to_owned)
}

/// Holds `recipe` against its shape.
pub fn check(recipe: &Recipe) -> Result<Args<'_>, RecipeCheckError> {
    let shape = shape(&recipe.shape).ok_or_else(|| RecipeCheckError::UnknownShape {
        id: recipe.shape.clone(),
        nearest: nearest_shape(&recipe.shape),
    })?;
    for (name, &value) in &recipe.params {
        check_param(shape, name, value)?;
    }
    let found = recipe.unit.as_ref().map(|UnitText(unit)| unit.kind());
    if found != shape.unit() {
        return Err(RecipeCheckError::Unit {
            shape: shape.id().to_owned(),
            wanted: kind_name(shape.unit()),
            found: kind_name(found),
        });
    }
    Ok(Args { shape, recipe })
}

fn check_param(shape: &dyn Shape, name: &str, value: u64) -> Result<(), RecipeCheckError> {
    let names = || shape.params().iter().map(|param| param.name);
    let Some(&Param { min, max, .. }) = shape.params().iter().find(|param| param.name == name)
    else {
        return Err(RecipeCheckError::UnknownParam {
            shape: shape.id().to_owned(),
            name: name.to_owned(),
            nearest: nearest(name, names()).map(str::to_owned),
            known: names().collect::<Vec<_>>().join(", "),
        });
    };
    if value < min || value > max {
        return Err(RecipeCheckError::OutOfRange {
            shape: shape.id().to_owned(),
            name: name.to_owned(),
            value,
            min,
            max,
        });
    }
    Ok(())
}

fn kind_name(kind: Option<UnitKind>) -> String {
    match kind {
        None => "no unit",
        Some(UnitKind::Closed) => "a closed unit (no `prev` in its first step)",
        Some(UnitKind::Link) => "a link unit (one `prev` in its first step)",
        Some(UnitKind::Join) => "a join unit (two `prev` in its first step)",
    }
    .to_owned()
}

/// The same recipe with every parameter said.
pub fn whole(recipe: &Recipe) -> Recipe {
    let mut whole = recipe.clone();
    for param in shape(&recipe.shape).map_or(&[][..], |shape| shape.params()) {
        whole.params.entry(param.name.to_owned()).or_insert(param.default);
    }
    whole
}

/// Builds the module of a recipe.
pub fn build(recipe: &Recipe) -> Result<Module, RecipeCheckError> {
    let args = check(recipe)?;
    Ok(args.shape.build(&args))
}
