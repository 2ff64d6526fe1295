//! What a bisection asks, and of whom: the oracle, the releases, the backend.

use super::Opts;
use crate::campaign::{Question, Release};
use crate::cli::recorder::FindingFile;
use crate::engines::{Backend, Installed};
use crate::provision::release_order;
use anyhow::{Context, Result, bail, ensure};

/// The releases to ask, oldest first: those named, else all that are there.
pub(super) fn releases(opts: &Opts, question: &Question) -> Result<Vec<Release>> {
    let cache = &question.cache;
    let target = question.backend.target();
    let mut engines = Vec::new();
    if opts.run.engines.is_empty() {
        engines.push(Installed::builtin());
        let cached = cache.list()?;
        for engine in cached.iter().filter(|engine| !engine.id.is_web()) {
            // A build with assertions, or a person's own, is no release. One with all backends is,
            // and stands in for one that lacks the backend.
            let is_release = engine.id.as_str() == engine.version;
            let is_built = engine.id.as_str() == format!("{}-all", engine.version);
            let stands_in = || {
                let of = |other: &&Installed| other.id.as_str() == engine.version;
                cached.iter().find(of).is_none_or(|other| !other.offers(target))
            };
            if engine.offers(target) && (is_release || (is_built && stands_in())) {
                engines.push(cache.find(engine.id.as_str())?);
            }
        }
    } else {
        for id in opts.run.engine_ids(cache)? {
            let builtin = id.is_builtin();
            engines.push(if builtin { Installed::builtin() } else { cache.find(id.as_str())? });
        }
    }
    let web = engines.iter().map(|engine| &engine.id).find(|id| id.is_web());
    let web = web.or(Some(question.backend.engine()).filter(|id| id.is_web()));
    if let Some(id) = web {
        bail!("bisect: {} is no release of Wasmtime", id.title());
    }
    engines.sort_by(release_order);
    engines.dedup_by(|a, b| a.id == b.id);
    ensure!(
        engines.len() > 1,
        "bisect: only {} is there that has {}; add releases first, as with `brink engine add \
         19..50`, or `brink engine build` for backends that those lack",
        engines.first().map_or_else(|| "nothing".to_owned(), |engine| engine.id.title()),
        target.title
    );
    let release = |engine: Installed| Release {
        // Of two engines of one version, each goes by its name.
        version: if engine.id.is_builtin() || engine.id.as_str() == engine.version {
            engine.version.clone()
        } else {
            engine.id.to_string()
        },
        engine: Some(engine),
    };
    Ok(engines.into_iter().map(release).collect())
}

/// The one backend to ask for, of no engine in particular.
pub(super) fn backend(opts: &Opts, finding: Option<&FindingFile>) -> Result<Backend> {
    let builtin = Installed::builtin();
    if opts.run.backends.is_empty() {
        let own = || std::env::consts::ARCH.parse::<Backend>();
        let backend = finding.map_or_else(own, |file| Ok(file.backend.clone()));
        let backend = backend.context("choose a backend for this machine; name one")?;
        ensure!(
            !backend.engine().is_web(),
            "bisect {backend}: releases of web engines are not there"
        );
        return Ok(backend.on(&builtin.id));
    }
    let backends = opts.run.backends_of(&builtin)?;
    match backends.as_slice() {
        [one] => Ok(one.clone()),
        _ => bail!("bisect on {} backends: it is done on one at a time", backends.len()),
    }
}
