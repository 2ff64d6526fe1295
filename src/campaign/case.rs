//! A case: one module with what is known of it, ready to become jobs.

use crate::engines::Backend;
use crate::job::{Allocator, Budget, EdgeRun, Execution, Job, Planted};
use crate::limits::{self, Expectation, Usage};
use crate::ops::{self, Proposal};
use crate::promises::STACK_BYTES_MIN;
use crate::recipe::Recipe;
use crate::sandbox::{ModuleFileError, StoredModule};
use crate::shapes::{self, Facts, Module, RecipeCheckError, Rope};
use crate::width;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use thiserror::Error;

/// How often a finding is run again before it is shown.
pub const CONFIRMATIONS: u32 = 2;

/// What a case is made from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A recipe.
    Recipe(Recipe),
    /// A module file, by the name it was given by.
    Module(String),
}

impl Subject {
    /// What groups findings: the shape, or that it is a plain module.
    pub fn family(&self) -> &str {
        match self {
            Subject::Recipe(recipe) => &recipe.shape,
            Subject::Module(_) => "module",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Recipe(recipe) => recipe.fmt(f),
            Subject::Module(path) => f.write_str(path),
        }
    }
}

/// Why a subject became no case.
#[derive(Debug, Error)]
pub enum CaseError {
    /// The recipe does not fit its shape.
    #[error(transparent)]
    Recipe(#[from] RecipeCheckError),
    /// The module could not be stored.
    #[error(transparent)]
    Store(#[from] ModuleFileError),
}

/// One module, stored, with what is known of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it was made from.
    pub subject: Subject,
    /// The module.
    pub module: StoredModule,
    /// Its size.
    pub module_bytes: u64,
    /// What it promises; `None` for a module of unknown origin that is not valid.
    pub expectation: Option<Expectation>,
    /// How much of each limit it uses; `None` for a module that is not valid and cannot be measured.
    pub usage: Option<Usage>,
    /// Proposals that it needs.
    pub proposals: BTreeSet<Proposal>,
    /// Whether no access to linear memory in it may be left out by a compiler.
    pub accesses_count: bool,
    /// What to call at the end of memory once it is compiled, where its code can be run here.
    pub edge: Option<EdgeRun>,
    /// How to run it, where its construction says what must come of that.
    pub execution: Option<Execution>,
}

impl Case {
    /// Builds and stores the module of a recipe.
    pub fn of_recipe(recipe: &Recipe) -> Result<Case, CaseError> {
        let module = shapes::build(recipe)?;
        let mut case = Case::of_built(Subject::Recipe(recipe.clone()), &module)?;
        if let Some(unit) = shapes::accesses_unit(recipe) {
            let parameters = shapes::accesses_parameters(std::iter::once(unit));
            case.edge = width::edge_run(&module.bytes.to_vec(), &parameters, |_| Some(unit));
        }
        Ok(case)
    }

    /// Stores a module that a shape built.
    pub fn of_built(subject: Subject, module: &Module) -> Result<Case, CaseError> {
        let Facts { proposals, accesses_count, promises, .. } = &module.facts;
        let allocator = Allocator::OnDemand;
        let execution = Execution { allocator, promises: promises.clone() };
        Ok(Case {
            subject,
            module: StoredModule::new(&module.bytes)?,
            module_bytes: module.bytes.len(),
            expectation: Some(module.facts.expectation()),
            usage: Some(module.facts.usage.clone()),
            proposals: proposals.clone(),
            accesses_count: *accesses_count,
            edge: None,
            execution: Some(execution).filter(|execution| !execution.promises.is_empty()),
        })
    }

    /// A planted job in the place of a module of that size.
    pub fn of_planted(planted: Planted, size: u64) -> Case {
        Case {
            subject: Subject::Module(format!("{planted:?}")),
            module: StoredModule::planted(planted),
            module_bytes: size,
            expectation: None,
            usage: None,
            proposals: BTreeSet::new(),
            accesses_count: false,
            edge: None,
            execution: None,
        }
    }

    /// Stores a module of unknown origin. What it needs is found by validating it, what it promises
    /// by counting how much of each limit it uses. One that is not valid promises nothing: it may
    /// be past a limit or simply wrong.
    pub fn of_module(name: &str, bytes: Vec<u8>) -> Result<Case, CaseError> {
        let module_bytes = bytes.len() as u64;
        let needs = ops::needs(&bytes);
        let usage = limits::headroom(&bytes).ok();
        let promised = needs.as_ref().and(usage.as_ref()).map(Expectation::of);
        Ok(Case {
            subject: Subject::Module(name.to_owned()),
            module: StoredModule::new(&Rope::from(bytes))?,
            module_bytes,
            expectation: promised,
            usage,
            proposals: needs.unwrap_or_default(),
            accesses_count: false,
            edge: None,
            execution: None,
        })
    }

    /// A job of this case.
    pub fn job(&self, id: u64, backend: &Backend, budget: Budget) -> Job {
        // Promises say nothing of a smaller stack.
        let stack_bytes = Execution::stack_bytes(backend.knobs.stack_bytes);
        let can_run = backend.executes_here() && stack_bytes >= STACK_BYTES_MIN;
        Job {
            id,
            module: self.module.source(),
            proposals: self.proposals.clone(),
            backend: backend.clone(),
            budget,
            artifact: None,
            repeat: true,
            edge: self.edge.clone().filter(|_| backend.runs_here()),
            execution: self.execution.clone().filter(|_| can_run),
            shortage: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valid_module_of_unknown_origin_promises_and_needs_what_is_in_it() {
        let bytes = wat::parse_str("(module (func (param v128)))").unwrap();
        let case = Case::of_module("a.wasm", bytes).unwrap();
        assert_eq!(case.expectation, Some(Expectation::Accept));
        assert_eq!(case.proposals, BTreeSet::from([Proposal::Mvp, Proposal::Simd]));
    }

    #[test]
    fn a_module_past_the_limits_of_some_engines_promises_neither() {
        let bytes = wat::parse_str("(module (table 10000001 funcref))").unwrap();
        let case = Case::of_module("a.wasm", bytes).unwrap();
        assert!(matches!(case.expectation, Some(Expectation::Either { .. })));
    }

    #[test]
    fn what_is_not_valid_promises_nothing() {
        let invalid = wat::parse_str("(module (func i32.add))").unwrap();
        for bytes in [b"garbage".to_vec(), invalid] {
            let case = Case::of_module("a.wasm", bytes).unwrap();
            assert_eq!((case.expectation, case.proposals), (None, BTreeSet::new()));
        }
    }
}
