//! The limit tests: the subtests of the specification's `test/js-api/limits.any.js` by name, what its
//! text limits and that file leaves out, and runs near the limits.
//!
//! How the file's subtests are mapped: `validate` is the engine's validator, `compile` its compiler.
//! An asynchronous compilation differs from `compile` by nothing but a promise of JavaScript, so it
//! shares that run and says so ([`LimitTest::shares`]); the same holds for instantiation. The file's
//! `Table` object is a table that a module declares and grows. Web engines are asked to compile alone:
//! there, `validate` shares that run.

mod deviations;
mod judge;
mod parts;
mod rows;
mod run;
mod weigh;

use crate::job::Allocator;
use crate::recipe::Recipe;
use std::fmt;

pub use self::deviations::{LIMIT_TABLES, LimitTable, limit_table};
pub use self::judge::{LimitFailure, LimitVerdict};
pub use self::rows::limit_tests;
pub use self::run::{LimitReport, LimitRun, run_limit_tests};
pub use self::weigh::SENSITIVE_TEST;

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitTest {
    /// Its name, as the file has it where it is from there.
    pub name: String,
    /// Where it is from.
    pub origin: Origin,
    /// What is limited.
    pub row: &'static str,
    /// Where in it the module stands.
    pub stand: Stand,
    /// What is asked of the module.
    pub aspect: Aspect,
    /// The module.
    pub recipe: Recipe,
    /// Where its memories come from when it is run.
    pub allocator: Allocator,
    /// Whether it is to be accepted.
    pub accept: bool,
    /// Whether it is so large that it is left out unless asked for.
    pub large: bool,
}

/// Where a test is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The file `limits.any.js`.
    File,
    /// The text of the JavaScript interface.
    Text,
    /// Runs of code near the limits.
    Run,
}

/// Where the module stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stand {
    /// At the least.
    Minimum,
    /// At the limit.
    Limit,
    /// One past the limit.
    Over,
}

/// What is asked of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Whether it is valid.
    Validate,
    /// Whether it compiles.
    Compile,
    /// The same, asked for in JavaScript's asynchronous way.
    CompileAsync,
    /// Whether it can be instantiated.
    Instantiate,
    /// The same, asked for in JavaScript's asynchronous way.
    InstantiateAsync,
    /// Whether a table grows.
    Grow,
    /// Whether it runs: the right result or a clean error, and nothing else.
    Run,
}

impl Aspect {
    /// The aspect whose run this one shares.
    pub fn shares(self) -> Option<Aspect> {
        match self {
            Aspect::CompileAsync => Some(Aspect::Compile),
            Aspect::InstantiateAsync => Some(Aspect::Instantiate),
            Aspect::Validate
            | Aspect::Compile
            | Aspect::Instantiate
            | Aspect::Grow
            | Aspect::Run => None,
        }
    }

    /// Whether the module must be run.
    pub fn runs(self) -> bool {
        match self {
            Aspect::Validate | Aspect::Compile | Aspect::CompileAsync => false,
            Aspect::Instantiate | Aspect::InstantiateAsync | Aspect::Grow | Aspect::Run => true,
        }
    }
}

impl fmt::Display for Stand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stand::Minimum => "minimum",
            Stand::Limit => "limit",
            Stand::Over => "over limit",
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::File => "limits.any.js",
            Origin::Text => "JS API",
            Origin::Run => "run time",
        })
    }
}

impl LimitTest {
    /// The name of the test whose run it shares, where it has none of its own.
    pub fn shares(&self) -> Option<String> {
        self.aspect.shares()?;
        let name = self.name.trim_end_matches('.').trim_start_matches("Async ");
        let verb = name.get(..1)?.to_uppercase();
        Some(verb + name.get(1..)?)
    }
}
