//! Which case is run on which engine and backend.

use super::Opts;
use crate::campaign::Check;
use crate::cli::options::{cache, installed};
use crate::corpus::Entry;
use crate::engines::{Backend, EngineId, Installed, Knobs};
use anyhow::{Result, ensure};
use semver::Version;

/// What was asked for.
#[derive(Default)]
pub(super) struct Selected<'a> {
    pub(super) checks: Vec<Check<'a>>,
    /// Sentences about what is left out.
    pub(super) left_out: Vec<String>,
    /// Names of cases that say nothing of the built-in engine, although they are about what it has:
    /// whether they hold cannot be told.
    pub(super) silent: Vec<String>,
}

/// All cases on the engines and backends asked for.
pub(super) fn checks<'a>(opts: &Opts, entries: &[&'a Entry]) -> Result<Selected<'a>> {
    let cache = cache()?;
    let mut ids = opts.run.engine_ids(&cache)?;
    if ids.is_empty() {
        ids.push(EngineId::builtin());
    }
    let wanted = opts.run.backends_of(&Installed::builtin())?;
    let mut all = Selected::default();
    for id in &ids {
        ensure!(!id.is_web(), "ask {id}: the cases are about releases of Wasmtime");
        let engine = installed(&cache, id)?;
        let before = all.checks.len();
        let mut silent = Vec::new();
        for entry in entries {
            let own = &entry.expectations.backends;
            for backend in own.iter().filter(|backend| is_wanted(&wanted, backend)) {
                all.checks.extend(check(entry, backend, &engine));
                if is_silent(entry, backend, &engine) && silent.last() != Some(&entry.slug) {
                    silent.push(entry.slug.clone());
                }
            }
        }
        if !silent.is_empty() {
            all.left_out.push(format!("nothing is expected of {id} by {}", silent.join(", ")));
        } else if all.checks.len() == before {
            all.left_out.push(format!("no case is about what {id} offers"));
        }
        if id.is_builtin() {
            all.silent = silent;
        }
    }
    Ok(all)
}

/// Whether a case is about what an engine has, and says nothing of that engine.
pub(in crate::cli) fn is_silent(entry: &Entry, backend: &Backend, engine: &Installed) -> bool {
    let has = engine.id.is_builtin() || engine.offers(backend.target());
    has && check(entry, backend, engine).is_none()
}

/// A case on a backend of an engine, where something is expected of it.
pub(in crate::cli) fn check<'a>(
    entry: &'a Entry,
    backend: &Backend,
    engine: &Installed,
) -> Option<Check<'a>> {
    if !engine.id.is_builtin() && !engine.offers(backend.target()) {
        return None;
    }
    let version = Version::parse(&engine.version).ok();
    let expect = entry.expectations.of(version.as_ref(), backend)?;
    Some(Check { entry, backend: backend.clone().on(&engine.id), expect })
}

/// Whether a backend is asked for: by its name, or by its target without any knobs.
pub(in crate::cli) fn is_wanted(wanted: &[Backend], backend: &Backend) -> bool {
    let is = |asked: &Backend| {
        asked == backend
            || (asked.knobs == Knobs::default() && asked.target().id == backend.target().id)
    };
    wanted.is_empty() || wanted.iter().any(is)
}
