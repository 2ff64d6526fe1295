//! Files as memory: mapped for as long as somebody looks at them.
//!
//! A module may have a gigabyte, and this process has several at once: mapped, its bytes are the
//! kernel's, which keeps them for the file anyway and may drop them.
#![expect(unsafe_code, reason = "the system calls have no safe wrapper")]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

/// A file's content, which cannot be written through this.
#[derive(Debug)]
pub struct Mapped {
    start: *const u8,
    length: usize,
}

impl Mapped {
    /// Maps a file that nobody cuts short: one without a name, whose writers are done.
    pub(super) fn of(file: &File) -> io::Result<Mapped> {
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        if length == 0 {
            // The kernel maps no nothing.
            return Ok(Mapped { start: std::ptr::NonNull::dangling().as_ptr(), length });
        }
        // SAFETY: a fresh private read-only mapping of an open file, of its length.
        let memory = unsafe {
            let (protection, flags) = (libc::PROT_READ, libc::MAP_PRIVATE);
            libc::mmap(null_mut(), length, protection, flags, file.as_raw_fd(), 0)
        };
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Mapped { start: memory.cast(), length })
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: mapped for as long as this lives, or dangling with no length; nobody writes to it.
        unsafe { std::slice::from_raw_parts(self.start, self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: our own mapping, of which no slice is left.
            unsafe { libc::munmap(self.start.cast_mut().cast(), self.length) };
        }
    }
}
