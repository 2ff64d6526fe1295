//! Which case is run on which engine and backend.

use super::Opts;
use crate::campaign::Check;
use crate::cli::options::{cache, installed};
use crate::corpus::Entry;
use crate::engines::{self, Backend, EngineId, Installed, Knobs};
use anyhow::{Result, ensure};
use semver::Version;

/// What was asked for, and sentences about what is left out.
pub(super) type Selected<'a> = (Vec<Check<'a>>, Vec<String>);

/// All cases on the engines and backends asked for.
pub(super) fn checks<'a>(opts: &Opts, entries: &[&'a Entry]) -> Result<Selected<'a>> {
    let cache = cache()?;
    let mut ids = opts.run.engine_ids(&cache)?;
    if ids.is_empty() {
        ids.push(EngineId::builtin());
    }
    let wanted = engines::backends(&opts.run.backends, &Installed::builtin())?;
    let (mut checks, mut left_out) = (Vec::new(), Vec::new());
    for id in &ids {
        ensure!(!id.is_web(), "ask {id}: the cases are about releases of Wasmtime");
        let engine = installed(&cache, id)?;
        let before = checks.len();
        for entry in entries {
            let own = &entry.expectations.backends;
            for backend in own.iter().filter(|backend| is_wanted(&wanted, backend)) {
                checks.extend(check(entry, backend, &engine));
            }
        }
        if checks.len() == before {
            left_out.push(format!("no case is about what {id} offers"));
        }
    }
    Ok((checks, left_out))
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
