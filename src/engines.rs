//! Engines and their backends, as descriptions: what can be asked to compile a module.
//!
//! A backend is one target of an engine with every knob set: its text (`x86_64:opt=none,fuel`) is
//! what the command line takes, what reports show and what reproduces a finding. Nothing here runs
//! an engine; the worker turns a description into a configured compiler.

mod builtin;
mod knobs;

use crate::names::{did_you_mean, nearest};
use crate::proposals::Proposal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

pub use self::builtin::{ENGINE, Strategy, TARGETS, Target};
pub use self::knobs::{
    Collector, KNOBS, Knob, KnobError, Knobs, OptLevel, RegisterAllocation, STACK_BYTES_DEFAULT,
    STACK_BYTES_MAX, STACK_BYTES_MIN, Switch,
};

/// One target of an engine with its knobs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Backend {
    target: TargetId,
    /// The knobs.
    pub knobs: Knobs,
}

/// Id of a row of [`TARGETS`].
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
    /// A knob is unknown or has a value that it does not take.
    #[error(transparent)]
    Knob(#[from] KnobError),
}

impl Backend {
    /// The backend of a target with default knobs.
    pub fn new(target: &'static Target) -> Backend {
        Backend { target: target.id, knobs: Knobs::default() }
    }

    /// The target's row.
    pub fn target(&self) -> &'static Target {
        let row = TARGETS.iter().find(|target| target.id == self.target);
        row.expect("a backend is only made from a row of the table")
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
        f.write_str(self.target)?;
        let knobs = self.knobs.to_string();
        if knobs.is_empty() { Ok(()) } else { write!(f, ":{knobs}") }
    }
}

impl FromStr for Backend {
    type Err = BackendError;

    fn from_str(text: &str) -> Result<Backend, BackendError> {
        let (name, knobs) = text.split_once(':').unwrap_or((text, ""));
        let target = TARGETS.iter().find(|target| target.id == name);
        let target = target.ok_or_else(|| {
            let nearest = nearest(name, TARGETS.iter().map(|target| target.id));
            BackendError::UnknownTarget { name: name.to_owned(), nearest }
        })?;
        Ok(Backend { target: target.id, knobs: knobs.parse()? })
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

/// Every target with default knobs.
pub fn default_set() -> Vec<Backend> {
    TARGETS.iter().map(Backend::new).collect()
}

/// Every target with default knobs, and each again with every knob that it takes turned once.
pub fn full_set() -> Vec<Backend> {
    let mut set = default_set();
    for target in TARGETS {
        for knob in KNOBS.iter().filter(|knob| target.takes(knob)) {
            for setting in knob.settings {
                let knobs = setting.parse().expect("a test parses every setting of the table");
                set.push(Backend { target: target.id, knobs });
            }
        }
    }
    set
}

/// Backends by a list of names as the command line takes it: `default`, `full`, or a backend.
pub fn backends(names: &[String]) -> Result<Vec<Backend>, BackendError> {
    let mut set = Vec::new();
    for name in names {
        let more = match name.as_str() {
            "default" => default_set(),
            "full" => full_set(),
            name => vec![name.parse()?],
        };
        set.extend(more);
    }
    let mut seen = BTreeSet::new();
    set.retain(|backend| seen.insert(backend.clone()));
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_of_the_full_set_round_trips_and_stands_once() {
        let set = full_set();
        for backend in &set {
            assert_eq!(&backend.to_string().parse::<Backend>().unwrap(), backend);
        }
        let unique: BTreeSet<_> = set.iter().collect();
        assert_eq!(unique.len(), set.len());
        assert!(set.len() > 5 * default_set().len());
    }

    #[test]
    fn target_ids_are_unique() {
        let unique: BTreeSet<_> = TARGETS.iter().map(|target| target.id).collect();
        assert_eq!(unique.len(), TARGETS.len());
    }

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
    fn what_a_target_lacks_are_knobs_and_the_full_set_leaves_them_out() {
        for target in TARGETS {
            for name in target.lacks_knobs {
                assert!(KNOBS.iter().any(|knob| knob.name == *name), "{}: {name}", target.id);
            }
        }
        for backend in full_set() {
            assert_eq!(backend.cannot(), None, "{backend}");
        }
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
    fn a_list_of_names_keeps_its_order_and_drops_repeats() {
        let names = ["s390x", "x86_64", "s390x"].map(str::to_owned);
        let names: Vec<_> = backends(&names).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["s390x", "x86_64"]);
    }
}
