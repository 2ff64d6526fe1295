//! Folders of cases and the files in them, as they lie there: links that lead nowhere, what is no
//! file, what is too large.

use super::{CorpusError, EXPECT_FILE, MODULE_FILE, RECIPE_FILE};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The name of the case in a folder.
pub(super) fn name_of(folder: &Path) -> String {
    // `.` and `..` have a name too.
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned()
}

/// The folders of cases in a directory, hidden ones left out; the directory itself, where it is
/// one. Also the links in it that lead nowhere.
pub(super) fn folders_of(directory: &Path) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let is_there = |name: &&str| directory.join(name).symlink_metadata().is_ok();
    if [RECIPE_FILE, MODULE_FILE, EXPECT_FILE].iter().any(is_there) {
        return Ok((vec![directory.to_owned()], Vec::new()));
    }
    let (mut folders, mut dangling) = (Vec::new(), Vec::new());
    for there in fs::read_dir(directory)? {
        let path = there?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        if hidden {
            continue;
        }
        if path.is_dir() {
            folders.push(path);
        } else if path.is_symlink() && !path.exists() {
            dangling.push(path);
        }
    }
    folders.sort();
    dangling.sort();
    Ok((folders, dangling))
}

/// The content of a file of at most so many bytes; `None` where there is none. What is no file is
/// not opened: the other end of a pipe may never write.
pub(super) fn optional(path: &Path, most: u64) -> Result<Option<Vec<u8>>, CorpusError> {
    let failed = |source| CorpusError::Io { path: path.to_owned(), source };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return if path.is_symlink() {
                Err(CorpusError::Dangling(path.to_owned()))
            } else {
                Ok(None)
            };
        }
        metadata => metadata.map_err(failed)?,
    };
    if !metadata.is_file() {
        return Err(CorpusError::NoFile(path.to_owned()));
    }
    let too_large = |bytes| CorpusError::TooLarge { path: path.to_owned(), bytes, most };
    if metadata.len() > most {
        return Err(too_large(metadata.len()));
    }
    let mut bytes = Vec::new();
    // It may have grown since.
    File::open(path).map_err(failed)?.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    let read = bytes.len() as u64;
    if read > most { Err(too_large(read)) } else { Ok(Some(bytes)) }
}
