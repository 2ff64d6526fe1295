//! An engine on this machine: what it is, where its code lies, what it lacks.

use super::{Backend, EngineId, KNOBS, Target, targets};
use crate::proposals::Proposal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// An engine that jobs can run on. In the cache it is the file `engine.toml`; a worker gets it
/// before its first job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// Its name.
    pub id: EngineId,
    /// The version of Wasmtime or of the web engine, as it says itself or as its source says.
    pub version: String,
    /// Where it came from, in words.
    pub source: String,
    /// Its code.
    pub code: Code,
    /// Blake3, in hexadecimal, of the file with its code; empty for what belongs to the system.
    #[serde(default)]
    pub checksum: String,
    /// The targets that it offers, by id, each with the proposals that it lacks there: found by
    /// trying. Empty before that, and for the built-in engine, whose table says it.
    #[serde(default)]
    pub lacks: BTreeMap<String, BTreeSet<Proposal>>,
}

/// Where an engine's code is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// In this executable.
    Builtin,
    /// In a library with Wasmtime's C API.
    Library(PathBuf),
    /// In a worker of its own, which speaks the same wire.
    Worker(PathBuf),
    /// A `wasmtime` executable.
    Executable(PathBuf),
    /// V8 behind a `node` executable.
    Node(PathBuf),
    /// JavaScriptCore behind a `jsc` executable.
    Jsc(PathBuf),
}

impl Code {
    /// The file that it is in, if it is a file of its own.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Code::Builtin => None,
            Code::Library(file)
            | Code::Worker(file)
            | Code::Executable(file)
            | Code::Node(file)
            | Code::Jsc(file) => Some(file),
        }
    }

    /// The same, to change.
    pub fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Code::Builtin => None,
            Code::Library(file)
            | Code::Worker(file)
            | Code::Executable(file)
            | Code::Node(file)
            | Code::Jsc(file) => Some(file),
        }
    }

    /// One word for what it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Code::Builtin => "built-in",
            Code::Library(_) => "library",
            Code::Worker(_) => "worker",
            Code::Executable(_) => "executable",
            Code::Node(_) | Code::Jsc(_) => "web engine",
        }
    }
}

impl Installed {
    /// The built-in engine.
    pub fn builtin() -> Installed {
        Installed {
            id: EngineId::builtin(),
            version: super::VERSION.to_owned(),
            source: "linked into brink".to_owned(),
            code: Code::Builtin,
            checksum: String::new(),
            lacks: BTreeMap::new(),
        }
    }

    /// Whether it is a release as it was published: one with all backends is, a build with
    /// assertions or a person's own is not.
    pub fn is_release(&self) -> bool {
        let (id, version) = (self.id.as_str(), &self.version);
        self.id.is_builtin() || id == version || id == format!("{version}-all")
    }

    /// Whether it has a target at all, as far as is known.
    pub fn offers(&self, target: &Target) -> bool {
        self.lacks.is_empty() || self.lacks.contains_key(target.id)
    }

    /// Every target that it offers, with default knobs.
    pub fn default_set(&self) -> Vec<Backend> {
        let targets = targets(&self.id).iter().filter(|target| self.offers(target));
        targets.map(|target| Backend::new(target).on(&self.id)).collect()
    }

    /// The same, and each again with every knob that it takes turned once.
    pub fn full_set(&self) -> Vec<Backend> {
        let mut set = self.default_set();
        for backend in self.default_set() {
            for knob in KNOBS.iter().filter(|knob| backend.target().takes(knob)) {
                for setting in knob.settings {
                    let mut turned = backend.clone();
                    turned.knobs =
                        setting.parse().expect("a test parses every setting of the table");
                    set.push(turned);
                }
            }
        }
        set
    }

    /// Why a module that needs `proposals` cannot be asked of `backend`, if it cannot. The built-in
    /// engine is always asked: it refuses what it lacks, and how it does that is of interest.
    pub fn cannot(&self, backend: &Backend, proposals: &BTreeSet<Proposal>) -> Option<String> {
        if self.lacks.is_empty() {
            return None;
        }
        let target = backend.target();
        let Some(lacks) = self.lacks.get(target.id) else {
            return Some(format!("{} does not offer {}", self.id.title(), target.title));
        };
        let missing = proposals.iter().find(|proposal| lacks.contains(proposal))?;
        Some(format!("{} does not implement {missing} on {}", self.id.title(), target.title))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_not_asked_what_it_is_known_to_lack() {
        let mut engine = Installed::builtin();
        let backend: Backend = "x86_64".parse().unwrap();
        let needs = |proposal| BTreeSet::from([Proposal::Mvp, proposal]);
        assert_eq!(engine.cannot(&backend, &needs(Proposal::Gc)), None, "nothing is known");
        engine.id = "24.0.0".parse().unwrap();
        engine.lacks.insert("x86_64".to_owned(), BTreeSet::from([Proposal::Gc]));
        let reason = engine.cannot(&backend, &needs(Proposal::Gc)).unwrap();
        assert_eq!(reason, "wasmtime 24.0.0 does not implement gc on Cranelift x86-64");
        assert_eq!(engine.cannot(&backend, &needs(Proposal::Simd)), None);
        let other: Backend = "s390x".parse().unwrap();
        let reason = engine.cannot(&other, &needs(Proposal::Simd)).unwrap();
        assert_eq!(reason, "wasmtime 24.0.0 does not offer Cranelift s390x");
    }

    #[test]
    fn only_what_was_published_is_a_release() {
        let of = |id: &str| {
            let (id, version) = (id.parse().unwrap(), "41.0.0".to_owned());
            Installed { id, version, ..Installed::builtin() }.is_release()
        };
        assert!(Installed::builtin().is_release() && of("41.0.0") && of("41.0.0-all"));
        assert!(!of("41.0.0-assertions") && !of("mine"));
    }

    #[test]
    fn its_text_is_toml_and_round_trips() {
        let mut engine = Installed::builtin();
        engine.code = Code::Library("libwasmtime.so".into());
        engine.lacks.insert("x86_64".to_owned(), BTreeSet::from([Proposal::Gc]));
        let text = toml::to_string(&engine).unwrap();
        assert_eq!(toml::from_str::<Installed>(&text).unwrap(), engine, "{text}");
    }
}
