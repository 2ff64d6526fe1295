//! Modules on their way to workers: small ones inline, large ones as files without a name.
//!
//! A file that never had a name cannot be left behind, however this process ends. Workers, which
//! run as the same user, open it through this process' descriptors.

use super::unix::Mapped;
use crate::job::{INLINE_BYTES_MAX, ModuleSource, Planted};
use crate::shapes::Rope;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Deref;
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
    file: Option<Arc<File>>,
}

impl StoredModule {
    /// Stores a module.
    pub fn new(module: &Rope) -> Result<StoredModule, ModuleFileError> {
        if module.len() <= INLINE_BYTES_MAX {
            return Ok(StoredModule { source: ModuleSource::Inline(module.to_vec()), file: None });
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
        let source = ModuleSource::File(descriptor_path(&file));
        Ok(StoredModule { source, file: Some(Arc::new(file)) })
    }

    /// No module, but what the worker does in its place.
    pub fn planted(planted: Planted) -> StoredModule {
        StoredModule { source: ModuleSource::Planted(planted), file: None }
    }

    /// How a job refers to it.
    pub fn source(&self) -> ModuleSource {
        self.source.clone()
    }

    /// Its bytes. Those of a file are mapped, so that they take no memory of this process.
    pub fn bytes(&self) -> io::Result<ModuleBytes<'_>> {
        match (&self.source, &self.file) {
            (ModuleSource::Inline(bytes), _) => Ok(ModuleBytes::Inline(bytes)),
            (_, Some(file)) => Mapped::of(file).map(ModuleBytes::Mapped),
            (ModuleSource::File(_) | ModuleSource::Planted(_), None) => {
                Ok(ModuleBytes::Inline(&[]))
            }
        }
    }
}

/// The bytes of a stored module.
#[derive(Debug)]
pub enum ModuleBytes<'a> {
    /// Those of a small one.
    Inline(&'a [u8]),
    /// Those of one in a file.
    Mapped(Mapped),
}

impl Deref for ModuleBytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            ModuleBytes::Inline(bytes) => bytes,
            ModuleBytes::Mapped(mapped) => mapped,
        }
    }
}

/// A file that a job writes its artifact to; it is gone when this is dropped.
#[derive(Debug)]
pub struct ArtifactFile(File);

impl ArtifactFile {
    /// An empty one.
    pub fn new() -> io::Result<ArtifactFile> {
        let told = |error: io::Error| {
            let place = std::env::temp_dir();
            let text = format!(
                "make a file for it in {}, which TMPDIR may move: {error}",
                place.display()
            );
            io::Error::new(error.kind(), text)
        };
        tempfile::tempfile().map(ArtifactFile).map_err(told)
    }

    /// How a job refers to it.
    pub fn path(&self) -> PathBuf {
        descriptor_path(&self.0)
    }

    /// What the job wrote, once it has ended.
    pub fn read(&self) -> io::Result<Mapped> {
        Mapped::of(&self.0)
    }
}

/// Where other processes of this user find an open file.
fn descriptor_path(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()))
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
