//! What an oracle says of an observation.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What an oracle says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Violation(Violation),
    /// Cannot be told from this observation, and why.
    Inconclusive(String),
    /// The question does not arise.
    NotApplicable,
}

/// What is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Id of the oracle.
    pub oracle: String,
    /// What tells this violation from others of the same oracle, stable from run to run.
    pub key: String,
    /// One sentence: what happened and what should have.
    pub summary: String,
    /// How much it matters.
    pub severity: Severity,
}

/// What an oracle cannot tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inconclusive {
    /// Id of the oracle.
    pub oracle: &'static str,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Inconclusive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.oracle, self.reason)
    }
}

/// How much a violation matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; the engine is free to do so.
    Information,
    /// A bug: compilation fails, hangs or swells on a valid module.
    Bug,
    /// A bug that may let code do what it must not.
    Security,
}
