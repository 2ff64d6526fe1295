//! `brink repro`.

use super::Exit;
use super::exit::{remark, say};
use super::input::{Input, InputOpts};
use super::known::{self, KnownOpts};
use super::options::{RunOpts, stop_flag};
use super::recorder::FindingFile;
use super::repro_growth;
use super::verdicts;
use crate::campaign::{Repro, ReproReport, ReproRun};
use crate::engines::Backend;
use crate::job::Budget;
use crate::limits::{self, HeadroomError};
use crate::recipe::one_line;
use crate::report;
use crate::store::write_file;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct Opts {
    #[command(flatten)]
    input: InputOpts,
    /// How often to run it on each backend
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    times: u32,
    /// Exit with code 2 unless every backend compiles it, but for those that lack what it needs
    #[arg(long)]
    everywhere: bool,
    /// Measure how costs grow with these parameters, instead of one size
    #[arg(long, value_name = "PARAM", value_delimiter = ',')]
    growth: Vec<String>,
    #[command(flatten)]
    run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
    /// Print each outcome as a line of JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Write the compiled module of the first run to a file
    #[arg(long, value_name = "FILE")]
    artifact: Option<PathBuf>,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let issues = opts.known.read()?;
    let input = opts.input.read()?;
    if let Input::Recipe(recipe, finding) = &input
        && let Some(scaled) = scaled(opts, finding.as_deref())
    {
        let asked = repro_growth::Asked { recipe, scaled, finding: finding.as_deref() };
        let output = (opts.json, opts.quiet);
        return repro_growth::run(&asked, &opts.run, opts.times, output, &issues);
    }
    ensure!(opts.growth.is_empty(), "measure growth of {}: it is no recipe", opts.input.name());
    let unreadable = match &input {
        Input::Module(bytes) => unreadable(bytes),
        Input::Recipe(..) => None,
    };
    let (case, finding) = input.into_case(opts.input.first())?;
    let (of_finding, budget): (Option<Vec<Backend>>, Option<Budget>) = match &finding {
        Some(finding) => {
            // The finding's own backend first; then those that it is compared with.
            let mut backends = vec![finding.backend.clone()];
            backends.extend(finding.peers.iter().filter(|p| **p != finding.backend).cloned());
            (Some(backends), Some(Budget::new(finding.time_limit_s, finding.memory_limit_bytes)))
        }
        None => (None, None),
    };
    let repro = Repro {
        case,
        backends: opts.run.backends(of_finding.as_deref())?,
        budget: opts.run.budget(budget),
        times: opts.times,
        keep_artifacts: opts.artifact.is_some(),
    };
    let stop = stop_flag()?;
    let mut report = verdicts::reach(&repro, &opts.run, opts.quiet || opts.json, &stop)?;
    let refused = |run: &ReproRun| run.outcome.termination.name() == "refused";
    if let Some(reason) = unreadable
        && report.runs.iter().all(|run| refused(run) && run.violations.is_empty())
        && !report.runs.is_empty()
    {
        // Every line would say the same. A backend that does anything else with it is worth a look.
        bail!("read {} as a module: {reason}", opts.input.first());
    }
    print(opts, &repro, &report);
    if let Some(path) = &opts.artifact {
        let first = report.runs.first().and_then(|run| run.artifact.as_deref());
        let artifact = first.context("write the compiled module: the first run made none")?;
        write_file(path, &mut |file| file.write_all(artifact))?;
    }
    if !opts.json && !opts.quiet && (opts.everywhere || report.runs.len() > 1) {
        say(&verdicts::tally(&repro, &report));
    }
    let violations = report.signatures();
    if let Some(exit) = verdicts::settle(&mut report, &stop)? {
        return Ok(exit);
    }
    if let Some(finding) = &finding
        && !opts.quiet
    {
        let again = violations.iter().any(|signature| signature.to_string() == finding.signature);
        let said = if again { "The finding reproduces" } else { "The finding does not reproduce" };
        let limits = Budget::new(finding.time_limit_s, finding.memory_limit_bytes);
        let others = if repro.budget != limits {
            format!(", within {}; it was found within {}", told(&repro.budget), told(&limits))
        } else {
            String::new()
        };
        remark(&format!("{said}{others}: {}", finding.summary));
    }
    if opts.everywhere && !verdicts::compiles_everywhere(&repro, &report) {
        return Ok(Exit::Found);
    }
    if opts.run.names_backends()
        && let Some(reason) = nowhere_to_run(&repro, &report)
    {
        bail!("run it on any backend that was named: {reason}");
    }
    let standings = verdicts::standings(&issues, &report);
    if !opts.json && !opts.quiet {
        verdicts::tell_known(&standings);
    }
    Ok(known::exit(standings.iter().map(Option::as_ref)).unwrap_or(Exit::Nothing))
}

/// A budget in words.
fn told(budget: &Budget) -> String {
    format!("{} s and {}", budget.cpu_s, report::bytes(budget.memory_bytes))
}

/// The parameters along which growth is to be measured, if that is asked.
fn scaled<'a>(opts: &'a Opts, finding: Option<&'a FindingFile>) -> Option<&'a [String]> {
    let of_finding = finding.map(|finding| finding.scaled.as_slice());
    [Some(opts.growth.as_slice()), of_finding].into_iter().flatten().find(|it| !it.is_empty())
}

/// Why bytes are no module that any engine could be asked to compile, where that is so. Past a limit
/// of the parser's own, as of the length of names, they are one that is refused.
fn unreadable(bytes: &[u8]) -> Option<String> {
    match limits::headroom(bytes) {
        Err(HeadroomError::Component) => {
            Some("it is a component, and only core modules are compiled".to_owned())
        }
        Err(error) if error.is_past_a_limit() => None,
        Err(HeadroomError::Unreadable(error)) => Some(one_line(&error.to_string())),
        Ok(_) | Err(HeadroomError::UnknownIndex { .. }) => None,
    }
}

/// The first reason why a run was not applicable, where none was applicable.
fn nowhere_to_run(repro: &Repro, report: &ReproReport) -> Option<String> {
    let reasons = report.runs.iter().map(|run| verdicts::not_applicable(repro, run));
    let reasons: Option<Vec<String>> = reasons.collect();
    reasons?.into_iter().next()
}

fn print(opts: &Opts, repro: &Repro, report: &ReproReport) {
    for run in &report.runs {
        let ReproRun { backend, violations, inconclusive, .. } = run;
        if opts.json {
            say(&format!("{}\n", verdicts::json(repro, run)));
        } else if !opts.quiet {
            if verdicts::could_not_run(run) {
                // Why is told as the error that it is.
                say(&format!("{backend}: could not be run\n"));
                continue;
            }
            say(&format!("{backend}: {}\n", verdicts::line(repro, run)));
            for judged in violations {
                say(&format!("  violation: {}\n", judged.violation.summary));
            }
            for reason in inconclusive {
                say(&format!("  inconclusive: {reason}\n"));
            }
        }
    }
}
