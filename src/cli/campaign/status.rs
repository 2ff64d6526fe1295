//! `status.json`: where a campaign stands, for people and programs that look at it from outside.

use crate::cli::recorder::Figures;
use crate::store::{StoreError, write_file};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// The file within the campaign's directory.
pub(crate) const FILE: &str = "status.json";

/// The status is at most so old while jobs end.
const EVERY: Duration = Duration::from_secs(2);

/// What a campaign is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It runs, or was killed after `updated`.
    Running,
    /// It was stopped, and can be gone on with.
    Stopped,
    /// Its time is over.
    Complete,
    /// It stopped by itself, with an error.
    Failed,
    /// Several were merged to this.
    Merged,
}

/// Where a campaign stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Of this form: 1.
    pub(crate) version: u32,
    pub(crate) state: State,
    /// When this was written, in seconds since 1970.
    pub(crate) updated: u64,
    /// The process that wrote it.
    pub(crate) process: u32,
    pub(crate) seed: u64,
    pub(crate) shard: (u64, u64),
    /// The round that is under way, or was last, and what it does.
    pub(crate) round: u64,
    pub(crate) step: String,
    /// Rounds that came to their end.
    pub(crate) rounds: u64,
    /// Jobs that ended, in all parts of the campaign.
    pub(crate) jobs: u64,
    /// Findings in all; of them known issues, and such as only their owner may read.
    pub(crate) findings: u64,
    pub(crate) known: u64,
    pub(crate) private: u64,
    /// Cases of the regression corpus that differ, each once.
    #[serde(default)]
    pub(crate) regressions: u64,
    /// Recipes in the corpus.
    pub(crate) corpus: u64,
    /// Wall time of all parts, in seconds; and the time that the campaign has, if it is limited.
    pub(crate) spent_s: u64,
    pub(crate) time_s: Option<u64>,
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Writes a status file.
pub(crate) fn write(directory: &Path, status: &Status) -> Result<(), StoreError> {
    let text = serde_json::to_string_pretty(status).expect("a status is text and numbers") + "\n";
    write_file(&directory.join(FILE), &mut |file| file.write_all(text.as_bytes()))
}

/// The time that the campaign in a directory had taken when its status was last written: nothing else
/// knows of the part of a round that a kill ended.
pub(super) fn spent(directory: &Path) -> Duration {
    let status = fs::read_to_string(directory.join(FILE)).ok();
    let status = status.and_then(|text| serde_json::from_str::<Status>(&text).ok());
    Duration::from_secs(status.map_or(0, |status| status.spent_s))
}

/// Keeps the status file of a campaign up to date.
pub(super) struct Keeper {
    directory: PathBuf,
    inner: Mutex<(Status, Instant)>,
}

impl Keeper {
    pub(super) fn new(
        directory: &Path,
        seed: u64,
        shard: (u64, u64),
        time: Option<Duration>,
    ) -> Keeper {
        let status = Status {
            version: 1,
            state: State::Running,
            updated: 0,
            process: std::process::id(),
            seed,
            shard,
            round: 0,
            step: String::new(),
            rounds: 0,
            jobs: 0,
            findings: 0,
            known: 0,
            private: 0,
            regressions: 0,
            corpus: 0,
            spent_s: 0,
            time_s: time.map(|time| time.as_secs()),
        };
        Keeper { directory: directory.to_owned(), inner: Mutex::new((status, Instant::now())) }
    }

    /// A round begins.
    pub(super) fn begin(&self, round: u64, step: &str) {
        let status = &mut self.inner.lock().unwrap_or_else(PoisonError::into_inner).0;
        status.round = round;
        step.clone_into(&mut status.step);
    }

    /// Whether the file is to be written anew; only one of those who ask is told so.
    pub(super) fn is_due(&self) -> bool {
        let last = &mut self.inner.lock().unwrap_or_else(PoisonError::into_inner).1;
        let due = last.elapsed() >= EVERY;
        if due {
            *last = Instant::now();
        }
        due
    }

    /// Writes the file.
    pub(super) fn write(
        &self,
        state: State,
        figures: &Figures,
        corpus: usize,
    ) -> Result<(), StoreError> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let status = &mut inner.0;
        status.state = state;
        status.updated = now();
        status.rounds = figures.rounds;
        status.jobs = figures.jobs;
        status.findings = figures.findings;
        status.known = figures.known;
        status.private = figures.private;
        status.regressions = figures.regressions;
        status.corpus = corpus as u64;
        status.spent_s = figures.spent.as_secs();
        write(&self.directory, status)
    }
}
