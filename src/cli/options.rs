//! Options that several subcommands share, and the environment they come from.

mod parse;

use self::parse::{backend_names, parse_memory, parse_seconds, parse_size};
use crate::engines::{
    self, Backend, EngineId, Installed, STACK_BYTES_DEFAULT, STACK_BYTES_MAX, STACK_BYTES_MIN,
    WEB_ENGINES,
};
use crate::job::Budget;
use crate::provision::Cache;
use crate::sandbox::{Host, Pool, WorkerExe};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

pub(super) use self::parse::{check_oracle, parse_shard, parse_time};

/// Share of the machine's memory that jobs may use together, in percent.
const MEMORY_PERCENT: u64 = 75;

/// How jobs are run.
#[derive(Args, Clone, Debug)]
pub(super) struct RunOpts {
    /// Engines: `builtin` (default), a release such as 41.0.0, `web`, or others that
    /// `brink engine list` names
    #[arg(short, long = "engine", value_name = "ENGINE", num_args = 1.., value_delimiter = ',')]
    pub(super) engines: Vec<String>,
    /// Backends, parted by spaces or commas: `default`, `full`, or names with knobs such as
    /// `x86_64:opt=none,fuel`
    #[arg(short, long = "backend", value_name = "BACKEND", num_args = 1..)]
    pub(super) backends: Vec<String>,
    /// CPU time that one job may use, such as 30s, or a number of seconds
    #[arg(long, value_name = "TIME", value_parser = parse_seconds)]
    pub(super) time_limit: Option<u64>,
    /// Memory that one job may use, such as 4GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    pub(super) memory_limit: Option<u64>,
    /// Memory that all jobs together may use [default: 75% of what is available]
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    total_memory: Option<u64>,
    /// Stack of the compile thread, for backends that do not set it themselves
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    stack: Option<u64>,
    /// Jobs at once [default: the number of processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
}

/// The limits of a job where nothing else is said.
pub(super) const DEFAULT_BUDGET: Budget = Budget::new(60, 4 << 30);

impl RunOpts {
    /// The backends asked for, of the engines asked for. Without any asked for they are those of a
    /// finding, or all that the engine offers.
    pub(super) fn backends(&self, of_finding: Option<&[Backend]>) -> Result<Vec<Backend>> {
        let cache = cache()?;
        let mut ids = self.engine_ids(&cache)?;
        let none_asked = ids.is_empty();
        if none_asked {
            ids.push(EngineId::builtin());
        }
        if let Some(file) = self.backends.iter().find(|name| Path::new(name).is_file()) {
            bail!("find the backend {file:?}: it is a file; name it before --backend");
        }
        let mut backends = Vec::new();
        for id in &ids {
            let of_engine = match (of_finding, self.backends.is_empty()) {
                (Some(found), true) if none_asked => found.to_vec(),
                (Some(found), true) => found.iter().map(|b| b.clone().on(id)).collect(),
                (None, true) => installed(&cache, id)?.default_set(),
                (_, false) => self.backends_of(&installed(&cache, id)?)?,
            };
            backends.extend(
                of_engine.into_iter().filter(|b| !backends.contains(b)).collect::<Vec<_>>(),
            );
        }
        if let Some(stack) = self.stack {
            ensure!(
                (STACK_BYTES_MIN..=STACK_BYTES_MAX).contains(&stack),
                "set the stack to {stack} bytes: it goes from {STACK_BYTES_MIN} to {STACK_BYTES_MAX}"
            );
            for backend in &mut backends {
                if backend.knobs.stack_bytes == STACK_BYTES_DEFAULT {
                    backend.knobs.stack_bytes = stack;
                }
            }
        }
        Ok(backends)
    }

    /// The backends that are named, of one engine.
    pub(super) fn backends_of(&self, engine: &Installed) -> Result<Vec<Backend>> {
        Ok(engines::backends(&backend_names(&self.backends), engine)?)
    }

    /// Whether engines or backends are asked for by name.
    pub(super) fn names_backends(&self) -> bool {
        !self.engines.is_empty() || !self.backends.is_empty()
    }

    /// The engines asked for.
    pub(super) fn engine_ids(&self, cache: &Cache) -> Result<Vec<EngineId>> {
        let ids = self.engines.iter().map(|name| engines_named(cache, name));
        Ok(ids.collect::<Result<Vec<_>>>()?.concat())
    }

    /// The limits of a job: those asked for, else those of `otherwise`, else the defaults.
    pub(super) fn budget(&self, otherwise: Option<Budget>) -> Budget {
        let otherwise = otherwise.unwrap_or(DEFAULT_BUDGET);
        let cpu_s = self.time_limit.unwrap_or(otherwise.cpu_s);
        Budget::new(cpu_s, self.memory_limit.unwrap_or(otherwise.memory_bytes))
    }

    /// The seats for jobs on these backends.
    pub(super) fn pool(&self, backends: &[Backend]) -> Result<Pool> {
        let (exe, cache) = (this_exe()?, cache()?);
        let ids: BTreeSet<&EngineId> = backends.iter().map(Backend::engine).collect();
        let hosts = ids.into_iter().map(|id| Ok(Host::new(&exe, installed(&cache, id)?)));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let total_memory_bytes = match self.total_memory {
            Some(bytes) => bytes,
            None => available_memory()? / 100 * MEMORY_PERCENT,
        };
        Ok(Pool {
            hosts: hosts.collect::<Result<_>>()?,
            seats: self.jobs.map_or(processors, usize::from),
            total_memory_bytes,
        })
    }
}

/// This executable, which is its own worker.
pub(super) fn this_exe() -> Result<WorkerExe> {
    WorkerExe::this().context("find this executable under /proc/self")
}

/// The cache of engines: `BRINK_CACHE`, or `brink` in the user's folder for caches.
pub(super) fn cache() -> Result<Cache> {
    let folder = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let root = folder("BRINK_CACHE")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("brink")))
        .or_else(|| Some(folder("HOME")?.join(".cache/brink")))
        .context("find a place for the cache of engines: set BRINK_CACHE or HOME")?;
    Ok(Cache::at(&root))
}

/// The engines that one word on the command line means.
fn engines_named(cache: &Cache, name: &str) -> Result<Vec<EngineId>> {
    let builtin = EngineId::builtin();
    if name == builtin.as_str() {
        return Ok(vec![builtin]);
    }
    if name == "web" {
        let there = cache.list()?.into_iter().map(|engine| engine.id).filter(EngineId::is_web);
        let there: Vec<EngineId> = there.collect();
        ensure!(
            !there.is_empty(),
            "find a web engine: none is in the cache; add one with `brink engine add {}`",
            WEB_ENGINES[0]
        );
        return Ok(there);
    }
    Ok(vec![cache.find(name)?.id])
}

/// The engine of that name.
pub(super) fn installed(cache: &Cache, id: &EngineId) -> Result<Installed> {
    if id.is_builtin() { Ok(Installed::builtin()) } else { Ok(cache.find(id.as_str())?) }
}

/// Memory that can be used without swapping, in bytes: the machine's, or the container's where
/// that is less.
pub(super) fn available_memory() -> Result<u64> {
    let machine = memory_field("MemAvailable:")?;
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let container = container.and_then(|text| text.trim().parse::<u64>().ok());
    Ok(container.map_or(machine, |container| container.min(machine)))
}

/// Memory of the machine, in bytes.
pub(super) fn total_memory() -> Result<u64> {
    memory_field("MemTotal:")
}

fn memory_field(name: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").context("read /proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let kib = line.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
    Ok(kib.with_context(|| format!("find {name} in /proc/meminfo"))? * 1024)
}

/// Turns true when the run is to stop: Ctrl-C, or a request to end. A second Ctrl-C ends at once.
pub(super) fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Relaxed) {
            std::process::exit(i32::from(super::Exit::Interrupted as u8));
        }
    })
    .context("listen for Ctrl-C")?;
    Ok(stop)
}
