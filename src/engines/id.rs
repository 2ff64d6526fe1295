//! The name of an engine.

use super::builtin;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The name of the built-in engine.
const BUILTIN: &str = "builtin";

/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The name of an engine: `builtin`, the release of another Wasmtime (`41.0.0`), that of an engine
/// which a person added, or a web engine (`v8`, `jsc`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EngineId(String);

/// What cannot name an engine.
#[derive(Debug, Error)]
#[error(
    "call an engine {0:?}: a name has up to {NAME_BYTES_MAX} letters, digits, dots, dashes, pluses \
     and underscores, and starts with a letter or a digit"
)]
pub struct EngineIdError(String);

impl EngineId {
    /// The built-in engine.
    pub fn builtin() -> EngineId {
        EngineId(BUILTIN.to_owned())
    }

    /// Whether it is the built-in engine.
    pub fn is_builtin(&self) -> bool {
        self.0 == BUILTIN
    }

    /// Whether it is a web engine.
    pub fn is_web(&self) -> bool {
        super::WEB_ENGINES.contains(&self.0.as_str())
    }

    /// What reports call it.
    pub fn title(&self) -> String {
        if self.is_builtin() {
            return builtin::ENGINE.to_owned();
        }
        if self.0.starts_with(|c: char| c.is_ascii_digit()) {
            return format!("wasmtime {}", self.0);
        }
        self.0.clone()
    }

    /// The release of Wasmtime that the name says; none for an engine with a name of its own.
    pub fn release(&self) -> Option<Version> {
        let name = if self.is_builtin() {
            builtin::VERSION
        } else {
            // A worker that was built for a release has words after it.
            self.0.split('-').next().unwrap_or_default()
        };
        Version::parse(name).ok()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EngineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for EngineId {
    type Err = EngineIdError;

    fn from_str(text: &str) -> Result<EngineId, EngineIdError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-+_".contains(c);
        let good = text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.len() <= NAME_BYTES_MAX
            && text.chars().all(plain);
        if good { Ok(EngineId(text.to_owned())) } else { Err(EngineIdError(text.to_owned())) }
    }
}

impl TryFrom<String> for EngineId {
    type Error = EngineIdError;

    fn try_from(text: String) -> Result<EngineId, EngineIdError> {
        text.parse()
    }
}

impl From<EngineId> for String {
    fn from(id: EngineId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_says_which_it_is() {
        let release = |name: &str| name.parse::<EngineId>().unwrap().release();
        let says = |name: &str| release(name).map(|it| it.to_string()).unwrap_or_default();
        assert_eq!(says("builtin"), builtin::VERSION);
        assert_eq!(says("36.0.18-all-unoptimised"), "36.0.18");
        assert_eq!(says("mine"), "");
    }

    #[test]
    fn a_name_is_safe_as_a_folder_and_in_front_of_a_slash() {
        for good in ["builtin", "41.0.0", "36.0.18-assertions", "my_engine", "v8"] {
            assert_eq!(good.parse::<EngineId>().unwrap().to_string(), good);
        }
        for bad in ["", "..", ".hidden", "a/b", "a:b", "a b", "-x", &"x".repeat(65)] {
            assert!(bad.parse::<EngineId>().is_err(), "{bad:?} was taken");
        }
    }
}
