//! `expect.toml`: what a case is about, and what each release is expected to do with it.

use crate::engines::Backend;
use crate::job::Budget;
use crate::oracles::{self, ORACLES, Violation};
use crate::recipe::one_line;
use crate::triage::Signature;
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Version of the form; a reader refuses anything newer.
pub const EXPECT_VERSION: u32 = 1;

/// The verdict that nothing is wrong.
pub const PASS: &str = "pass";

/// Most time and memory that a case may ask for.
const TIME_LIMIT_S_MAX: u64 = 3_600;
const MEMORY_LIMIT_MIB_MAX: u64 = 64 * 1024;

/// Why a text does not say what is expected.
#[derive(Debug, Error)]
pub enum ExpectError {
    /// It is not TOML of the expected form.
    #[error("parse what is expected: {0}")]
    Syntax(String),
    /// A newer version than this build reads.
    #[error(
        "read expectations of format version {found}: this build reads up to version \
         {EXPECT_VERSION}; use a newer brink"
    )]
    Newer {
        /// The version that the text states.
        found: u32,
    },
    /// No version of the form.
    #[error("read expectations of format version 0: the first version is 1")]
    NoVersion,
    /// It says something that cannot be meant.
    #[error("use what is expected: {0}")]
    Meaning(String),
}

/// What is expected of one case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expectations {
    #[serde(rename = "version")]
    _version: u32,
    /// One line: what it is.
    pub title: String,
    /// Where it was published or found: advisory, issue, number.
    pub source: String,
    /// The backends that it is run on, of no engine in particular.
    pub backends: Vec<Backend>,
    /// Whether it takes too long to be run by default.
    #[serde(default)]
    pub slow: bool,
    /// Parameters that are scaled together: the case is the largest size of a ladder, and growth
    /// is judged.
    #[serde(default)]
    pub scaled: Vec<String>,
    /// CPU time of a job, in seconds.
    #[serde(default = "time_limit_s_default")]
    pub time_limit_s: u64,
    /// Memory of a job, in MiB.
    #[serde(default = "memory_limit_mib_default")]
    pub memory_limit_mib: u64,
    /// What is expected; the first that is about an engine and a backend holds.
    pub expect: Vec<Expect>,
}

fn time_limit_s_default() -> u64 {
    20
}

fn memory_limit_mib_default() -> u64 {
    2048
}

/// What is expected of some releases on some backends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expect {
    /// Ranges of releases: any of these; all engines where none is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub releases: Vec<VersionReq>,
    /// Backends; all those of the case where none is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<Backend>,
    /// `pass`, or the oracle that sees a violation.
    pub verdict: String,
    /// Texts that are all in the violation's key or signature.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key: Vec<String>,
    /// Oracles that may see it too, as `edge` sees by running what `width` sees by reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

impl Expect {
    /// Whether nothing is to be wrong.
    pub fn passes(&self) -> bool {
        self.verdict == PASS
    }

    /// Whether a violation is the expected one.
    pub fn is(&self, violation: &Violation, signature: &Signature) -> bool {
        let signature = signature.to_string();
        let has = |text: &String| violation.key.contains(text) || signature.contains(text);
        self.verdict == violation.oracle && self.key.iter().all(has)
    }

    fn is_of(&self, version: Option<&Version>) -> bool {
        self.releases.is_empty()
            || version.is_some_and(|version| self.releases.iter().any(|r| r.matches(version)))
    }

    fn is_about(&self, version: Option<&Version>, backend: &Backend) -> bool {
        self.is_of(version) && (self.backends.is_empty() || self.backends.contains(backend))
    }
}

impl std::fmt::Display for Expect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.verdict)?;
        if self.key.is_empty() { Ok(()) } else { write!(f, " ({})", self.key.join(", ")) }
    }
}

impl Expectations {
    /// Reads the TOML text form.
    pub fn from_toml(text: &str) -> Result<Expectations, ExpectError> {
        // The version is read first and alone: a newer form need not parse as this one.
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let syntax = |error: toml::de::Error| ExpectError::Syntax(one_line(&error.to_string()));
        let Versioned { version } = toml::from_str(text).map_err(syntax)?;
        if version > EXPECT_VERSION {
            return Err(ExpectError::Newer { found: version });
        }
        if version == 0 {
            return Err(ExpectError::NoVersion);
        }
        let all: Expectations = toml::from_str(text).map_err(syntax)?;
        all.check().map_or(Ok(all), |wrong| Err(ExpectError::Meaning(wrong)))
    }

    /// What cannot be meant.
    fn check(&self) -> Option<String> {
        if self.title.trim().is_empty() || self.source.trim().is_empty() {
            return Some("it needs a title and a source".to_owned());
        }
        if self.backends.is_empty() || self.expect.is_empty() {
            return Some("it names no backend or expects nothing".to_owned());
        }
        if !(1..=TIME_LIMIT_S_MAX).contains(&self.time_limit_s) {
            return Some(format!("time-limit-s goes from 1 to {TIME_LIMIT_S_MAX}"));
        }
        if !(1..=MEMORY_LIMIT_MIB_MAX).contains(&self.memory_limit_mib) {
            return Some(format!("memory-limit-mib goes from 1 to {MEMORY_LIMIT_MIB_MAX}"));
        }
        let named = self.expect.iter().flat_map(|expect| &expect.backends);
        for backend in self.backends.iter().chain(named) {
            if !backend.engine().is_builtin() {
                return Some(format!("backend {backend} names an engine; `releases` says which"));
            }
            if let Some(reason) = backend.cannot() {
                return Some(format!("backend {backend}: {reason}"));
            }
        }
        let mut named = self.expect.iter().flat_map(|expect| &expect.backends);
        if let Some(other) = named.find(|backend| !self.backends.contains(backend)) {
            return Some(format!("it expects something of {other}, on which it is not run"));
        }
        self.expect.iter().find_map(|expect| self.check_one(expect))
    }

    fn check_one(&self, expect: &Expect) -> Option<String> {
        let Expect { verdict, key, also, .. } = expect;
        let is_oracle = |name: &String| ORACLES.iter().any(|oracle| oracle.id() == name);
        let mut named = also.iter().chain(Some(verdict).filter(|_| !expect.passes()));
        if let Some(name) = named.find(|name| !is_oracle(name)) {
            let ids: Vec<&str> = ORACLES.iter().map(|oracle| oracle.id()).collect();
            Some(format!("the verdict {name:?} is neither {PASS} nor one of {}", ids.join(", ")))
        } else if expect.passes() && !(key.is_empty() && also.is_empty()) {
            Some("a verdict of `pass` has no key and no other oracles".to_owned())
        } else if oracles::compares(verdict) {
            Some(format!("{verdict} compares backends, and a case is run on each alone"))
        } else if verdict == "growth" && self.scaled.is_empty() {
            Some("growth is judged on a ladder; `scaled` names the parameters".to_owned())
        } else if key.iter().any(|text| text.trim().is_empty()) {
            Some("an empty text of a key would match everything".to_owned())
        } else {
            None
        }
    }

    /// What is expected of an engine of this version on a backend, if anything is. An engine
    /// without a version is held to what is said of all engines.
    pub fn of(&self, version: Option<&Version>, backend: &Backend) -> Option<&Expect> {
        self.expect.iter().find(|expect| expect.is_about(version, backend))
    }

    /// The limits of a job.
    pub fn budget(&self) -> Budget {
        Budget::new(self.time_limit_s, self.memory_limit_mib << 20)
    }

    /// Whether a case already expects such a violation of this version, by a key that tells it from
    /// others of the same oracle.
    pub fn knows(
        &self,
        violation: &Violation,
        signature: &Signature,
        version: Option<&Version>,
    ) -> bool {
        let of_version = self.expect.iter().filter(|expect| expect.is_of(version));
        let mut with_key = of_version.filter(|expect| !expect.key.is_empty());
        with_key.any(|expect| expect.is(violation, signature))
    }
}
