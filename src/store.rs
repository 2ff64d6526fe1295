//! The run directory: what a run keeps, so that a killed run can be resumed and reported.
//!
//! Files appear whole (a temporary name, then a rename); the log of events is only ever appended
//! to; the directory is locked while a run uses it, by a lock that the kernel drops with the
//! process. A new run moves the last one aside rather than overwriting it; what is not a run is
//! neither moved nor removed.

mod place;
mod whole;

use self::place::{is_run, is_vacant, lock, lock_run, normal, rotate};
use self::whole::{NEW_FOLDER, drop_torn_line, is_torn, plain};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

pub use self::place::kept_runs;
pub use self::whole::{drop_leftovers, write_file};

/// The log of events within the directory.
const EVENTS: &str = "events.jsonl";
/// Folder of findings within the directory.
const FINDINGS: &str = "findings";
/// Folder of those findings that are not for others.
const PRIVATE: &str = "private";
/// Permissions of that folder.
const PRIVATE_MODE: u32 = 0o700;
/// What the run is, within the directory.
const RUN: &str = "run.json";

/// Why the run directory failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another run uses it.
    #[error(
        "use the run directory {0}: another run is using it; wait for that run or name another \
         directory with --output"
    )]
    Locked(PathBuf),
    /// It holds something else, which must not be moved or removed.
    #[error(
        "use the run directory {0}: it holds something else than a run; name another directory \
         with --output"
    )]
    NotARun(PathBuf),
    /// There is nothing to resume.
    #[error("resume the run in {0}: there is no run in it")]
    NothingToResume(PathBuf),
    /// Nothing says what the run is.
    #[error(
        "find out what {0} is: it has no {RUN}, so it is no run directory of a sweep, a hunt, a \
         campaign or limit tests"
    )]
    Undescribed(PathBuf),
    /// A line of the log is damaged.
    #[error("read event {line} of {path}: {message}")]
    Damaged {
        /// The log.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The file system failed.
    #[error("{doing} {path}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { doing, path: path.to_owned(), source }
}

/// Who may read a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whoever may read the run directory.
    Everybody,
    /// The user alone.
    Owner,
}

impl Readers {
    /// Who may read a finding.
    pub fn of(is_sensitive: bool) -> Readers {
        if is_sensitive { Readers::Owner } else { Readers::Everybody }
    }

    /// The folder of such findings within the run directory.
    pub fn folder(self) -> &'static str {
        match self {
            Readers::Everybody => FINDINGS,
            Readers::Owner => PRIVATE,
        }
    }
}

/// A locked run directory.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    events: File,
    // Held for its lock.
    _lock: File,
}

impl RunDir {
    /// A fresh directory at `path`; an earlier run there is moved to `path.1`, and so on. A
    /// directory that holds something else is refused.
    pub fn create(path: &Path) -> Result<RunDir, StoreError> {
        let path = normal(path);
        // Held until the new directory is there: a run that is still going must not be moved, and
        // nobody may take it up on its way.
        let earlier = if is_vacant(&path)? { None } else { Some(lock_run(&path)?) };
        if earlier.is_some() {
            rotate(&path)?;
        }
        fs::create_dir_all(path.join(FINDINGS))
            .map_err(io_error("make the run directory", &path))?;
        let lock = lock(&path)?;
        let events = append_to(&path.join(EVENTS))?;
        drop(earlier);
        Ok(RunDir { path, events, _lock: lock })
    }

    /// The run at `path` with all of its events so far.
    pub fn resume<E: DeserializeOwned>(path: &Path) -> Result<(RunDir, Vec<E>), StoreError> {
        let path = normal(path);
        if !is_run(&path) {
            return Err(StoreError::NothingToResume(path));
        }
        let log = path.join(EVENTS);
        let lock = lock(&path)?;
        let events = read_events(&path)?;
        drop_torn_line(&log)?;
        drop_leftovers(&path);
        for folder in [path.join(FINDINGS), path.join(PRIVATE)] {
            drop_leftovers(&folder);
            // A report may be written anew in the folder of its finding.
            fs::read_dir(&folder).into_iter().flatten().flatten().for_each(|finding| {
                drop_leftovers(&finding.path());
            });
        }
        let dir = RunDir { path, events: append_to(&log)?, _lock: lock };
        Ok((dir, events))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends an event to the log, as one write.
    pub fn append(&mut self, event: &impl Serialize) -> Result<(), StoreError> {
        let log = self.path.join(EVENTS);
        let mut line = serde_json::to_vec(event)
            .map_err(|error| io_error("write an event to", &log)(io::Error::other(error)))?;
        line.push(b'\n');
        self.events.write_all(&line).map_err(io_error("write an event to", &log))
    }

    /// Writes what the run is, for those who read the directory later.
    pub fn write_run_file(&self, text: &str) -> Result<(), StoreError> {
        write_file(&self.path.join(RUN), &mut |sink| sink.write_all(text.as_bytes()))
    }

    /// Writes the files of a finding into its folder and returns the folder, which appears whole
    /// and takes the place of an older one.
    /// What is not for others lies apart, and its owner alone can read it.
    pub fn add_finding(
        &self,
        slug: &str,
        readers: Readers,
        files: &[(&str, Vec<u8>)],
    ) -> Result<PathBuf, StoreError> {
        let findings = self.path.join(readers.folder());
        let folder = findings.join(slug);
        let error = || io_error("make the folder of a finding", &folder);
        fs::create_dir_all(&findings).map_err(error())?;
        if readers == Readers::Owner {
            let mode = fs::Permissions::from_mode(PRIVATE_MODE);
            fs::set_permissions(&findings, mode).map_err(error())?;
        }
        let new = tempfile::Builder::new().prefix(NEW_FOLDER).tempdir_in(&findings);
        let new = new.map_err(plain).map_err(error())?;
        for (name, bytes) in files {
            write_file(&new.path().join(name), &mut |sink| sink.write_all(bytes))?;
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(error())?;
        }
        fs::rename(new.path(), &folder).map_err(error())?;
        // It has moved: there is nothing left to remove.
        let _ = new.keep();
        Ok(folder)
    }
}

/// Whether something says what the run in the directory `path` is.
pub fn is_run_file(path: &Path) -> bool {
    path.join(RUN).is_file()
}

/// What the run in the directory `path` is, as [`RunDir::write_run_file`] wrote it.
pub fn read_run_file(path: &Path) -> Result<String, StoreError> {
    let name = path.join(RUN);
    match fs::read_to_string(&name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(StoreError::Undescribed(path.to_owned()))
        }
        text => text.map_err(io_error("read", &name)),
    }
}

/// All events of the run at `path`. A last line cut short by a kill is left out.
pub fn read_events<E: DeserializeOwned>(path: &Path) -> Result<Vec<E>, StoreError> {
    let log = path.join(EVENTS);
    let file = File::open(&log).map_err(io_error("read", &log))?;
    let mut events = Vec::new();
    let mut reader = BufReader::new(file);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes).map_err(io_error("read", &log))?;
        if read == 0 || bytes.last() != Some(&b'\n') {
            break;
        }
        events.push(serde_json::from_slice(&bytes).map_err(|error| StoreError::Damaged {
            path: log.clone(),
            line,
            message: error.to_string(),
        })?);
    }
    Ok(events)
}

/// Whether the last line in the log of the run at `path` was cut short, so that it is left out.
pub fn has_torn_line(path: &Path) -> Result<bool, StoreError> {
    let log = path.join(EVENTS);
    is_torn(&log).map_err(io_error("read", &log))
}

fn append_to(log: &Path) -> Result<File, StoreError> {
    OpenOptions::new().create(true).append(true).open(log).map_err(io_error("open", log))
}

#[cfg(test)]
mod tests;
