//! What commands share that run many jobs and can be gone on with: what the run is, where it is
//! kept, what its events are made into.

mod run_file;

use self::run_file::read;
use super::Exit;
use super::known::{self, KnownOpts};
use super::options::{RunOpts, stop_flag};
use super::output::reporter;
use super::recorder::Recorder;
use super::self_test;
use crate::campaign::{Event, Observer, Stamped};
use crate::report::{Reporter, Tally};
use crate::sandbox::{Pool, PoolStats};
use crate::store::RunDir;
use anyhow::Result;
use clap::Args;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub(super) use self::run_file::{Plan, RunFile, command_of};

/// How such a command runs its jobs and says what comes of them.
#[derive(Args, Debug)]
pub(super) struct SessionOpts {
    #[command(flatten)]
    pub(super) run: RunOpts,
    #[command(flatten)]
    pub(super) known: KnownOpts,
    /// Print every event as a line of JSON, and no summary
    #[arg(long, conflicts_with = "quiet")]
    pub(super) json: bool,
    /// Print nothing but errors, and of limit tests what fails
    #[arg(short, long)]
    pub(super) quiet: bool,
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
    exit_of(tally).unwrap_or(nothing)
}

/// The exit code of what a run has found; `None` for nothing. What is new goes first, what is known
/// last.
pub(super) fn exit_of(tally: &Tally) -> Option<Exit> {
    let found = known::exit(tally.standings());
    match found {
        Some(Exit::Found) => found,
        _ if !tally.differences.is_empty() => Some(Exit::Changed),
        _ => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Difference, Expecting};

    #[test]
    fn a_case_that_differs_is_no_success_and_less_than_a_finding() {
        let mut tally = Tally::default();
        assert_eq!((exit(&tally, true), exit(&tally, false)), (Exit::Nothing, Exit::Interrupted));
        let difference = Difference {
            of: Expecting::Regression,
            case: "a".to_owned(),
            backend: "x86_64".parse().unwrap(),
            expected: "pass".to_owned(),
            seen: "crash".to_owned(),
        };
        for _ in 0..2 {
            tally.add(&Event::Differed { difference: difference.clone() });
        }
        assert_eq!((tally.regressions().len(), tally.differences.len()), (1, 1));
        assert_eq!((exit(&tally, true), exit(&tally, false)), (Exit::Changed, Exit::Changed));
        assert!(crate::report::hunt_summary(&tally, None).contains("brink regress a -e builtin"));
    }

    #[test]
    fn a_run_that_goes_on_says_what_it_had_found() {
        #[derive(Debug)]
        struct Counts(Arc<AtomicBool>);
        impl Reporter for Counts {
            fn report(&mut self, _: &Event) {}
            fn remember(&mut self, _: &Event) {
                self.0.store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
        let (told, stop) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
        let recorder = Recorder::new(None, Box::new(Counts(Arc::clone(&told))), &stop);
        recorder.remember(&Event::Warned { message: String::new() });
        assert!(told.load(std::sync::atomic::Ordering::Relaxed));
    }
}
