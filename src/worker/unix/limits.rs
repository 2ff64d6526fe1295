//! Limits of a process: those that a child sets itself, and what is said where a session grants less.
#![expect(unsafe_code, reason = "the system calls have no safe wrapper")]

use super::check;
use std::io;

/// Sets a resource's soft limit; fails where the hard limit is lower, since the job would then end
/// for a reason that is not its own. `short` says that, of the value and what may be had.
fn limit(
    resource: libc::__rlimit_resource_t,
    value: u64,
    short: fn(u64, u64) -> String,
) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: pointers to live memory of the right type.
    unsafe {
        check(libc::getrlimit(resource, &mut now))?;
        if now.rlim_max < value {
            return Err(io::Error::other(short(value, now.rlim_max)));
        }
        now.rlim_cur = value;
        check(libc::setrlimit(resource, &now)).map(drop)
    }
}

/// A size for people.
fn gib(bytes: u64) -> String {
    let tenths = u128::from(bytes) * 10 / (1 << 30);
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// No core files.
pub(in crate::worker) fn forbid_core_files() -> io::Result<()> {
    limit(libc::RLIMIT_CORE, 0, |_, _| "core files cannot be forbidden".to_owned())
}

/// SIGXCPU after `seconds` of CPU time of the whole process.
pub(in crate::worker) fn limit_cpu(seconds: u64) -> io::Result<()> {
    limit(libc::RLIMIT_CPU, seconds, |needed, allowed| {
        format!(
            "{needed} s of CPU time are needed and this session allows a process {allowed} s; raise \
             that with `ulimit -t`, or ask for a smaller --time-limit"
        )
    })
}

/// At most `bytes` of address space.
pub(in crate::worker) fn limit_address_space(bytes: u64) -> io::Result<()> {
    limit(libc::RLIMIT_AS, bytes, |needed, allowed| {
        format!(
            "{} of address space are needed and this session allows a process {}; raise that with \
             `ulimit -v`, or ask for a smaller --memory-limit",
            gib(needed),
            gib(allowed)
        )
    })
}

/// The address space that this process may have at most, in bytes.
pub(in crate::worker) fn address_space_bytes_max() -> io::Result<u64> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a pointer to live memory of the right type.
    unsafe { check(libc::getrlimit(libc::RLIMIT_AS, &mut now))? };
    Ok(now.rlim_max)
}
