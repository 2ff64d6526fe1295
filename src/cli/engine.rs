//! `brink engine`.

use super::Exit;
use super::exit::{remark, say};
use super::options::{cache, stop_flag, this_exe};
use super::table;
use crate::engines::{EngineId, Installed, targets};
use crate::provision::{self, Against, Cache, Profile};
use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct Opts {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the engines that are there
    List {
        /// Print each as a line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Add releases of Wasmtime, by their wheels, or an engine that you have
    Add(AddOpts),
    /// Build a worker against another Wasmtime with cargo: every backend and Winch
    Build(BuildOpts),
    /// Remove engines
    Remove {
        /// Their names
        #[arg(required = true, value_name = "ENGINE")]
        engines: Vec<String>,
    },
}

#[derive(Args, Debug)]
struct AddOpts {
    /// Versions such as 41.0.0, 41 for the newest 41, or 19..50 for the newest of each; the
    /// v8 and jsc for web engines; the name of an engine that is given by its path
    #[arg(required = true, value_name = "ENGINE")]
    engines: Vec<String>,
    /// A library with the C API, an unpacked official archive, or the archive (.tar.xz)
    #[arg(long, value_name = "PATH")]
    library: Option<PathBuf>,
    /// A `wasmtime` executable, which stays where it is
    #[arg(long, value_name = "PATH", conflicts_with = "library")]
    executable: Option<PathBuf>,
    /// The program of a web engine (v8, jsc), where it is not on the PATH
    #[arg(long, value_name = "PATH", conflicts_with_all = ["library", "executable"])]
    program: Option<PathBuf>,
    /// Get it again where it is there already
    #[arg(long)]
    force: bool,
}

#[derive(Args, Debug)]
struct BuildOpts {
    /// A version such as 36.0.18, whose engine is then 36.0.18-all; with --path or --git the name of
    /// the engine
    #[arg(value_name = "ENGINE")]
    engine: String,
    /// A checkout of Wasmtime's repository
    #[arg(long, value_name = "PATH", conflicts_with = "git")]
    path: Option<PathBuf>,
    /// The address of a repository
    #[arg(long, value_name = "URL", requires = "rev")]
    git: Option<String>,
    /// The revision, tag or branch of it
    #[arg(long, value_name = "REV", requires = "git")]
    rev: Option<String>,
    /// With debug assertions and overflow checks
    #[arg(long)]
    assertions: bool,
    /// Without optimisation, in a quarter of the time: what it accepts, refuses and emits is what the
    /// release does, its timeouts, stack overflows and memory are not
    #[arg(long)]
    unoptimised: bool,
    /// Build it again where it is there already
    #[arg(long)]
    force: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let cache = cache()?;
    // On Ctrl-C the program that is running ends, and what is half done is taken away.
    let _stop = stop_flag()?;
    match &opts.command {
        Command::List { json } => list(&cache, *json)?,
        Command::Add(opts) => add(&cache, opts)?,
        Command::Build(opts) => build(&cache, opts)?,
        Command::Remove { engines } => {
            for name in engines {
                say(&format!("{} is removed\n", cache.remove(name)?));
            }
        }
    }
    Ok(Exit::Nothing)
}

fn add(cache: &Cache, opts: &AddOpts) -> Result<()> {
    let exe = this_exe()?;
    let own = opts.library.is_some() || opts.executable.is_some() || opts.program.is_some();
    ensure!(
        !own || opts.engines.len() == 1,
        "add an engine by its path: it takes one name, and {} were given",
        opts.engines.len()
    );
    let mut names = Vec::new();
    for name in &opts.engines {
        match name.split_once("..").filter(|(from, _)| !from.is_empty()) {
            Some((from, to)) => {
                names.extend(provision::newest_releases(major(from)?..=major(to)?)?)
            }
            None => names.push(name.clone()),
        }
    }
    for name in &names {
        let id: EngineId = name.parse()?;
        ensure!(!id.is_builtin(), "add the engine {id}: that name is taken by the built-in one");
        if cache.has(&id) && !opts.force {
            say(&format!("{id} is there already; --force gets it again\n"));
            continue;
        }
        let engine = if let Some(path) = &opts.library {
            provision::add_library(cache, &exe, id, path)?
        } else if let Some(path) = &opts.executable {
            provision::add_executable(cache, &exe, id, path)?
        } else if id.is_web() {
            provision::add_web(cache, &exe, id, opts.program.as_deref())?
        } else {
            provision::add_release(cache, &exe, name)?
        };
        say(&format!("{} is added: {}\n", engine.id, offers(&engine)));
    }
    Ok(())
}

fn build(cache: &Cache, opts: &BuildOpts) -> Result<()> {
    let against = match (&opts.path, &opts.git, &opts.rev) {
        (Some(path), ..) => Against::Path(
            path.canonicalize().with_context(|| format!("find the checkout {}", path.display()))?,
        ),
        (None, Some(url), Some(revision)) => {
            Against::Git { url: url.clone(), revision: revision.clone() }
        }
        _ => {
            let version = &opts.engine;
            let parsed = version.parse().with_context(|| {
                format!(
                    "build against {version:?}: a version has three numbers, as 36.0.18; a checkout \
                     is named with --path, a repository with --git and --rev"
                )
            });
            Against::Version(parsed?)
        }
    };
    // A release that is there as a library keeps its name.
    let release = matches!(against, Against::Version(_));
    let mut name = opts.engine.clone();
    if release {
        name.push_str("-all");
    }
    if opts.assertions {
        name.push_str("-assertions");
    }
    if opts.unoptimised {
        name.push_str("-unoptimised");
    }
    let id: EngineId = name.parse()?;
    if cache.has(&id) && !opts.force {
        say(&format!("{id} is there already; --force builds it again\n"));
        return Ok(());
    }
    let mut progress = |line: &str| remark(line);
    let profile = Profile { assertions: opts.assertions, unoptimised: opts.unoptimised };
    let engine = provision::build(cache, &this_exe()?, id, &against, profile, &mut progress)?;
    say(&format!("{} is built: {}\n", engine.id, offers(&engine)));
    Ok(())
}

fn major(text: &str) -> Result<u64> {
    text.parse().with_context(|| format!("read {text:?}: a range of releases is like 19..50"))
}

/// One line on what an engine offers.
fn offers(engine: &Installed) -> String {
    let each = engine.lacks.iter().map(|(target, lacks)| {
        if lacks.is_empty() {
            return target.clone();
        }
        let lacks: Vec<&str> = lacks.iter().map(|proposal| proposal.name()).collect();
        format!("{target} without {}", lacks.join(", "))
    });
    let each: Vec<String> = each.collect();
    if each.is_empty() { "everything".to_owned() } else { each.join("; ") }
}

fn list(cache: &Cache, json: bool) -> Result<()> {
    let mut engines = vec![Installed::builtin()];
    engines.extend(cache.list()?);
    if json {
        for engine in &engines {
            say(&format!("{}\n", serde_json::to_string(engine)?));
        }
        return Ok(());
    }
    let row = |engine: &Installed| {
        let offered = targets(&engine.id).iter().filter(|target| engine.offers(target));
        let offered: Vec<&str> = offered.map(|target| target.id).collect();
        vec![
            engine.id.to_string(),
            engine.version.clone(),
            engine.code.kind().to_owned(),
            offered.join(" "),
            engine.source.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = engines.iter().map(row).collect();
    for damaged in cache.damaged()? {
        remark(&format!("brink: {damaged}"));
    }
    let table = table::list(&["engine", "version", "kind", "offers", "source"], &rows);
    say(&format!("{table}\n{} engines, in {}\n", engines.len(), cache.folder().display()));
    Ok(())
}
