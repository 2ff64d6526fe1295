//! The configurations under which widths are checked.

use super::Opts;
use crate::engines::{Backend, Cpu, EngineId, FEATURES, Features, OptLevel};
use anyhow::{Result, anyhow, bail, ensure};
use std::collections::BTreeSet;

/// What Cranelift makes of memories and of the mitigation of Spectre; the first is the default.
const MEMORIES: &[&str] = &["", "guard=off", "signals=off", "spectre=off", "guard=off,spectre=off"];

/// The same for Winch, which cannot do without signals.
const WINCH_MEMORIES: &[&str] = &["", "guard=off", "spectre=off", "guard=off,spectre=off"];

/// Without this, Winch refuses vectors, and every module of the matrix that has some.
const WINCH_SIMD: &str = "avx2";

/// The backends asked for: those named, or the configurations of each engine.
pub(super) fn backends(opts: &Opts) -> Result<Vec<Backend>> {
    let named = opts.run.backends(None)?;
    if !opts.run.backends.is_empty() {
        if let Some(other) = named.iter().find(|backend| !backend.target().is_x86_64()) {
            bail!("check the code of {other}: only x86-64 code can be looked at");
        }
        let elsewhere = named.iter().find(|backend| !backend.runs_here());
        if let Some(other) = elsewhere.filter(|_| opts.at_the_end) {
            bail!("run the code of {other}: this machine lacks something that it is made for");
        }
        return with_cpus(named, &asked_cpus(opts)?);
    }
    let engines: BTreeSet<&EngineId> = named.iter().map(Backend::engine).collect();
    for engine in &engines {
        let makes_code =
            named.iter().any(|backend| backend.engine() == *engine && backend.target().is_x86_64());
        ensure!(makes_code, "check the code of {engine}: it hands out no x86-64 code");
    }
    let mut all = configurations(opts)?;
    if opts.at_the_end {
        all.retain(Backend::runs_here);
        ensure!(!all.is_empty(), "run the code: this machine can run none of the configurations");
    }
    let mut on_all: Vec<Backend> = Vec::new();
    for engine in engines {
        for backend in all.iter().map(|backend| known_to(engine, backend.clone().on(engine))) {
            // Without what a release does not know, two sets may be one.
            if !on_all.contains(&backend) {
                on_all.push(backend);
            }
        }
    }
    Ok(on_all)
}

/// The backends named, with each of the CPU sets where some were asked for.
fn with_cpus(named: Vec<Backend>, cpus: &BTreeSet<Features>) -> Result<Vec<Backend>> {
    if cpus.is_empty() {
        return Ok(named);
    }
    let mut all = Vec::new();
    for backend in named {
        ensure!(
            backend.knobs.cpu == Cpu::Target,
            "check {backend} with other CPU sets: it names one itself; leave out --cpu"
        );
        all.extend(cpus.iter().map(|&cpu| {
            let mut backend = backend.clone();
            backend.knobs.cpu = Cpu::Features(cpu);
            backend
        }));
    }
    Ok(all)
}

/// A backend with the machine's CPU set, as far as an older release knows it.
fn known_to(engine: &EngineId, mut backend: Backend) -> Backend {
    if let (Cpu::Features(cpu), Some(release)) = (backend.knobs.cpu, engine.release())
        && cpu == Features::host()
    {
        backend.knobs.cpu = Cpu::Features(cpu.known_to(release.major));
    }
    backend
}

/// The CPU sets that were asked for.
fn asked_cpus(opts: &Opts) -> Result<BTreeSet<Features>> {
    let asked = opts.cpus.iter().map(|text| {
        text.parse::<Features>().map_err(|()| {
            let known: Vec<&str> = FEATURES.iter().map(|feature| feature.name).collect();
            anyhow!(
                "find the CPU set {text:?}: it is sse2, host, or some of {} joined by +",
                known.join(", ")
            )
        })
    });
    asked.collect()
}

fn configurations(opts: &Opts) -> Result<Vec<Backend>> {
    let host = Features::host();
    let mut cpus = asked_cpus(opts)?;
    if opts.deep {
        if cpus.is_empty() {
            cpus = [Features::first(0), host].into();
        }
        return Ok(cpus
            .into_iter()
            .map(|cpu| backend("x86_64", "", cpu, OptLevel::Speed))
            .collect());
    }
    if cpus.is_empty() {
        // A module is one case, not a matrix, and running costs more than looking: the two ends, and
        // what runs here.
        let few = opts.module.is_some() || opts.at_the_end;
        let steps = if few { vec![0] } else { (0..=FEATURES.len()).collect() };
        cpus = steps.into_iter().map(Features::first).chain([host]).collect();
    }
    let mut all = Vec::new();
    for &cpu in &cpus {
        let everything = opts.full || cpu == host || !opts.cpus.is_empty();
        let count = match opts.at_the_end {
            _ if everything => MEMORIES.len(),
            // With guards and without.
            true => 2,
            false => 1,
        };
        let memories = &MEMORIES[..count];
        for opt in [OptLevel::Speed, OptLevel::None] {
            all.extend(memories.iter().map(|memory| backend("x86_64", memory, cpu, opt)));
        }
    }
    let few = if cpus.contains(&host) { host } else { cpus.last().copied().unwrap_or(host) };
    let has_simd = |cpu: &Features| cpu.iter().any(|feature| feature.name == WINCH_SIMD);
    for cpu in cpus.into_iter().filter(|cpu| has_simd(cpu) && (opts.full || *cpu == few)) {
        let of_memory = |memory: &&str| backend("winch-x86_64", memory, cpu, OptLevel::default());
        all.extend(WINCH_MEMORIES.iter().map(of_memory));
    }
    Ok(all)
}

fn backend(target: &str, knobs: &str, cpu: Features, opt: OptLevel) -> Backend {
    let backend = format!("{target}:{knobs}").parse::<Backend>();
    let mut backend = backend.expect("a test parses every one");
    backend.knobs.cpu = Cpu::Features(cpu);
    backend.knobs.opt = opt;
    backend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_release_gets_what_it_knows_of_the_host() {
        let release: EngineId = "41.0.0".parse().unwrap();
        let host = backend("x86_64", "guard=off", Features::host(), OptLevel::None).on(&release);
        let known = known_to(&release, host.clone());
        let Cpu::Features(cpu) = known.knobs.cpu else { panic!("{known}") };
        assert_eq!(cpu, Features::host().known_to(41));
        assert!(cpu.iter().all(|feature| !feature.name.contains("vnni")), "{cpu}");
        let now = known_to(&EngineId::builtin(), host.clone().on(&EngineId::builtin()));
        assert_eq!(now.knobs.cpu, Cpu::Features(Features::host()));
        // What is asked for by name stays; no machine has this feature alone.
        let alone = backend("x86_64", "", "avxvnni".parse().unwrap(), OptLevel::Speed).on(&release);
        assert_eq!(known_to(&release, alone.clone()), alone);
    }

    #[test]
    fn every_configuration_is_a_backend_that_can_be_made() {
        assert!(FEATURES.iter().any(|feature| feature.name == WINCH_SIMD));
        for (target, memories) in [("x86_64", MEMORIES), ("winch-x86_64", WINCH_MEMORIES)] {
            for memory in memories {
                let made = backend(target, memory, Features::host(), OptLevel::Speed);
                assert_eq!(made.cannot(), None, "{made}");
                assert_eq!(made.to_string().parse::<Backend>().unwrap(), made);
            }
        }
    }
}
