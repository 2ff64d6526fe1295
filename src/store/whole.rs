//! Files that appear whole or not at all, and what a kill leaves of what was being written.

use super::{StoreError, io_error};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How the names of files and folders begin that are being written.
pub(super) const NEW_FILE: &str = ".tmp-";
pub(super) const NEW_FOLDER: &str = ".new-";

/// Permissions of results: temporary files are private, a result is as readable as any other file
/// of the user.
pub(super) const RESULT_MODE: u32 = 0o644;

/// Writes a file that appears whole or not at all. A device, a pipe or a link (`/dev/stdout`) is
/// not replaced but written to.
pub fn write_file(
    path: &Path,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<(), StoreError> {
    let mut fill = |file: &File| {
        let mut sink = BufWriter::new(file);
        write(&mut sink)?;
        sink.flush()
    };
    let mut place = || {
        if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
            return fill(&File::create(path)?);
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            return Err(io::Error::other(format!("there is no folder {}", folder.display())));
        }
        let file = tempfile::Builder::new().prefix(NEW_FILE).tempfile_in(folder).map_err(plain)?;
        fill(file.as_file())?;
        file.as_file().set_permissions(fs::Permissions::from_mode(RESULT_MODE))?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    place().map_err(io_error("write", path))
}

/// What went wrong, without the temporary name that the library adds, which says nothing to anybody.
pub(super) fn plain(error: io::Error) -> io::Error {
    match error.to_string().split_once(" at path \"") {
        Some((cause, _)) => io::Error::new(error.kind(), cause),
        None => error,
    }
}

/// Removes what was being written when a kill came: it has a temporary name. What cannot be removed
/// does no harm.
pub fn drop_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(NEW_FILE) {
            let _ = fs::remove_file(entry.path());
        } else if name.starts_with(NEW_FOLDER) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether the last line of the log has no end: it was cut short, and is not read.
pub(super) fn is_torn(log: &Path) -> io::Result<bool> {
    let mut file = File::open(log)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Cuts a last line that has no end, so that what is appended starts on a line of its own.
pub(super) fn drop_torn_line(log: &Path) -> Result<(), StoreError> {
    let bytes = fs::read(log).map_err(io_error("read", log))?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    if whole < bytes.len() {
        let file = OpenOptions::new().write(true).open(log).map_err(io_error("open", log))?;
        file.set_len(whole as u64).map_err(io_error("repair", log))?;
    }
    Ok(())
}
