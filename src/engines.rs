//! Engines and their backends, as descriptions: what can be asked to compile a module.
//!
//! A backend is one target of an engine with every knob set: its text (`x86_64:opt=none,fuel`, or
//! `41.0.0/x86_64` of another engine than the built-in one) is what the command line takes, what
//! reports show and what reproduces a finding. Nothing here runs an engine; the worker turns a
//! description into a configured compiler.

mod backend;
mod builtin;
mod compile_options;
mod cpu;
mod id;
mod installed;
mod knobs;
mod web;

use std::collections::BTreeSet;

pub use self::backend::{Backend, BackendError};
pub use self::builtin::{ENGINE, Strategy, TARGETS, Target, VERSION};
pub use self::compile_options::{SPECTRE_FLAGS, compile_options};
pub use self::cpu::{Cpu, FEATURES, Feature, Features};
pub use self::id::{EngineId, EngineIdError};
pub use self::installed::{Code, Installed};
pub use self::knobs::{
    Collector, KNOBS, Knob, KnobError, Knobs, OptLevel, RegisterAllocation, STACK_BYTES_DEFAULT,
    STACK_BYTES_MAX, STACK_BYTES_MIN, Switch,
};
pub use self::web::{WEB_ENGINES, WEB_TARGETS};

/// The targets that an engine of that name may have.
pub fn targets(engine: &EngineId) -> &'static [Target] {
    if engine.is_web() { WEB_TARGETS } else { TARGETS }
}

/// Backends by a list of names as the command line takes it: `default`, `full`, or a backend; those
/// without an engine of their own are taken of `engine`.
pub fn backends(names: &[String], engine: &Installed) -> Result<Vec<Backend>, BackendError> {
    let id = &engine.id;
    let mut set = Vec::new();
    for name in names {
        set.extend(match name.as_str() {
            "default" => engine.default_set(),
            "full" => engine.full_set(),
            name if name.contains('/') => vec![name.parse()?],
            name => vec![format!("{id}/{name}").parse()?],
        });
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
        let set = Installed::builtin().full_set();
        for backend in &set {
            assert_eq!(&backend.to_string().parse::<Backend>().unwrap(), backend);
        }
        let unique: BTreeSet<_> = set.iter().collect();
        assert_eq!(unique.len(), set.len());
        assert!(set.len() > 5 * Installed::builtin().default_set().len());
    }

    #[test]
    fn target_ids_are_unique() {
        let unique: BTreeSet<_> = TARGETS.iter().map(|target| target.id).collect();
        assert_eq!(unique.len(), TARGETS.len());
    }

    #[test]
    fn what_a_target_lacks_are_knobs_and_the_full_set_leaves_them_out() {
        for target in TARGETS.iter().chain(WEB_TARGETS) {
            for name in target.lacks_knobs {
                assert!(KNOBS.iter().any(|knob| knob.name == *name), "{}: {name}", target.id);
            }
        }
        for backend in Installed::builtin().full_set() {
            assert_eq!(backend.cannot(), None, "{backend}");
        }
    }

    #[test]
    fn a_list_of_names_keeps_its_order_and_drops_repeats() {
        let names = ["s390x", "x86_64", "s390x"].map(str::to_owned);
        let names: Vec<_> = backends(&names, &Installed::builtin())
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["s390x", "x86_64"]);
        let engine = Installed { id: "41.0.0".parse().unwrap(), ..Installed::builtin() };
        let names = ["x86_64", "42.0.0/s390x"].map(str::to_owned);
        let names: Vec<_> =
            backends(&names, &engine).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["41.0.0/x86_64", "42.0.0/s390x"]);
    }
}
