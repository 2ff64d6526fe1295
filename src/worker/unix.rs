//! The worker's system calls: forking and clocks here; limits, memory, signals and planted
//! faults each in a file of its own.
//!
//! The one place of the worker's side that talks to the kernel beyond what safe wrappers offer.
#![expect(unsafe_code, reason = "the system calls have no safe wrapper")]

mod limits;
mod memory;
mod plants;
mod signals;

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;

pub(super) use self::limits::{
    address_space_bytes_max, forbid_core_files, limit_address_space, limit_cpu,
};
pub(super) use self::memory::{
    Reservation, address_space_bytes, avoid_huge_pages, map_file, peak_resident_bytes,
    resident_bytes_of, shared, shared_zeroed,
};
pub(super) use self::plants::{plant_fault, plant_kill, plant_mappings};
pub(super) use self::signals::{
    die_by, fault_address, ignore, on_fault, stack_low, use_large_signal_stack, walk_stack,
};

/// A process id.
pub(super) type Pid = libc::pid_t;

/// How a child ended, as the kernel tells.
#[derive(Debug)]
pub(super) struct Exit {
    /// Exit code, unless it was killed.
    pub(super) code: Option<i32>,
    /// The signal that killed it, if one did.
    pub(super) signal: Option<i32>,
    /// User and system time together, in nanoseconds.
    pub(super) cpu_ns: u64,
    /// Greatest resident memory, in bytes. True for a forked child: only a program that replaces
    /// itself (`exec`) inherits the peak of its parent.
    pub(super) peak_resident_bytes: u64,
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Forks; `None` in the child. The worker has a single thread, so the child is whole.
pub(super) fn fork() -> io::Result<Option<Pid>> {
    // SAFETY: the worker process is single-threaded when it forks.
    let pid = check(unsafe { libc::fork() })?;
    Ok((pid != 0).then_some(pid))
}

/// A pipe: its reading and its writing end, closed on exec.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array has room for two descriptors, which are new and ours.
    unsafe {
        check(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC))?;
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// Makes standard output and error of this process go to `fd`, and standard input come from
/// nowhere: the parent's are its line to the sandbox.
pub(super) fn redirect_streams(fd: &OwnedFd) -> io::Result<()> {
    let nowhere = File::open("/dev/null")?;
    // SAFETY: all are valid descriptors.
    unsafe {
        check(libc::dup2(nowhere.as_raw_fd(), libc::STDIN_FILENO))?;
        check(libc::dup2(fd.as_raw_fd(), libc::STDOUT_FILENO))?;
        check(libc::dup2(fd.as_raw_fd(), libc::STDERR_FILENO)).map(drop)
    }
}

/// Leads a new process group and dies with the parent `parent`.
pub(super) fn detach_from(parent: Pid) -> io::Result<()> {
    // SAFETY: plain system calls without memory arguments.
    unsafe {
        check(libc::setpgid(0, 0))?;
    }
    die_with_parent(parent)
}

/// Has this process killed when its parent, which must still be `parent`, ends.
pub(super) fn die_with_parent(parent: Pid) -> io::Result<()> {
    // SAFETY: plain system calls without memory arguments.
    unsafe {
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
        if libc::getppid() != parent {
            return Err(io::Error::other("the parent process has ended"));
        }
    }
    Ok(())
}

/// This process' id.
pub(super) fn own_pid() -> Pid {
    // SAFETY: cannot fail.
    unsafe { libc::getpid() }
}

/// The parent's id.
pub(super) fn parent_pid() -> Pid {
    // SAFETY: cannot fail.
    unsafe { libc::getppid() }
}

/// Puts a child into its own group from the parent's side too, so that it can be killed as a group
/// from its first moment. Fails harmlessly when the child was quicker.
pub(super) fn make_group(pid: Pid) {
    // SAFETY: plain system call.
    unsafe { libc::setpgid(pid, pid) };
}

/// Kills a whole process group; a group that is already gone is fine.
pub(super) fn kill_group(pid: Pid) {
    // SAFETY: plain system call; the group id is that of our own child.
    unsafe { libc::kill(-pid, libc::SIGKILL) };
}

/// Kills one process; one that is already gone is fine.
pub(super) fn kill(pid: Pid) {
    // SAFETY: plain system call; the process is our own child.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Has the program that `command` starts killed when the thread that starts it ends, and when it
/// writes a file past a limit of this session, which it might otherwise tell as its own refusal.
pub(super) fn die_with_thread(command: &mut std::process::Command) {
    let parent = own_pid();
    // SAFETY: between fork and exec, only system calls are made.
    unsafe {
        command.pre_exec(move || {
            libc::signal(libc::SIGXFSZ, libc::SIG_DFL);
            die_with_parent(parent)
        });
    }
}

/// Takes a child's end off the kernel; `None` while it still runs.
pub(super) fn reap(pid: Pid, wait: bool) -> io::Result<Option<Exit>> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    let flags = if wait { 0 } else { libc::WNOHANG };
    loop {
        // SAFETY: both pointers are to live memory of the right types.
        let result = unsafe { libc::wait4(pid, &mut status, flags, usage.as_mut_ptr()) };
        match check(result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(0) => return Ok(None),
            Ok(_) => break,
        }
    }
    // SAFETY: zero is a valid value and the kernel has filled it.
    let usage = unsafe { usage.assume_init() };
    let ns = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let micros = u64::try_from(time.tv_usec).unwrap_or(0);
        seconds * 1_000_000_000 + micros * 1_000
    };
    Ok(Some(Exit {
        code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
        cpu_ns: ns(usage.ru_utime) + ns(usage.ru_stime),
        peak_resident_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    }))
}

fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: pointer to live memory; these clocks always exist on Linux.
    unsafe { libc::clock_gettime(clock, &mut time) };
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Nanoseconds of the monotonic clock, which all processes share.
pub(super) fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC)
}

/// CPU time of the calling thread, in nanoseconds.
pub(super) fn thread_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time of this process so far, in whole seconds, rounded up.
pub(super) fn process_cpu_s() -> u64 {
    clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID).div_ceil(1_000_000_000)
}

/// Ends the process without running anything else.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: always sound; no destructor is owed to anybody in a job's child.
    unsafe { libc::_exit(code) }
}
