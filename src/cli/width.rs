//! `brink width`.
#![expect(clippy::print_stderr, reason = "printing is this room's work")]

use super::Exit;
use super::exit::say;
use super::options::{RunOpts, stop_flag, this_exe};
use super::recorder::Recorder;
use super::self_test;
use crate::campaign::{WidthReport, WidthRun, Wrong, check_width};
use crate::engines::{Backend, Cpu, EngineId, FEATURES, Features, OptLevel};
use crate::job::Budget;
use crate::ops;
use crate::report::{Quiet, Reporter, Terminal};
use crate::width::{Depth, Spread, batches};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::collections::BTreeSet;
use std::io::IsTerminal;

/// The limits of a job: a thousand small functions.
const BUDGET: Budget = Budget::new(60, 4 << 30);

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// CPU sets, such as sse2, sse3+ssse3 or host [default: sse2 and each feature added to it]
    #[arg(long = "cpu", value_name = "SET", num_args = 1..)]
    cpus: Vec<String>,
    /// Only points of the matrix with this operator
    #[arg(long = "op", value_name = "OPERATOR")]
    operator: Option<String>,
    /// Operators fed by operators fed by loads, on this machine's CPU set
    #[arg(long)]
    deep: bool,
    /// Every CPU set with every memory configuration
    #[arg(long, conflicts_with_all = ["deep", "cpus"])]
    full: bool,
    #[command(flatten)]
    run: RunOpts,
    /// Print each wrong access as a line of JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    if let Some(name) = &opts.operator {
        ensure!(
            ops::operator(name).is_some(),
            "find the operator {name:?}{}; `brink list ops` names them all",
            crate::names::did_you_mean(ops::nearest_operator(name))
        );
    }
    let stop = stop_flag()?;
    if let Some(failed) = self_test::first_failure(&this_exe()?)? {
        return Ok(self_test::refuse(&failed));
    }
    let depth = if opts.deep { Depth::Two } else { Depth::One };
    let run = WidthRun {
        batches: batches(depth, Spread::Turns, opts.operator.as_deref()),
        backends: backends(opts)?,
        budget: opts.run.budget(Some(BUDGET)),
    };
    let pool = opts.run.pool(&run.backends)?;
    let silent = opts.quiet || opts.json || !std::io::stderr().is_terminal();
    let reporter: Box<dyn Reporter> =
        if silent { Box::new(Quiet) } else { Box::new(Terminal::new(None)) };
    let recorder = Recorder::new(None, reporter, &stop);
    let report = check_width(&run, &pool, &stop, &recorder)?;
    recorder.finish()?;
    print(&report);
    Ok(if report.wrong.is_empty() { Exit::Nothing } else { Exit::Found })
}

/// The configurations asked for.
fn backends(opts: &Opts) -> Result<Vec<Backend>> {
    if !opts.run.backends.is_empty() {
        return opts.run.backends(None);
    }
    let engines: BTreeSet<EngineId> =
        opts.run.backends(None)?.iter().map(|backend| backend.engine().clone()).collect();
    let mut all = Vec::new();
    for engine in &engines {
        all.extend(configurations(opts)?.into_iter().map(|backend| backend.on(engine)));
    }
    Ok(all)
}

fn configurations(opts: &Opts) -> Result<Vec<Backend>> {
    let parse = |text: &str| text.parse::<Backend>().context("name a configuration");
    let host = Features::host();
    let ladder = (0..=FEATURES.len()).map(Features::first).chain([host]);
    let cpus: BTreeSet<Features> = if !opts.cpus.is_empty() {
        let set = |text: &String| {
            text.parse().map_err(|()| {
                anyhow::anyhow!("find the CPU set {text:?}: it is sse2, host, or names with +")
            })
        };
        opts.cpus.iter().map(set).collect::<Result<_>>()?
    } else if opts.deep {
        BTreeSet::from([host])
    } else {
        ladder.collect()
    };
    let memories = ["", "guard=off", "signals=off", "spectre=off", "guard=off,spectre=off"];
    let mut all = Vec::new();
    for &cpu in &cpus {
        for (at, memory) in memories.iter().enumerate() {
            let asked = opts.full || (cpu == host && !opts.deep) || at == 0;
            for opt in [OptLevel::Speed, OptLevel::None] {
                if asked && !(opts.deep && opt == OptLevel::None) {
                    let mut backend = parse(&format!("x86_64:{memory}"))?;
                    backend.knobs.cpu = Cpu::Features(cpu);
                    backend.knobs.opt = opt;
                    all.push(backend);
                }
            }
        }
    }
    if !opts.deep {
        for memory in ["", "guard=off", "spectre=off"] {
            let mut backend = parse(&format!("winch-x86_64:{memory}"))?;
            backend.knobs.cpu = Cpu::Features(host);
            all.push(backend);
        }
    }
    Ok(all)
}

fn print(report: &WidthReport) {
    let (mut looked_at, mut not_taken) = (0, 0);
    for (a, b) in report.modules.values() {
        looked_at += a;
        not_taken += b;
    }
    for (key, all) in &report.wrong {
        let backends: BTreeSet<String> =
            all.iter().map(|wrong| wrong.backend.to_string()).collect();
        let Wrong { recipes, mismatch, .. } = &all[0];
        say(&format!(
            "{key}: {mismatch}\n  {}\n  {} times on {} backends:\n",
            recipes[0],
            all.len(),
            backends.len()
        ));
        for backend in backends {
            say(&format!("    {backend}\n"));
        }
    }
    for (backend, reason) in report.failed.iter().take(10) {
        say(&format!("failed: {backend}: {reason}\n"));
    }
    for (backend, reason) in report.unsure.iter().take(10) {
        say(&format!("unsure: {backend}: {reason}\n"));
    }
    say(&format!(
        "{looked_at} modules, {not_taken} not taken, {} failed; {} functions, {} accesses, {} code, {} wrong, {} unsure, {:?}\n",
        report.failed.len(),
        report.functions,
        report.accesses,
        report.code_bytes,
        report.wrong.len(),
        report.unsure_count,
        report.stats
    ));
}
