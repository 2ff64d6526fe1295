//! Memory: what is shared and mapped, and how much there is.
#![expect(unsafe_code, reason = "the system calls have no safe wrapper")]

use super::{Pid, check};
use crate::worker::progress::Progress;
use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::AsRawFd;
use std::ptr::null_mut;

/// A zeroed page shared with all future children; it lives as long as the process.
pub(in crate::worker) fn shared_zeroed() -> io::Result<&'static Progress> {
    // SAFETY: a fresh anonymous mapping of the right size; page alignment suits any type; all
    // fields are atomics, for which zero is a value; it is never unmapped.
    unsafe {
        let memory = libc::mmap(
            null_mut(),
            size_of::<Progress>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(&*memory.cast::<Progress>())
    }
}

/// The shared page that a static points to, if it points to one.
pub(in crate::worker) fn shared(
    pointer: &std::sync::atomic::AtomicPtr<Progress>,
) -> Option<&'static Progress> {
    // SAFETY: the statics only ever hold null or a `&'static Progress`.
    unsafe { pointer.load(std::sync::atomic::Ordering::Relaxed).as_ref() }
}

/// A file's content as memory, mapped; it stays mapped for the life of the process.
pub(in crate::worker) fn map_file(file: &File) -> io::Result<&'static [u8]> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    if length == 0 {
        return Ok(&[]);
    }
    // SAFETY: a fresh private read-only mapping of a file that the sandbox keeps unchanged while
    // the job runs; a file cut short meanwhile ends the job by SIGBUS, which is reported.
    unsafe {
        let (protection, flags) = (libc::PROT_READ, libc::MAP_PRIVATE);
        let memory = libc::mmap(null_mut(), length, protection, flags, file.as_raw_fd(), 0);
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(std::slice::from_raw_parts(memory.cast::<u8>(), length))
    }
}

/// Address space of which nothing may be accessed but what is opened, for the life of the process.
pub(in crate::worker) struct Reservation {
    start: usize,
    after: usize,
}

impl Reservation {
    /// So many bytes before and after the start; both are multiples of a page.
    pub(in crate::worker) fn new(before: usize, after: usize) -> io::Result<Reservation> {
        let all = before.checked_add(after).ok_or_else(|| io::Error::other("too much"))?;
        // SAFETY: a fresh anonymous mapping that is never unmapped.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            let memory = libc::mmap(null_mut(), all, libc::PROT_NONE, flags, -1, 0);
            if memory == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            Ok(Reservation { start: memory as usize + before, after })
        }
    }

    /// Makes the first `bytes` after the start accessible.
    pub(in crate::worker) fn open(&mut self, bytes: usize) -> io::Result<()> {
        if bytes > self.after {
            return Err(io::Error::other("more than was reserved"));
        }
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: it lies in the mapping, which nobody else knows of.
        check(unsafe { libc::mprotect(self.start as *mut libc::c_void, bytes, protection) })
            .map(drop)
    }

    /// The first byte after the start.
    pub(in crate::worker) fn start(&self) -> *mut u8 {
        self.start as *mut u8
    }
}

/// Address space of this process, in bytes; 0 where it cannot be told. Does not allocate.
pub(in crate::worker) fn address_space_bytes() -> u64 {
    let mut text = [0u8; 64];
    // SAFETY: the path is a C string, the buffer is live and its length is right.
    let read = unsafe {
        let fd = libc::open(c"/proc/self/statm".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return 0;
        }
        let read = libc::read(fd, text.as_mut_ptr().cast(), text.len());
        libc::close(fd);
        read
    };
    let read = usize::try_from(read).unwrap_or(0);
    let digits = text[..read].iter().take_while(|byte| byte.is_ascii_digit());
    let pages = digits.fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    pages * 4096
}

/// Greatest resident memory of this process so far, in bytes.
pub(in crate::worker) fn peak_resident_bytes() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: pointer to live memory of the right type, for which zero is a value.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024
}

/// Resident memory of another process now, in bytes; 0 where it cannot be told.
pub(in crate::worker) fn resident_bytes_of(pid: Pid) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|field| field.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// Keeps this process off huge pages, which cost a small job more than they save.
pub(in crate::worker) fn avoid_huge_pages() {
    // SAFETY: plain system call.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
}
