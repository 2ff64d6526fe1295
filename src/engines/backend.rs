//! A backend and its text, `41.0.0/x86_64:opt=none,fuel`.

use super::{
    Cpu, EngineId, EngineIdError, FEATURES, KNOBS, Knob, KnobError, Knobs, Target, targets,
};
use crate::names::{did_you_mean, nearest};
use crate::proposals::Proposal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// One target of an engine with its knobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Backend {
    engine: EngineId,
    target: TargetId,
    /// The knobs.
    pub knobs: Knobs,
}

/// Id of a row of [`targets`].
type TargetId = &'static str;

/// Why a text names no backend.
#[derive(Debug, Error)]
pub enum BackendError {
    /// No such target.
    #[error(
        "find the backend {name:?}{}; `brink list backends` names them all",
        did_you_mean(.nearest.as_deref())
    )]
    UnknownTarget {
        /// The name asked for.
        name: String,
        /// The name that looks most like it.
        nearest: Option<&'static str>,
    },
    /// What stands before the slash names no engine.
    #[error(transparent)]
    Engine(#[from] EngineIdError),
    /// A knob is unknown or has a value that it does not take.
    #[error(transparent)]
    Knob(#[from] KnobError),
}

impl Backend {
    /// The backend of a target of the built-in engine with default knobs.
    pub fn new(target: &'static Target) -> Backend {
        Backend { engine: EngineId::builtin(), target: target.id, knobs: Knobs::default() }
    }

    /// The same backend of another engine; that must have such targets.
    #[must_use]
    pub fn on(mut self, engine: &EngineId) -> Backend {
        self.engine = engine.clone();
        self
    }

    /// The engine.
    pub fn engine(&self) -> &EngineId {
        &self.engine
    }

    /// The target's row.
    pub fn target(&self) -> &'static Target {
        let row = targets(&self.engine).iter().find(|target| target.id == self.target);
        row.expect("a backend is only made from a row of the table")
    }

    /// The CPU features that code is generated for, in Cranelift's spelling.
    pub fn cpu_flags(&self) -> Vec<&'static str> {
        match self.knobs.cpu {
            Cpu::Target => self.target().cpu.to_vec(),
            Cpu::Features(features) => features.iter().map(|feature| feature.flag).collect(),
        }
    }

    /// Whether this machine can run its code.
    pub fn runs_here(&self) -> bool {
        let has =
            |flag: &&str| FEATURES.iter().any(|feature| feature.flag == *flag && feature.is_here());
        cfg!(all(target_arch = "x86_64", target_os = "linux"))
            && self.target().is_x86_64()
            && self.cpu_flags().iter().all(has)
    }

    /// Whether what it makes can be instantiated and called on this machine: its own code, and
    /// what is interpreted.
    pub fn executes_here(&self) -> bool {
        const INTERPRETED: &str = "pulley64";
        let interpreted =
            self.target == INTERPRETED && cfg!(all(target_arch = "x86_64", target_os = "linux"));
        self.runs_here() || interpreted
    }

    /// Why this backend cannot take a module that uses `proposals`, if so.
    pub fn lacks(&self, proposals: &BTreeSet<Proposal>) -> Option<String> {
        let target = self.target();
        if !self.knobs.memory64 && proposals.contains(&Proposal::Memory64) {
            return Some("the memory64 proposal is turned off".to_owned());
        }
        let missing = proposals.iter().find(|proposal| target.lacks.contains(proposal))?;
        Some(format!("{} does not implement {missing}", target.title))
    }

    /// Why this backend cannot be made at all, if so: the first of its knobs that is set to
    /// something else than its default and that the target does not take.
    pub fn cannot(&self) -> Option<String> {
        let target = self.target();
        // The text of the knobs has those that differ from the default, and no others.
        let text = self.knobs.to_string();
        let is_set = |knob: &&Knob| {
            text.split(',').any(|setting| setting.split('=').next() == Some(knob.name))
        };
        let knob = KNOBS.iter().filter(is_set).find(|knob| !target.takes(knob))?;
        Some(format!("{} does not take the knob {}", target.title, knob.name))
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.engine.is_builtin() {
            write!(f, "{}/", self.engine)?;
        }
        f.write_str(self.target)?;
        let knobs = self.knobs.to_string();
        if knobs.is_empty() { Ok(()) } else { write!(f, ":{knobs}") }
    }
}

impl FromStr for Backend {
    type Err = BackendError;

    fn from_str(text: &str) -> Result<Backend, BackendError> {
        let (name, knobs) = text.split_once(':').unwrap_or((text, ""));
        let (engine, name) = match name.split_once('/') {
            Some((engine, name)) => (engine.parse()?, name),
            None => (EngineId::builtin(), name),
        };
        let targets = targets(&engine);
        let target = targets.iter().find(|target| target.id == name);
        let target = target.ok_or_else(|| {
            let nearest = nearest(name, targets.iter().map(|target| target.id));
            BackendError::UnknownTarget { name: name.to_owned(), nearest }
        })?;
        Ok(Backend { engine, target: target.id, knobs: knobs.parse()? })
    }
}

impl TryFrom<String> for Backend {
    type Error = BackendError;

    fn try_from(text: String) -> Result<Backend, BackendError> {
        text.parse()
    }
}

impl From<Backend> for String {
    fn from(backend: Backend) -> String {
        backend.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_says_which_knob_it_does_not_take() {
        let reason = |text: &str| text.parse::<Backend>().unwrap().cannot();
        let wanted = "Pulley 64 does not take the knob debug-info";
        assert_eq!(reason("pulley64:fuel,debug-info").as_deref(), Some(wanted));
        let wanted = "Winch x86-64 does not take the knob opt";
        assert_eq!(reason("winch-x86_64:signals=off,opt=none").as_deref(), Some(wanted));
        for text in ["pulley64", "pulley64:debug-info=off", "winch-x86_64:opt=speed,fuel"] {
            assert_eq!(reason(text), None, "{text}");
        }
        assert_eq!(reason("x86_64:debug-info"), None);
    }

    #[test]
    fn an_unknown_name_gets_the_nearest_one() {
        let message = "x86-64".parse::<Backend>().unwrap_err().to_string();
        assert!(message.contains("did you mean \"x86_64\""), "{message}");
        let message = "x86_64:fule".parse::<Backend>().unwrap_err().to_string();
        assert!(message.contains("did you mean \"fuel\""), "{message}");
        let message = "x86_64:opt=fast".parse::<Backend>().unwrap_err().to_string();
        assert!(message.contains("none"), "{message}");
    }

    #[test]
    fn the_engine_stands_before_the_target() {
        for text in ["41.0.0/x86_64:opt=none", "v8/baseline", "x86_64"] {
            assert_eq!(text.parse::<Backend>().unwrap().to_string(), text);
        }
        let builtin: Backend = "builtin/s390x".parse().unwrap();
        assert_eq!(builtin.to_string(), "s390x");
        for text in ["v8/x86_64", "41.0.0/baseline", "../x86_64", "/x86_64"] {
            assert!(text.parse::<Backend>().is_err(), "{text} was taken");
        }
    }
}
