//! What commands share that run many jobs and can be gone on with: what the run is, where it is
//! kept, what its events are made into.

use super::Exit;
use super::known::{self, KnownOpts};
use super::options::{RunOpts, stop_flag};
use super::output::reporter;
use super::recorder::{Recorder, machine};
use super::self_test;
use crate::campaign::{Event, Machine, Observer, Stamped};
use crate::engines::{Backend, ENGINE};
use crate::job::Budget;
use crate::report::{Reporter, Tally};
use crate::sandbox::{Pool, PoolStats};
use crate::store::{RunDir, read_run_file};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What a command adds to the description of its runs.
pub(super) trait Plan: Serialize + DeserializeOwned {
    /// The command.
    const COMMAND: &'static str;

    /// The seed.
    fn seed(&self) -> u64;
}

/// How such a command runs its jobs and says what comes of them.
#[derive(Args, Debug)]
pub(super) struct SessionOpts {
    #[command(flatten)]
    pub(super) run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
    /// Print every event as a line of JSON, and no summary
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

impl SessionOpts {
    /// Whether a summary is wanted.
    pub(super) fn tells(&self) -> bool {
        !self.json && !self.quiet
    }

    /// Who shows the run as it goes.
    fn reporter(&self, time: Option<Duration>) -> Box<dyn Reporter> {
        reporter(self.json, self.quiet, time)
    }
}

/// What a run is: kept in `run.json`, so that it can be gone on with as it was started.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunFile<P> {
    #[serde(default)]
    command: String,
    brink: String,
    engine: String,
    arguments: Vec<String>,
    machine: Machine,
    pub(super) backends: Vec<Backend>,
    pub(super) budget: Budget,
    pub(super) time_s: Option<u64>,
    #[serde(flatten)]
    pub(super) plan: P,
}

impl<P: Plan> RunFile<P> {
    /// A run of this command line, on this machine.
    pub(super) fn new(
        plan: P,
        backends: Vec<Backend>,
        budget: Budget,
        time: Option<Duration>,
    ) -> RunFile<P> {
        RunFile {
            command: P::COMMAND.to_owned(),
            brink: env!("CARGO_PKG_VERSION").to_owned(),
            engine: ENGINE.to_owned(),
            arguments: std::env::args().skip(1).collect(),
            machine: machine(),
            backends,
            budget,
            time_s: time.map(|time| time.as_secs()),
            plan,
        }
    }

    /// That the run begins or goes on.
    pub(super) fn started(&self) -> Event {
        Event::RunStarted {
            brink: self.brink.clone(),
            engine: self.engine.clone(),
            arguments: std::env::args().skip(1).collect(),
            seed: self.plan.seed(),
            machine: self.machine.clone(),
            backends: self.backends.clone(),
        }
    }
}

/// A run that begins, or one that goes on.
pub(super) struct Session<P> {
    pub(super) directory: RunDir,
    pub(super) file: RunFile<P>,
    /// What happened in it so far.
    pub(super) past: Vec<Event>,
    /// The time that it has taken so far.
    pub(super) spent: Duration,
}

impl<P: Plan> Session<P> {
    /// A run that begins in a directory of its own.
    pub(super) fn create(output: &Path, file: RunFile<P>) -> Result<Session<P>> {
        let directory = RunDir::create(output)?;
        directory.write_run_file(&serde_json::to_string_pretty(&file)?)?;
        Ok(Session { directory, file, past: Vec::new(), spent: Duration::ZERO })
    }

    /// The run in a directory, and what happened in it.
    pub(super) fn resume(output: &Path) -> Result<Session<P>> {
        let (directory, stamped) = RunDir::resume::<Stamped>(output)?;
        let file = read::<P>(output)?;
        let spent = stamped.last().map_or(0, |last| last.ms);
        let past = stamped.into_iter().map(|stamped| stamped.event).collect();
        Ok(Session { directory, file, past, spent: Duration::from_millis(spent) })
    }

    /// What is left of the time of the run, where that is limited.
    pub(super) fn time_left(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.file.time_s?).saturating_sub(self.spent))
    }

    /// Begins to record, with what happened so far in mind; also hands over what is left.
    pub(super) fn record<'a>(
        self,
        opts: &SessionOpts,
        begun: &'a Begun,
        time: Option<Duration>,
    ) -> (Recorder<'a>, RunFile<P>, Vec<Event>) {
        let Session { directory, file, past, spent } = self;
        let recorder = Recorder::new(Some(directory), opts.reporter(time), &begun.stop)
            .with_known(begun.issues.clone())
            .after(spent);
        past.iter().for_each(|event| recorder.remember(event));
        recorder.observe(file.started());
        (recorder, file, past)
    }
}

/// What `run.json` in a directory says of a run of this command.
fn read<P: Plan>(output: &Path) -> Result<RunFile<P>> {
    let text = read_run_file(output)?;
    let place = output.display();
    if let Some(command) = command_of(&text)
        && command != P::COMMAND
    {
        bail!("go on with {place}: {}", how_to_go_on(&command, output));
    }
    let file: RunFile<P> = serde_json::from_str(&text)
        .with_context(|| format!("understand run.json in {place} as that of a {}", P::COMMAND))?;
    ensure!(
        file.engine == ENGINE,
        "go on with the {} in {place}: it was made with {}, and this is {ENGINE}",
        P::COMMAND,
        file.engine
    );
    Ok(file)
}

/// The command whose run a `run.json` describes. Earlier versions told it by the arguments alone.
pub(super) fn command_of(run_file: &str) -> Option<String> {
    let file = serde_json::from_str::<serde_json::Value>(run_file).ok()?;
    let named = file.get("command").or_else(|| file.get("arguments")?.get(0))?;
    named.as_str().map(str::to_owned)
}

/// How a run of another command is gone on with.
fn how_to_go_on(command: &str, output: &Path) -> String {
    let output = output.display();
    match command {
        "sweep" | "hunt" => format!(
            "it is a {command}; `brink {command} --resume --output {output}` goes on with it"
        ),
        "campaign" => {
            format!("it is a campaign; `brink campaign --output {output}` goes on with it")
        }
        other => format!("it is what `brink {other}` made, and cannot be gone on with"),
    }
}

/// What every such command starts with.
pub(super) struct Begun {
    pub(super) stop: Arc<AtomicBool>,
    pub(super) issues: crate::triage::KnownIssues,
}

/// Reads the known issues and proves that faults would be seen; else the exit code.
fn begin(opts: &SessionOpts) -> Result<Result<Begun, Exit>> {
    let issues = opts.known.read()?;
    let stop = stop_flag()?;
    Ok(match self_test::gate(&stop)? {
        Some(exit) => Err(exit),
        None => Ok(Begun { stop, issues }),
    })
}

/// A session that is ready to run.
pub(super) struct Opened<P> {
    pub(super) begun: Begun,
    pub(super) session: Session<P>,
    pub(super) pool: Pool,
}

/// Opens the session that is `planned`, or else the one that `resume` goes on with; else the exit
/// code.
pub(super) fn open<P: Plan>(
    opts: &SessionOpts,
    output: &Path,
    planned: Option<RunFile<P>>,
    resume: impl FnOnce() -> Result<Session<P>>,
) -> Result<Result<Opened<P>, Exit>> {
    let begun = match begin(opts)? {
        Ok(begun) => begun,
        Err(exit) => return Ok(Err(exit)),
    };
    let session = match planned {
        Some(file) => Session::create(output, file)?,
        None => resume()?,
    };
    let pool = opts.run.pool(&session.file.backends)?;
    Ok(Ok(Opened { begun, session, pool }))
}

/// Notes how the run ended, and hands over what it amounts to.
pub(super) fn end(
    recorder: Recorder<'_>,
    ended: Option<(bool, &PoolStats)>,
    pool: &Pool,
) -> Result<Tally> {
    if let Some((complete, stats)) = ended {
        recorder.observe(Event::ended(complete, stats, pool.seats));
    }
    Ok(recorder.finish()?)
}

/// The exit code of a run.
pub(super) fn exit(tally: &Tally, complete: bool) -> Exit {
    let nothing = if complete { Exit::Nothing } else { Exit::Interrupted };
    known::exit(tally.standings()).unwrap_or(nothing)
}
