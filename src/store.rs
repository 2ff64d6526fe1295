//! The run directory: what a run keeps, so that a killed run can be resumed and reported.
//!
//! Files appear whole (a temporary name, then a rename); the log of events is only ever appended
//! to; the directory is locked while a run uses it, by a lock that the kernel drops with the
//! process. A new run moves the last one aside rather than overwriting it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The log of events within the directory.
const EVENTS: &str = "events.jsonl";
/// The lock within the directory.
const LOCK: &str = "lock";
/// Folder of findings within the directory.
const FINDINGS: &str = "findings";

/// Earlier runs that are kept beside the current one.
const KEPT_RUNS: u32 = 3;

/// Why the run directory failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another run uses it.
    #[error(
        "use the run directory {0}: another run is using it; wait for that run or name another \
         directory with --output"
    )]
    Locked(PathBuf),
    /// There is nothing to resume.
    #[error("resume the run in {0}: there is no run in it")]
    NothingToResume(PathBuf),
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
    #[error("{doing} {path}: {source}")]
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

/// A locked run directory.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    events: File,
    // Held for its lock.
    _lock: File,
}

impl RunDir {
    /// A fresh directory at `path`; an earlier run there is moved to `path.1`, and so on.
    pub fn create(path: &Path) -> Result<RunDir, StoreError> {
        if path.join(EVENTS).exists() {
            // The lock is taken first: a run that is still going must not be moved away.
            drop(lock(path)?);
            rotate(path)?;
        }
        fs::create_dir_all(path.join(FINDINGS))
            .map_err(io_error("make the run directory", path))?;
        let lock = lock(path)?;
        let events = append_to(&path.join(EVENTS))?;
        Ok(RunDir { path: path.to_owned(), events, _lock: lock })
    }

    /// The run at `path` with all of its events so far.
    pub fn resume<E: DeserializeOwned>(path: &Path) -> Result<(RunDir, Vec<E>), StoreError> {
        let log = path.join(EVENTS);
        if !log.exists() {
            return Err(StoreError::NothingToResume(path.to_owned()));
        }
        let lock = lock(path)?;
        let events = read_events(path)?;
        drop_torn_line(&log)?;
        let dir = RunDir { path: path.to_owned(), events: append_to(&log)?, _lock: lock };
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

    /// Writes the files of a finding into its folder and returns the folder.
    pub fn add_finding(
        &self,
        slug: &str,
        files: &[(&str, Vec<u8>)],
    ) -> Result<PathBuf, StoreError> {
        let folder = self.path.join(FINDINGS).join(slug);
        fs::create_dir_all(&folder).map_err(io_error("make the folder of a finding", &folder))?;
        for (name, bytes) in files {
            write_whole(&folder.join(name), bytes)?;
        }
        Ok(folder)
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

/// Writes a file that appears whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let error = || io_error("write", path);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(error())?;
    file.write_all(bytes).map_err(error())?;
    // Temporary files are private; a result is as readable as any other file of the user.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    file.as_file().set_permissions(mode).map_err(error())?;
    file.persist(path).map_err(|e| io_error("write", path)(e.error))?;
    Ok(())
}

fn append_to(log: &Path) -> Result<File, StoreError> {
    OpenOptions::new().create(true).append(true).open(log).map_err(io_error("open", log))
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let name = path.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&name);
    let file = file.map_err(io_error("lock the run directory", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(io_error("lock the run directory", path)(error)),
    }
}

/// `path.2` becomes `path.3`, `path.1` becomes `path.2`, `path` becomes `path.1`.
fn rotate(path: &Path) -> Result<(), StoreError> {
    let kept = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    };
    let oldest = kept(KEPT_RUNS);
    if oldest.exists() {
        fs::remove_dir_all(&oldest).map_err(io_error("remove the oldest run", &oldest))?;
    }
    for n in (1..KEPT_RUNS).rev().filter(|&n| kept(n).exists()) {
        fs::rename(kept(n), kept(n + 1)).map_err(io_error("move an earlier run", &kept(n)))?;
    }
    fs::rename(path, kept(1)).map_err(io_error("move the earlier run", path))
}

/// Cuts a last line that has no end, so that what is appended starts on a line of its own.
fn drop_torn_line(log: &Path) -> Result<(), StoreError> {
    let bytes = fs::read(log).map_err(io_error("read", log))?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        let file = OpenOptions::new().write(true).open(log).map_err(io_error("open", log))?;
        file.set_len(whole as u64).map_err(io_error("repair", log))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_refused_while_the_first_goes_on() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out");
        let first = RunDir::create(&path).unwrap();
        assert!(matches!(RunDir::create(&path).unwrap_err(), StoreError::Locked(_)));
        assert!(matches!(RunDir::resume::<u32>(&path).unwrap_err(), StoreError::Locked(_)));
        drop(first);
        RunDir::create(&path).unwrap();
        assert!(place.path().join("out.1").exists(), "the first run was moved aside");
    }

    #[test]
    fn old_runs_are_kept_up_to_a_number() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out");
        for n in 0..6 {
            RunDir::create(&path).unwrap().append(&n).unwrap();
        }
        let last = |name: &str| read_events::<u32>(&place.path().join(name)).unwrap();
        assert_eq!((last("out"), last("out.1"), last("out.3")), (vec![5], vec![4], vec![2]));
        assert!(!place.path().join("out.4").exists());
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_the_log_goes_on() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out");
        RunDir::create(&path).unwrap().append(&1).unwrap();
        let mut log = append_to(&path.join(EVENTS)).unwrap();
        log.write_all(b"{\"torn").unwrap();
        drop(log);
        let (mut dir, events) = RunDir::resume::<u32>(&path).unwrap();
        assert_eq!(events, [1]);
        dir.append(&2).unwrap();
        assert_eq!(read_events::<u32>(&path).unwrap(), [1, 2]);
    }

    #[test]
    fn a_damaged_line_is_named() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join(EVENTS), "1\nx\n3\n").unwrap();
        let error = read_events::<u32>(place.path()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { line: 2, .. }));
        let nothing = RunDir::resume::<u32>(&place.path().join("none")).unwrap_err();
        assert!(matches!(nothing, StoreError::NothingToResume(_)));
    }

    #[test]
    fn files_of_a_finding_appear_whole() {
        let place = tempfile::tempdir().unwrap();
        let dir = RunDir::create(&place.path().join("out")).unwrap();
        let folder = dir.add_finding("x", &[("a.toml", b"1".to_vec())]).unwrap();
        assert_eq!(fs::read(folder.join("a.toml")).unwrap(), b"1");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no temporary file is left");
    }
}
