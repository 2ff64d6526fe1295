//! `brink shrink`.

mod growth;
mod output;
mod target;

use self::output::Output;
use self::target::{Target, check_seen, confirm, target, try_once};
use super::Exit;
use super::exit::{remark, say};
use super::input::{Input, InputOpts};
use super::known::{self, KnownOpts};
use super::options::{RunOpts, check_oracle, parse_time, stop_flag};
use super::recorder::FindingFile;
use super::repro_growth::{Asked, check_names};
use crate::campaign::Finding;
use crate::engines::Backend;
use crate::job::Budget;
use crate::report;
use crate::sandbox::Pool;
use crate::shapes;
use crate::shrink::{
    Candidate, Ended, Limits, Search, ShrinkError, SignatureHolds, Smallest, TIME_DEFAULT,
};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

#[derive(Args, Debug)]
pub(super) struct Opts {
    #[command(flatten)]
    pub(super) input: InputOpts,
    /// The oracle whose violation is kept [default: that of the finding, else the first one seen]
    #[arg(long, value_name = "ORACLE")]
    pub(super) oracle: Option<String>,
    /// Keep how costs grow with these parameters, for which a finding about growth need not be asked
    #[arg(long, value_name = "PARAM", value_delimiter = ',', conflicts_with = "oracle")]
    pub(super) growth: Vec<String>,
    /// Time for the search, such as 90s or 10m; the case that is tried then is finished, and the
    /// smallest is run three times more
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "5m")]
    pub(super) time: Duration,
    /// Most cases to try
    #[arg(long, value_name = "N", default_value_t = 10_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) cases: u32,
    #[command(flatten)]
    pub(super) run: RunOpts,
    #[command(flatten)]
    pub(super) known: KnownOpts,
    /// Where the smallest goes [default: smallest.toml in the finding's folder, else smallest.toml
    /// or smallest.wasm here]
    #[arg(short, long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    pub(super) quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    debug_assert_eq!(TIME_DEFAULT.as_secs(), 300, "the option's default says so too");
    check_oracle(opts.oracle.as_deref())?;
    let issues = opts.known.read()?;
    let (input, finding) = read(opts)?;
    let of_finding = finding.as_ref().map(|finding| finding.scaled.as_slice());
    let scaled = [Some(opts.growth.as_slice()), of_finding].into_iter().flatten();
    if let Some(scaled) = scaled.into_iter().find(|scaled| !scaled.is_empty()) {
        let Candidate::Recipe(recipe) = &input else {
            bail!("measure growth of {}: it is no recipe", opts.input.name())
        };
        let asked = Asked { recipe, scaled, finding: finding.as_deref() };
        check_names(recipe, scaled)?;
        let output = Output::of(opts, &input, asked.growth_finding().is_some())?;
        return growth::run(opts, &asked, &output, &issues);
    }
    let output = Output::of(opts, &input, finding.is_some())?;
    let stop = stop_flag()?;
    let least = least(opts, &input, finding.as_deref(), &output, &stop)?;
    let Some(Least { smallest, found, evidence }) = least else { return Ok(Exit::Interrupted) };
    if stop.load(Relaxed) {
        tell(opts, &format!("Interrupted; the best is in {}.", output.path().display()));
        return Ok(Exit::Interrupted);
    }
    check_seen(opts, &output, found.seen)?;
    output.report(&found, &input, &evidence, &issues)?;
    tell_end(opts, &smallest, &found, &output);
    let standing = known::standing(&issues, &found.violation, &found.signature, &found.backend);
    if let Some(standing) = &standing {
        tell(opts, &format!("{standing}"));
    }
    Ok(known::exit(std::iter::once(standing.as_ref())).unwrap_or(Exit::Found))
}

/// The least that was found, and what was seen on the way.
struct Least {
    smallest: Smallest,
    found: Finding,
    evidence: Vec<crate::shrink::Sample>,
}

/// The least that still shows what goes wrong with the input, for a command that makes something of
/// it; `None` where a person has stopped the search. What is best so far goes to the output's file.
pub(super) fn smallest(opts: &Opts) -> Result<Option<(Candidate, Finding)>> {
    let (input, finding) = read(opts)?;
    if let (Candidate::Recipe(recipe), Some(finding)) = (&input, finding.as_deref())
        && !finding.scaled.is_empty()
    {
        check_names(recipe, &finding.scaled)?;
        let asked = Asked { recipe, scaled: &finding.scaled, finding: Some(finding) };
        let output = Output::of(opts, &input, false)?;
        let least = growth::least(opts, &asked, &output)?;
        return Ok(least.map(|(smallest, found)| (smallest.candidate, found)));
    }
    let output = Output::of(opts, &input, false)?;
    let stop = stop_flag()?;
    let least = least(opts, &input, finding.as_deref(), &output, &stop)?;
    Ok(least.filter(|_| !stop.load(Relaxed)).map(|it| (it.smallest.candidate, it.found)))
}

/// Reads what is to be shrunk.
fn read(opts: &Opts) -> Result<(Candidate, Option<Box<FindingFile>>)> {
    Ok(match opts.input.read()? {
        Input::Recipe(_, Some(finding)) if !finding.allocator.is_default() => bail!(
            "shrink {}: it was seen with memory from a pool, which only `brink repro` of its folder \
             and limit tests ask for",
            opts.input.name()
        ),
        Input::Recipe(recipe, finding) => (Candidate::Recipe(shapes::whole(&recipe)), finding),
        Input::Module(bytes) => (Candidate::Module(bytes), None),
    })
}

/// Runs the input, shrinks what goes wrong with it and confirms that.
fn least(
    opts: &Opts,
    input: &Candidate,
    finding: Option<&FindingFile>,
    output: &Output,
    stop: &AtomicBool,
) -> Result<Option<Least>> {
    let of_finding = finding.map(|file| {
        let others = file.peers.iter().filter(|peer| **peer != file.backend);
        std::iter::once(&file.backend).chain(others).cloned().collect::<Vec<Backend>>()
    });
    let budget = finding.map(|file| Budget::new(file.time_limit_s, file.memory_limit_bytes));
    let backends = opts.run.backends(of_finding.as_deref())?;
    let pool = opts.run.pool(&backends)?;
    let deadline = Instant::now() + opts.time;
    let report = try_once(input, &backends, opts.run.budget(budget), &pool, stop)?;
    if stop.load(Relaxed) {
        remark("brink: interrupted before anything was known to hold");
        return Ok(None);
    }
    let target = target(opts, finding, report, &backends, opts.run.budget(budget))?;
    tell(opts, &format!("Keeping `{}` on {}.", target.signature, target.run.backend));
    let limits = Limits { deadline, asks_max: opts.cases };
    let (smallest, evidence) = shrink(opts, input, &target, output, limits, &pool, stop)?;
    if interrupted(opts, &smallest, input, output, stop) {
        return Ok(None);
    }
    let found = confirm(&smallest, &target, &pool, stop)?;
    Ok(Some(Least { smallest, found, evidence }))
}

/// Whether a person ended the search, who is told what there is. The report stays about what was
/// confirmed.
fn interrupted(
    opts: &Opts,
    smallest: &Smallest,
    input: &Candidate,
    output: &Output,
    stop: &AtomicBool,
) -> bool {
    let interrupted = smallest.ended == Ended::Stopped || stop.load(Relaxed);
    if interrupted && smallest.candidate == *input {
        tell(opts, &format!("Interrupted after {} cases; nothing smaller so far.", smallest.asks));
    } else if interrupted {
        let place = output.path().display();
        tell(opts, &format!("Interrupted after {} cases; the best is in {place}.", smallest.asks));
    }
    interrupted
}

/// Shrinks from what an earlier shrink left, where that still shows the same, else from the input.
fn shrink(
    opts: &Opts,
    input: &Candidate,
    target: &Target,
    output: &Output,
    limits: Limits,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<(Smallest, Vec<crate::shrink::Sample>)> {
    let started = Instant::now();
    let mut asks = 0;
    let mut keep = |best: &Candidate| {
        output.keep(best)?;
        asks += 1;
        let seconds = started.elapsed().as_secs_f64();
        tell(opts, &format!("{seconds:.1} s: {}", describe(best)));
        Ok(())
    };
    let (signature, peers) = (&target.signature, &target.peers);
    let predicate =
        || SignatureHolds::new(pool, stop, &target.run, signature.clone(), peers, target.budget);
    for start in output.earlier().into_iter().chain([input.clone()]) {
        let mut predicate = predicate();
        let search = Search::new(start.clone(), &mut predicate, &mut keep, limits, stop);
        match search.run() {
            Ok(smallest) => return Ok((smallest, predicate.into_samples())),
            Err(ShrinkError::NotThere(_)) if start != *input => {}
            Err(error) => {
                return Err(error).with_context(|| format!("shrink {}", opts.input.name()));
            }
        }
    }
    bail!("shrink {}: nothing was tried", opts.input.name())
}

fn describe(candidate: &Candidate) -> String {
    match candidate {
        Candidate::Recipe(recipe) => recipe.to_string(),
        Candidate::Module(module) => format!("a module of {}", report::bytes(module.len() as u64)),
    }
}

fn tell(opts: &Opts, text: &str) {
    if !opts.quiet {
        remark(text);
    }
}

fn tell_end(opts: &Opts, smallest: &Smallest, found: &Finding, output: &Output) {
    let ended = match smallest.ended {
        Ended::Exhausted => "nothing smaller shows it",
        Ended::OutOfBudget => "stopped by the limit of time or cases",
        Ended::Stopped => "interrupted",
    };
    let near = smallest.asks_to_precision.map_or_else(String::new, |asks| {
        format!(", each count within 1% of the least after {asks}")
    });
    let (seen, runs) = found.seen;
    let place = output.path().display();
    tell(opts, &format!("{} cases tried{near}; {ended}.", smallest.asks));
    if !opts.quiet {
        say(&format!("{}\n", describe(&smallest.candidate)));
    }
    tell(opts, &format!("Seen in {seen} of {runs} runs; it is in {place}."));
}
