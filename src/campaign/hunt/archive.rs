//! The archive: the best of each kind, in the manner of MAP-Elites.
//!
//! A search that keeps only the single worst case ends in one bug. Here each cell (backend, pass that
//! has most of the cost, resource, cost per byte or growth) keeps its own elite, and parents are drawn
//! from the cells evenly, so that a rare pass gets as much attention as the one that always wins.

use crate::oracles::{Costs, Resource};
use crate::recipe::Recipe;
use arbitrary::{Result, Unstructured};
use std::collections::BTreeMap;

/// A new elite must be better by this factor: less would only follow noise.
const BETTER: f64 = 1.1;

/// What an elite is best at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Merit {
    /// Cost for each byte of Wasm.
    PerByte,
    /// The power that the cost grows with.
    Growth,
}

/// A place for one elite.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    /// Position of the backend.
    pub(super) backend: usize,
    /// The pass that has most of the cost.
    pub(super) part: String,
    pub(super) resource: Resource,
    pub(super) merit: Merit,
}

struct Elite {
    recipe: Recipe,
    score: f64,
}

/// The elites by their cells.
#[derive(Default)]
pub(super) struct Archive {
    elites: BTreeMap<Cell, Elite>,
}

impl Archive {
    /// Whether the recipe takes the cell.
    pub(super) fn offer(&mut self, cell: Cell, recipe: &Recipe, score: f64) -> bool {
        let better = self.elites.get(&cell).is_none_or(|elite| score > elite.score * BETTER);
        if better && score.is_finite() {
            self.elites.insert(cell, Elite { recipe: recipe.clone(), score });
        }
        better
    }

    /// The recipe of a cell drawn from all, where there is one.
    pub(super) fn draw(&self, u: &mut Unstructured<'_>) -> Result<Option<&Recipe>> {
        if self.elites.is_empty() {
            return Ok(None);
        }
        let at = u.choose_index(self.elites.len())?;
        Ok(self.elites.values().nth(at).map(|elite| &elite.recipe))
    }

    /// For each resource and merit, the elite that is best of all backends and passes; each recipe
    /// once.
    pub(super) fn best(&self) -> Vec<Recipe> {
        let mut best: BTreeMap<(Resource, Merit), &Elite> = BTreeMap::new();
        for (cell, elite) in &self.elites {
            let held = best.entry((cell.resource, cell.merit)).or_insert(elite);
            if elite.score > held.score {
                *held = elite;
            }
        }
        let recipes: BTreeMap<_, _> =
            best.values().map(|elite| (elite.recipe.id(), &elite.recipe)).collect();
        recipes.into_values().cloned().collect()
    }

    /// How many cells have an elite.
    pub(super) fn len(&self) -> usize {
        self.elites.len()
    }
}

/// The pass that has most of a resource.
pub(super) fn dominant(costs: &Costs, resource: Resource) -> String {
    let passes = match resource {
        Resource::Time => &costs.passes_us,
        Resource::Peak | Resource::Allocated | Resource::Code => &costs.passes_bytes,
    };
    let greatest = passes.iter().max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)));
    greatest.map_or_else(|| "compile".to_owned(), |(pass, _)| pass.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cell_keeps_its_best_and_a_little_better_is_not_better() {
        let cell = |part: &str| Cell {
            backend: 0,
            part: part.to_owned(),
            resource: Resource::Peak,
            merit: Merit::PerByte,
        };
        let mut archive = Archive::default();
        let recipe = |count| Recipe::new("repeat").with("count", count);
        assert!(archive.offer(cell("a"), &recipe(1), 10.0));
        assert!(!archive.offer(cell("a"), &recipe(2), 10.5));
        assert!(archive.offer(cell("b"), &recipe(3), 1.0), "another cell, another elite");
        assert!(archive.offer(cell("a"), &recipe(4), 12.0));
        assert_eq!(archive.len(), 2);
        assert_eq!(archive.best(), [recipe(4)], "of all passes");
        let draw = |bytes: &[u8]| archive.draw(&mut Unstructured::new(bytes)).unwrap().cloned();
        let drawn: Vec<_> = (0..=1).map(|byte| draw(&[byte; 8]).unwrap()).collect();
        assert!(drawn.contains(&recipe(4)) && drawn.contains(&recipe(3)), "{drawn:?}");
    }
}
