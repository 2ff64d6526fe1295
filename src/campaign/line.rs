//! Lines: a shape driven towards one limit. A sweep moves along each line from far to near.

use crate::limits;
use crate::ops::{self, Unit, UnitKind};
use crate::recipe::{Proximity, Recipe, UnitText};
use crate::shapes::{self, Axis, ResolveError, SHAPES, Shape};
use serde::{Deserialize, Serialize};

/// The share of the limit at which every operator is tried: a few dozen copies.
const EACH_OPERATOR_AT: Proximity = Proximity::Fraction(1);

/// The shape that repeats a closed unit, under which every operator is tried.
const EACH_OPERATOR_SHAPE: &str = "repeat";

/// One shape on its way to one limit.
#[derive(Clone)]
pub struct Line {
    /// `shape limit` or `shape limit operator`; unique within a sweep.
    pub name: String,
    shape: &'static dyn Shape,
    axis: &'static Axis,
    base: Recipe,
    /// The proximities to visit, far to near.
    pub rungs: Vec<Proximity>,
}

/// Which lines a sweep has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Shapes by id; all where it is empty.
    pub shapes: Vec<String>,
    /// The unit of shapes that take one, where it is of their kind.
    pub unit: Option<Unit>,
    /// Whether to try every operator, repeated.
    pub each_operator: bool,
    /// The seed that recipes carry; units are drawn from it, unless it is 0.
    pub seed: u64,
    /// The proximities to visit.
    pub rungs: Vec<Proximity>,
    /// Recipes to start from, each along all of its axes, in the place of the shapes' own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipes: Vec<Recipe>,
    /// Whether operators, too, visit them, or only stand where a few dozen copies fit.
    pub operators_climb: bool,
}

impl Scope {
    fn operator_rungs(&self) -> Vec<Proximity> {
        if self.operators_climb { self.rungs.clone() } else { vec![EACH_OPERATOR_AT] }
    }
}

impl Line {
    /// The recipe at a proximity.
    pub fn recipe(&self, at: Proximity) -> Result<Recipe, ResolveError> {
        shapes::resolve(self.shape, self.axis, at, &self.base)
    }

    /// The use of the limit that a proximity stands for.
    pub fn used(&self, at: Proximity) -> u64 {
        let limit = limits::limit(self.axis.limit);
        limit.map_or(0, |limit| at.value(limit.min, limit.target()))
    }
}

/// The lines of a sweep, in the order of the shapes.
pub fn lines(scope: &Scope) -> Vec<Line> {
    let mut lines = Vec::new();
    for recipe in &scope.recipes {
        // What no shape knows any more has no line.
        let Some(shape) = shapes::shape(&recipe.shape) else { continue };
        let of_axis = shape.axes().iter().map(|axis| Line {
            name: format!("{} {} of {}", shape.id(), axis.limit, recipe.id()),
            shape,
            axis,
            base: recipe.clone(),
            rungs: scope.rungs.clone(),
        });
        lines.extend(of_axis);
    }
    if !scope.recipes.is_empty() {
        return lines;
    }
    for &shape in SHAPES
        .iter()
        .filter(|shape| scope.shapes.is_empty() || scope.shapes.iter().any(|id| id == shape.id()))
    {
        let mut base = shapes::default_recipe(shape);
        base.seed = scope.seed;
        if let Some(kind) = shape.unit() {
            let drawn = (scope.seed != 0)
                .then(|| shapes::seeded_unit(shape.id(), kind, scope.seed))
                .flatten();
            let asked = scope.unit.clone().filter(|unit| unit.kind() == kind);
            base.unit = asked.or(drawn).map(UnitText).or(base.unit);
        }
        for axis in shape.axes() {
            lines.push(Line {
                name: format!("{} {}", shape.id(), axis.limit),
                shape,
                axis,
                base: base.clone(),
                rungs: scope.rungs.clone(),
            });
        }
        if scope.each_operator && shape.id() == EACH_OPERATOR_SHAPE {
            lines.extend(operator_lines(shape, &base, scope.operator_rungs()));
        }
    }
    lines
}

fn operator_lines(shape: &'static dyn Shape, base: &Recipe, rungs: Vec<Proximity>) -> Vec<Line> {
    debug_assert_eq!(shape.unit(), Some(UnitKind::Closed));
    let Some(axis) = shape.axes().first() else { return Vec::new() };
    let units = ops::operators().filter_map(|op| Some((op.name, Unit::closed(op)?)));
    units
        .map(|(name, unit)| Line {
            name: format!("{} {} {name}", shape.id(), axis.limit),
            shape,
            axis,
            base: Recipe { unit: Some(UnitText(unit)), ..base.clone() },
            rungs: rungs.clone(),
        })
        .collect()
}
