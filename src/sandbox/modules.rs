//! Modules on their way to workers: small ones inline, large ones as files without a name.
//!
//! A file that never had a name cannot be left behind, however this process ends. Workers, which
//! run as the same user, open it through this process' descriptors.

use crate::job::{INLINE_BYTES_MAX, ModuleSource};
use crate::shapes::Rope;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// Why a module could not be written down.
#[derive(Debug, Error)]
#[error(
    "write a module of {bytes} bytes to {place}: {source}; free some space there or name another \
     place with TMPDIR"
)]
pub struct ModuleFileError {
    bytes: u64,
    place: String,
    source: io::Error,
}

/// A module that jobs can refer to; its file is gone when the last copy is dropped.
#[derive(Clone, Debug)]
pub struct StoredModule {
    source: ModuleSource,
    _file: Option<Arc<File>>,
}

impl StoredModule {
    /// Stores a module.
    pub fn new(module: &Rope) -> Result<StoredModule, ModuleFileError> {
        if module.len() <= INLINE_BYTES_MAX {
            return Ok(StoredModule { source: ModuleSource::Inline(module.to_vec()), _file: None });
        }
        let write = || -> io::Result<File> {
            let file = tempfile::tempfile()?;
            let mut writer = BufWriter::new(&file);
            module.write_to(&mut writer)?;
            writer.flush()?;
            drop(writer);
            Ok(file)
        };
        let file = write().map_err(|source| ModuleFileError {
            bytes: module.len(),
            place: std::env::temp_dir().display().to_string(),
            source,
        })?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        let source = ModuleSource::File(PathBuf::from(path));
        Ok(StoredModule { source, _file: Some(Arc::new(file)) })
    }

    /// How a job refers to it.
    pub fn source(&self) -> ModuleSource {
        self.source.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_module_is_readable_exactly_as_long_as_it_is_needed() {
        let stored = StoredModule::new(&Rope::repeat(vec![7], INLINE_BYTES_MAX + 1)).unwrap();
        let ModuleSource::File(path) = stored.source() else { panic!("not a file") };
        let copy = stored.clone();
        drop(stored);
        assert_eq!(std::fs::read(&path).unwrap(), vec![7; 64 * 1024 + 1]);
        drop(copy);
        assert!(!path.exists());
    }

    #[test]
    fn a_small_module_is_inline() {
        let stored = StoredModule::new(&Rope::from(vec![1, 2, 3])).unwrap();
        assert_eq!(stored.source(), ModuleSource::Inline(vec![1, 2, 3]));
    }
}
