//! `brink bisect`.
#![expect(clippy::print_stderr, reason = "printing is this room's work")]

use super::Exit;
use super::exit::say;
use super::input::{self, Input};
use super::options::{RunOpts, cache, stop_flag};
use super::recorder::{FINDING_FILE, FindingFile, Recorder};
use super::repro::describe;
use crate::campaign::{
    Answer, Case, Repro, ReproRun, Thoroughness, bisect, history, judge_alone, reproduce,
};
use crate::engines::{Backend, EngineId, Installed};
use crate::job::Budget;
use crate::names::{did_you_mean, nearest};
use crate::oracles::ORACLES;
use crate::outcome::{EngineVerdict, Outcome, Termination};
use crate::provision::{Cache, module_hash, release_order};
use crate::report::Quiet;
use crate::store::write_file;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// All releases are asked where that is foretold to take no longer than this, in microseconds of
/// CPU time; else as few as a search by halves needs.
const ALL_US_MAX: u64 = 60_000_000;

/// A release at a border is asked this often before it counts.
const BORDER_RUNS: usize = 3;

/// What the finding's folder keeps of a bisection.
const HISTORY_FILE: &str = "history.md";

#[derive(Args, Debug)]
pub(super) struct Opts {
    /// A finding's folder, a recipe file, a module (.wasm, .wat), or a shape with parameters
    #[arg(required = true, value_name = "INPUT")]
    input: Vec<String>,
    /// What counts as bad: an oracle's name [default: that of the finding, else anything wrong]
    #[arg(long, value_name = "ORACLE")]
    oracle: Option<String>,
    /// Ask every release, also where each takes long
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    run: RunOpts,
    /// Print each release as a line of JSON, and the sentence last
    #[arg(long)]
    json: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let (case, finding) = match input::read(&opts.input)? {
        Input::Recipe(recipe, finding) => (Case::of_recipe(&recipe)?, finding),
        Input::Module(bytes) => (Case::of_module(&opts.input[0], bytes)?, None),
    };
    let oracle = opts.oracle.clone().or_else(|| finding.as_ref().map(|f| f.oracle.clone()));
    check_oracle(oracle.as_deref())?;
    let budget =
        finding.as_ref().map(|file| Budget::new(file.time_limit_s, file.memory_limit_bytes));
    let cache = cache()?;
    let releases = releases(opts, &cache)?;
    let backend = backend(opts, finding.as_deref())?;
    let stop = stop_flag()?;
    let mut inquiry = Inquiry {
        opts,
        module: module_hash(&case.module.source()).context("read the module")?,
        case,
        budget: opts.run.budget(budget),
        oracle,
        backend,
        releases,
        cache,
        stop: &stop,
        outcomes: BTreeMap::new(),
        shown: Vec::new(),
    };
    let answers = inquiry.search()?;
    if stop.load(Relaxed) {
        return Ok(Exit::Interrupted);
    }
    let names: Vec<String> =
        inquiry.releases.iter().map(|release| release.version.clone()).collect();
    let sentence = history(&names, &answers);
    if opts.json {
        say(&format!("{}\n", serde_json::json!({ "history": sentence })));
    } else {
        say(&format!("{sentence}\n"));
    }
    if finding.is_some() {
        inquiry.keep(Path::new(&opts.input[0]), &answers, &sentence)?;
    }
    let bad = answers.iter().flatten().any(|answer| *answer == Answer::Bad);
    Ok(if bad { Exit::Found } else { Exit::Nothing })
}

fn check_oracle(oracle: Option<&str>) -> Result<()> {
    let Some(oracle) = oracle else { return Ok(()) };
    let ids: Vec<&str> = ORACLES.iter().map(|oracle| oracle.id()).collect();
    ensure!(
        ids.contains(&oracle),
        "look for {oracle:?}{}: what can be wrong is {}",
        did_you_mean(nearest(oracle, ids.iter().copied())),
        ids.join(", ")
    );
    Ok(())
}

/// The releases to ask, oldest first: those named, else all that are there.
fn releases(opts: &Opts, cache: &Cache) -> Result<Vec<Installed>> {
    let mut releases = Vec::new();
    if opts.run.engines.is_empty() {
        releases.push(Installed::builtin());
        for engine in cache.list()? {
            // A build with assertions, or a person's own, is no release.
            if engine.id.as_str() == engine.version && !engine.id.is_web() {
                releases.push(cache.find(engine.id.as_str())?);
            }
        }
    } else {
        for id in opts.run.engine_ids(cache)? {
            let builtin = id.is_builtin();
            releases.push(if builtin { Installed::builtin() } else { cache.find(id.as_str())? });
        }
    }
    releases.sort_by(release_order);
    releases.dedup_by(|a, b| a.id == b.id);
    ensure!(
        releases.len() > 1,
        "bisect: only {} is there; add releases first, as with `brink engine add 19..50`",
        releases.first().map_or_else(|| "nothing".to_owned(), |engine| engine.id.title())
    );
    Ok(releases)
}

/// The one backend to ask for, of no engine in particular.
fn backend(opts: &Opts, finding: Option<&FindingFile>) -> Result<Backend> {
    let builtin = EngineId::builtin();
    if opts.run.backends.is_empty() {
        let own = || std::env::consts::ARCH.parse::<Backend>();
        let backend = finding.map_or_else(own, |file| Ok(file.backend.clone()));
        let backend = backend.context("choose a backend for this machine; name one")?;
        ensure!(
            !backend.engine().is_web(),
            "bisect {backend}: releases of web engines are not there"
        );
        return Ok(backend.on(&builtin));
    }
    let backends = crate::engines::backends(&opts.run.backends, &Installed::builtin())?;
    match backends.as_slice() {
        [one] => Ok(one.clone()),
        _ => bail!("bisect on {} backends: it is done on one at a time", backends.len()),
    }
}

/// One bisection.
struct Inquiry<'a> {
    opts: &'a Opts,
    case: Case,
    module: [u8; 32],
    budget: Budget,
    oracle: Option<String>,
    backend: Backend,
    releases: Vec<Installed>,
    cache: Cache,
    stop: &'a AtomicBool,
    /// What each release, by its place, has answered, run by run.
    outcomes: BTreeMap<usize, Vec<Outcome>>,
    shown: Vec<usize>,
}

impl Inquiry<'_> {
    /// Asks until all borders are known and stand.
    fn search(&mut self) -> Result<Vec<Option<Answer>>> {
        let newest = self.releases.len() - 1;
        self.run(&[newest], 1)?;
        let cost = |outcomes: &Vec<Outcome>| outcomes[0].measurements.cpu_us;
        let cost_us = self.outcomes.get(&newest).map_or(0, cost);
        let quick = cost_us.saturating_mul(self.releases.len() as u64) <= ALL_US_MAX;
        let thoroughness =
            if self.opts.all || quick { Thoroughness::All } else { Thoroughness::Halves };
        loop {
            let mut failure = None;
            let count = self.releases.len();
            let answers = bisect(count, thoroughness, &mut |which| {
                if failure.is_none() {
                    failure = self.run(which, 1).err();
                }
                self.show(which);
                which.iter().map(|&at| self.answer(at)).collect()
            });
            if let Some(error) = failure {
                return Err(error);
            }
            // A border stands on both its sides.
            let said: Vec<usize> = (0..count)
                .filter(|&at| matches!(answers[at], Some(Answer::Good | Answer::Bad)))
                .collect();
            let borders = said.windows(2).filter(|pair| answers[pair[0]] != answers[pair[1]]);
            let thin: Vec<usize> = borders
                .flatten()
                .copied()
                .filter(|at| self.outcomes.get(at).is_some_and(|runs| runs.len() < BORDER_RUNS))
                .collect();
            if thin.is_empty() || self.stop.load(Relaxed) {
                return Ok(answers);
            }
            self.run(&thin, BORDER_RUNS)?;
        }
    }

    fn on(&self, at: usize) -> Backend {
        self.backend.clone().on(&self.releases[at].id)
    }

    /// Sees to it that each of these releases has answered at least `times` times.
    fn run(&mut self, which: &[usize], times: usize) -> Result<()> {
        let mut lacking = Vec::new();
        for &at in which {
            let job = self.case.job(0, &self.on(at), self.budget);
            let known = self
                .outcomes
                .entry(at)
                .or_insert_with(|| self.cache.results(&self.releases[at], &job, &self.module));
            lacking.extend(std::iter::repeat_n(at, times.saturating_sub(known.len())));
        }
        lacking.sort_unstable();
        let backends: Vec<Backend> = lacking.iter().map(|&at| self.on(at)).collect();
        if backends.is_empty() {
            return Ok(());
        }
        let repro = Repro {
            case: self.case.clone(),
            backends: backends.clone(),
            budget: self.budget,
            times: 1,
        };
        let recorder = Recorder::new(None, Box::new(Quiet), self.stop);
        let report = reproduce(&repro, &self.opts.run.pool(&backends)?, self.stop, &recorder);
        recorder.finish()?;
        if let Some(error) = report.seat_error {
            return Err(error.into());
        }
        for run in report.runs {
            let at = self.releases.iter().position(|release| release.id == *run.backend.engine());
            if let Some(at) = at {
                self.outcomes.entry(at).or_default().push(run.outcome);
            }
        }
        for &at in which {
            let job = self.case.job(0, &self.on(at), self.budget);
            let outcomes = &self.outcomes[&at];
            if outcomes.iter().all(Outcome::says_something) {
                self.cache.keep_results(&self.releases[at], &job, &self.module, outcomes)?;
            }
        }
        Ok(())
    }

    /// What a release says in all its runs.
    fn answer(&self, at: usize) -> Answer {
        let runs = self.outcomes.get(&at).map(Vec::as_slice).unwrap_or_default();
        let answers: Vec<Answer> = runs.iter().map(|outcome| self.judge(at, outcome)).collect();
        match answers.split_first() {
            None => Answer::CannotSay("it was not run".to_owned()),
            Some((first, rest)) if rest.iter().all(|answer| answer == first) => first.clone(),
            Some(_) => {
                let bad = answers.iter().filter(|answer| **answer == Answer::Bad).count();
                Answer::CannotSay(format!("bad in {bad} of {} runs", answers.len()))
            }
        }
    }

    fn judge(&self, at: usize, outcome: &Outcome) -> Answer {
        let run = judge_alone(&self.case, &self.on(at), &self.budget, outcome.clone());
        let ReproRun { violations, inconclusive, .. } = run;
        let wanted = |oracle: &str| self.oracle.as_deref().is_none_or(|wanted| wanted == oracle);
        if violations.iter().any(|judged| wanted(&judged.violation.oracle)) {
            return Answer::Bad;
        }
        if let Some(judged) = violations.first() {
            return Answer::CannotSay(format!("it fails otherwise: {}", judged.violation.summary));
        }
        if let Termination::Completed { verdict: EngineVerdict::NotApplicable { reason } } =
            &outcome.termination
        {
            return Answer::CannotSay(reason.clone());
        }
        inconclusive.first().map_or(Answer::Good, |reason| Answer::CannotSay(reason.clone()))
    }

    /// A line for each release that has none yet.
    fn show(&mut self, which: &[usize]) {
        for &at in which {
            if self.shown.contains(&at) {
                continue;
            }
            self.shown.push(at);
            let line = self.line(at);
            if self.opts.json {
                let (word, detail) = word_and_detail(&self.answer(at), self.outcomes.get(&at));
                let release = &self.releases[at].version;
                let line = serde_json::json!({ "release": release, "answer": word, "why": detail });
                say(&format!("{line}\n"));
            } else {
                say(&format!("{line}\n"));
            }
        }
    }

    fn line(&self, at: usize) -> String {
        let (word, detail) = word_and_detail(&self.answer(at), self.outcomes.get(&at));
        format!("{:<10} {word:<11} {detail}", self.releases[at].version)
    }

    /// Keeps the result with the finding.
    fn keep(&self, folder: &Path, answers: &[Option<Answer>], sentence: &str) -> Result<()> {
        let mut text = format!("# History on {}\n\n{sentence}\n\n", self.backend);
        text.push_str("| release | answer | what it did |\n|---|---|---|\n");
        for (at, _) in answers.iter().enumerate().filter(|(_, answer)| answer.is_some()) {
            let (word, detail) = word_and_detail(&self.answer(at), self.outcomes.get(&at));
            let detail = detail.replace('|', "\\|");
            let _ = writeln!(text, "| {} | {word} | {detail} |", self.releases[at].version);
        }
        write_file(&folder.join(HISTORY_FILE), &mut |file| file.write_all(text.as_bytes()))?;
        let name = folder.join(FINDING_FILE);
        let file =
            std::fs::read_to_string(&name).with_context(|| format!("read {}", name.display()))?;
        let mut file: FindingFile =
            toml::from_str(&file).with_context(|| format!("understand {}", name.display()))?;
        file.history = Some(sentence.to_owned());
        let file = toml::to_string(&file)?;
        write_file(&name, &mut |place| place.write_all(file.as_bytes()))?;
        eprintln!("It is kept in {}.", folder.join(HISTORY_FILE).display());
        Ok(())
    }
}

fn word_and_detail(answer: &Answer, outcomes: Option<&Vec<Outcome>>) -> (&'static str, String) {
    let described = outcomes.and_then(|runs| runs.first()).map(describe).unwrap_or_default();
    match answer {
        Answer::Good => ("good", described),
        Answer::Bad => ("bad", described),
        Answer::CannotSay(reason) => ("cannot say", reason.lines().next().unwrap_or("").to_owned()),
    }
}
