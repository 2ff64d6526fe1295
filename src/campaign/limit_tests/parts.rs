//! Which modules tests are about: several may be about one.

use super::LimitTest;
use crate::job::Allocator;
use crate::recipe::Recipe;
use crate::shapes::{self, RecipeCheckError};
use std::collections::VecDeque;

/// Tests about one module that one job can answer.
pub(super) struct Part {
    pub(super) recipe: Recipe,
    pub(super) allocator: Allocator,
    pub(super) tests: Vec<usize>,
}

impl Part {
    /// Its name in the log.
    pub(super) fn name(&self) -> String {
        match self.allocator {
            Allocator::OnDemand => self.recipe.to_string(),
            Allocator::Pooling => format!("{}, from a pool", self.recipe),
        }
    }
}

/// The modules that tests are about. Those of few bytes come first: most take little time, so that a run
/// which is stopped has told of many.
pub(super) fn parts(tests: &[LimitTest]) -> Result<VecDeque<Part>, RecipeCheckError> {
    let mut parts: Vec<(u64, Part)> = Vec::new();
    for (at, test) in tests.iter().enumerate() {
        let same = |(_, part): &&mut (u64, Part)| {
            part.recipe == test.recipe && part.allocator == test.allocator
        };
        if let Some((_, part)) = parts.iter_mut().find(same) {
            part.tests.push(at);
            continue;
        }
        let (recipe, allocator) = (test.recipe.clone(), test.allocator);
        let bytes = shapes::build(&recipe)?.bytes.len();
        parts.push((bytes, Part { recipe, allocator, tests: vec![at] }));
    }
    parts.sort_by_key(|(bytes, _)| *bytes);
    Ok(parts.into_iter().map(|(_, part)| part).collect())
}
