//! The place of a run: what is there already, the lock on it, and the earlier runs that make room.

use super::whole::NEW_FOLDER;
use super::{EVENTS, FINDINGS, StoreError, io_error};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The lock within the directory.
pub(super) const LOCK: &str = "lock";

/// Earlier runs that are kept beside the current one.
pub(super) const KEPT_RUNS: u32 = 3;

/// Without a slash at the end, which would take the names of earlier runs into the directory.
pub(super) fn normal(path: &Path) -> PathBuf {
    let path: PathBuf = path.components().collect();
    if path.as_os_str().is_empty() { PathBuf::from(".") } else { path }
}

/// Whether a new run may be made at `path` with nothing in its way.
pub(super) fn is_vacant(path: &Path) -> Result<bool, StoreError> {
    match fs::read_dir(path) {
        Ok(entries) => {
            let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
            // What a start leaves that failed before its first event is nothing either.
            let failed_start = fs::read_dir(path.join(FINDINGS))
                .is_ok_and(|mut findings| findings.next().is_none())
                && names.iter().all(|name| name == FINDINGS || name == LOCK);
            Ok(names.is_empty() || failed_start)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(io_error("use the run directory", path)(error)),
    }
}

/// Whether `path` has the mark of a run.
pub(super) fn is_run(path: &Path) -> bool {
    path.join(EVENTS).is_file() && path.join(LOCK).is_file()
}

/// Locks a run that is to be moved or removed; what is not a run must be neither.
pub(super) fn lock_run(path: &Path) -> Result<File, StoreError> {
    if is_run(path) { lock(path) } else { Err(StoreError::NotARun(path.to_owned())) }
}

pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let name = path.join(LOCK);
    let error = || io_error("lock the run directory", path);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&name);
    let file = file.map_err(error())?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(path.to_owned())),
        Err(TryLockError::Error(source)) => return Err(error()(source)),
    }
    // Between the opening and the lock, another run may have moved the directory and taken its
    // place: then this is the lock of the run that was moved.
    let held = file.metadata().map_err(error())?;
    let is_there = fs::metadata(&name)
        .is_ok_and(|there| (there.dev(), there.ino()) == (held.dev(), held.ino()));
    if is_there { Ok(file) } else { Err(StoreError::Locked(path.to_owned())) }
}

/// Where the runs before the one at `path` are kept, newest first: a new run there moves or removes
/// them.
pub fn kept_runs(path: &Path) -> Vec<PathBuf> {
    let path = normal(path);
    let kept = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    };
    (1..=KEPT_RUNS).map(kept).collect()
}

/// `path.2` becomes `path.3`, `path.1` becomes `path.2`, `path` becomes `path.1`.
pub(super) fn rotate(path: &Path) -> Result<(), StoreError> {
    let kept = kept_runs(path);
    let is_there = |run: &Path| run.symlink_metadata().is_ok();
    // All are looked at before anything is moved, and stay locked until all is done.
    let there = kept.iter().filter(|run| is_there(run));
    let _locks = there.map(|run| lock_run(run)).collect::<Result<Vec<File>, StoreError>>()?;
    let [newest, .., oldest] = &kept[..] else { return Ok(()) };
    if is_there(oldest) {
        // What a kill leaves of it would be no run, and in the way for ever. Within the run at `path`
        // it is in nobody's way, and goes with that one.
        let removed = || {
            let doomed = tempfile::Builder::new().prefix(NEW_FOLDER).tempdir_in(path)?;
            fs::rename(oldest, doomed.path())?;
            doomed.close()
        };
        removed().map_err(io_error("remove the oldest run", oldest))?;
    }
    for pair in kept.windows(2).rev().filter(|pair| is_there(&pair[0])) {
        fs::rename(&pair[0], &pair[1]).map_err(io_error("move an earlier run", &pair[0]))?;
    }
    fs::rename(path, newest).map_err(io_error("move the earlier run", path))
}
