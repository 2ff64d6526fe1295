//! Known issues: findings that somebody has reported already.
//!
//! The list is a file that people keep, so everything in it is checked when it is read. An issue
//! names the oracle, words of the violation's key or its signature, backends and releases. What
//! matches on a release that is not affected is news: the fix does not hold. An issue may carry the
//! recipe that shows it; a run that compiled at least as much on an affected backend could have met
//! it, so when it did not, the entry is stale.

use super::Signature;
use crate::engines::{Backend, EngineId, Strategy};
use crate::oracles::Violation;
use crate::recipe::{Recipe, one_line};
use semver::VersionReq;
use serde::Deserialize;
use std::collections::BTreeSet;
use thiserror::Error;

/// The list that comes with brink.
pub const KNOWN_ISSUES: &str = include_str!("../../known-issues.toml");

/// Version of the list's form; a reader refuses anything newer.
const LIST_VERSION: u32 = 1;

/// Why a list of known issues cannot be used.
#[derive(Debug, Error)]
pub enum KnownError {
    /// It is not TOML of the expected form.
    #[error("parse the known issues: {0}")]
    Syntax(String),
    /// A newer version than this build reads.
    #[error(
        "read known issues of format version {found}: this build reads up to version \
         {LIST_VERSION}; use a newer brink"
    )]
    Newer {
        /// The version that the list states.
        found: u32,
    },
    /// An entry that cannot be meant.
    #[error("use the known issue {id:?}: {what}")]
    Entry {
        /// Its id.
        id: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// One issue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KnownIssue {
    /// A name, unique in the list.
    pub id: String,
    /// Where it was reported.
    pub address: String,
    /// The oracle that sees it.
    pub oracle: String,
    /// Texts that are all in the violation's key or its signature.
    pub key: Vec<String>,
    /// Targets that have it, by their ids; all where none is named.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Releases that have it: any of these; all where none is named.
    #[serde(default)]
    pub affected: Vec<VersionReq>,
    /// What shows it, at the least.
    #[serde(default)]
    pub shown_by: Option<Recipe>,
}

/// A list of known issues.
#[derive(Clone, Debug, Default)]
pub struct KnownIssues(Vec<KnownIssue>);

/// Whether a finding is known.
#[derive(Clone, Copy, Debug)]
pub enum Standing<'a> {
    /// Nobody has reported it.
    New,
    /// This is it.
    Known(&'a KnownIssue),
    /// It was reported and is fixed, but not in this release.
    Back(&'a KnownIssue),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(rename = "version")]
    _version: u32,
    #[serde(default, rename = "issue")]
    issues: Vec<KnownIssue>,
}

impl KnownIssues {
    /// Reads a list.
    pub fn from_toml(text: &str) -> Result<KnownIssues, KnownError> {
        // The version is read first and alone: a newer form need not parse as this one.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let syntax = |error: toml::de::Error| KnownError::Syntax(one_line(&error.to_string()));
        let Versioned { version } = toml::from_str(text).map_err(syntax)?;
        if version > LIST_VERSION {
            return Err(KnownError::Newer { found: version });
        }
        let List { issues, .. } = toml::from_str(text).map_err(syntax)?;
        let mut ids = BTreeSet::new();
        for issue in &issues {
            let wrong = if !ids.insert(&issue.id) {
                Some("its id is there twice")
            } else if issue.id.is_empty() {
                Some("it has no id")
            } else if !issue.address.starts_with("https://") {
                Some("its address does not start with https://")
            } else if issue.key.is_empty() || issue.key.iter().any(|text| text.trim().is_empty()) {
                Some("its key is empty, so it would match everything")
            } else {
                None
            };
            if let Some(what) = wrong {
                return Err(KnownError::Entry { id: issue.id.clone(), what });
            }
        }
        Ok(KnownIssues(issues))
    }

    /// The list that comes with brink.
    ///
    /// # Panics
    ///
    /// When it cannot be read, which a test rules out.
    pub fn builtin() -> KnownIssues {
        KnownIssues::from_toml(KNOWN_ISSUES).expect("a test reads the list that comes with brink")
    }

    /// The issues of both lists.
    #[must_use]
    pub fn and(mut self, others: KnownIssues) -> KnownIssues {
        self.0.extend(others.0);
        self
    }

    /// The issues.
    pub fn iter(&self) -> impl Iterator<Item = &KnownIssue> {
        self.0.iter()
    }

    /// What is known of a violation on a backend.
    pub fn standing(
        &self,
        violation: &Violation,
        signature: &Signature,
        backend: &Backend,
    ) -> Standing<'_> {
        let matches = |issue: &&KnownIssue| issue.is(violation, signature) && issue.is_on(backend);
        let mut matching = self.0.iter().filter(matches);
        let affected = |issue: &&KnownIssue| issue.affects(backend.engine());
        if let Some(issue) = matching.clone().find(affected) {
            return Standing::Known(issue);
        }
        matching.next().map_or(Standing::New, Standing::Back)
    }
}

impl KnownIssue {
    /// A signature says in what the module is heavy, a key what is wrong where the signature is silent.
    fn is(&self, violation: &Violation, signature: &Signature) -> bool {
        let holds = |text: &String| {
            violation.key.contains(text.as_str()) || signature.0.contains(text.as_str())
        };
        self.oracle == violation.oracle && self.key.iter().all(holds)
    }

    fn is_on(&self, backend: &Backend) -> bool {
        let target = backend.target();
        target.strategy != Strategy::Web
            && (self.targets.is_empty() || self.targets.iter().any(|id| id == target.id))
    }

    /// Whether a release has it. Of an engine that is no release, nothing says that it is fixed.
    fn affects(&self, engine: &EngineId) -> bool {
        let Some(version) = engine.release() else { return true };
        self.affected.is_empty() || self.affected.iter().any(|range| range.matches(&version))
    }

    /// Whether a job with this recipe on this backend had to show the issue: it compiled at least as
    /// much as what is known to show it.
    pub fn must_show(&self, recipe: &Recipe, backend: &Backend) -> bool {
        let Some(shown_by) = &self.shown_by else { return false };
        let enough = |(name, least): (&String, &u64)| {
            recipe.params.get(name).is_some_and(|value| value >= least)
        };
        recipe.shape == shown_by.shape
            && recipe.unit == shown_by.unit
            && shown_by.params.iter().all(enough)
            && self.is_on(backend)
            && backend.engine().release().is_some()
            && self.affects(backend.engine())
    }
}

#[cfg(test)]
mod tests;
