//! The worker's system calls: forking, limits, clocks, signals, shared memory.
//!
//! The one place of the worker's side that talks to the kernel beyond what safe wrappers offer.
#![expect(unsafe_code, reason = "the system calls have no safe wrapper")]

use super::progress::Progress;
use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::ptr::{null, null_mut};

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

/// A zeroed page shared with all future children; it lives as long as the process.
pub(super) fn shared_zeroed() -> io::Result<&'static Progress> {
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

/// A file's content as memory, mapped; it stays mapped for the life of the process.
pub(super) fn map_file(file: &File) -> io::Result<&'static [u8]> {
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

/// Address space of this process, in bytes; 0 where it cannot be told. Does not allocate.
pub(super) fn address_space_bytes() -> u64 {
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
pub(super) fn peak_resident_bytes() -> u64 {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: pointer to live memory of the right type, for which zero is a value.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
        usage.assume_init()
    };
    u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024
}

/// Keeps this process off huge pages, which cost a small job more than they save.
pub(super) fn avoid_huge_pages() {
    // SAFETY: plain system call.
    unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) };
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

/// Has the program that `command` starts killed when the thread that starts it ends.
pub(super) fn die_with_thread(command: &mut std::process::Command) {
    let parent = own_pid();
    // SAFETY: between fork and exec, only system calls are made.
    unsafe { command.pre_exec(move || die_with_parent(parent)) };
}

/// Resident memory of another process now, in bytes; 0 where it cannot be told.
pub(super) fn resident_bytes_of(pid: Pid) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|field| field.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
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

/// Sets a resource's soft limit; fails where the hard limit is lower, since the job would then end
/// for a reason that is not its own.
fn limit(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: pointers to live memory of the right type.
    unsafe {
        check(libc::getrlimit(resource, &mut now))?;
        if now.rlim_max < value {
            return Err(io::Error::other(format!(
                "a limit of {value} is needed and this process may have {} at most (see ulimit)",
                now.rlim_max
            )));
        }
        now.rlim_cur = value;
        check(libc::setrlimit(resource, &now)).map(drop)
    }
}

/// No core files.
pub(super) fn forbid_core_files() -> io::Result<()> {
    limit(libc::RLIMIT_CORE, 0)
}

/// SIGXCPU after `seconds` of CPU time of the whole process.
pub(super) fn limit_cpu(seconds: u64) -> io::Result<()> {
    limit(libc::RLIMIT_CPU, seconds)
}

/// At most `bytes` of address space.
pub(super) fn limit_address_space(bytes: u64) -> io::Result<()> {
    limit(libc::RLIMIT_AS, bytes)
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

/// Lowest address of the calling thread's stack.
pub(super) fn stack_low() -> usize {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::zeroed();
    let mut low = null_mut();
    let mut size = 0;
    // SAFETY: the attributes are initialised by the first call before the others use them.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return 0;
        }
        libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
    }
    low as usize
}

/// A handler of faults; gets the signal, the address of the fault and nothing else.
pub(super) type FaultHandler = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);

/// Handles `signals` with `handler` on the alternate stack.
pub(super) fn on_fault(signals: &[i32], handler: FaultHandler) -> io::Result<()> {
    for &signal in signals {
        // SAFETY: zero is a valid `sigaction`; the handler has the type that SA_SIGINFO asks for
        // and touches only atomics and its own stack.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
            libc::sigemptyset(&mut action.sa_mask);
            check(libc::sigaction(signal, &action, null_mut()))?;
        }
    }
    Ok(())
}

/// The address that a fault was about.
pub(super) fn fault_address(info: *mut libc::siginfo_t) -> usize {
    if info.is_null() {
        return 0;
    }
    // SAFETY: the kernel passes a valid `siginfo_t` to an SA_SIGINFO handler.
    unsafe { (*info).si_addr() as usize }
}

/// Gives the calling thread an alternate signal stack large enough to walk a stack on: the one of
/// this process, which its jobs use one after the other. Pages that no signal needs are never
/// touched.
pub(super) fn use_large_signal_stack() {
    const BYTES: usize = 256 << 10;
    static MEMORY: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    // SAFETY: a fresh anonymous mapping that is never unmapped, used by one thread at a time.
    unsafe {
        let memory = *MEMORY.get_or_init(|| {
            let (protection, flags) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(null_mut(), BYTES, protection, flags, -1, 0) as usize
        });
        if memory != libc::MAP_FAILED as usize {
            let stack =
                libc::stack_t { ss_sp: memory as *mut libc::c_void, ss_flags: 0, ss_size: BYTES };
            libc::sigaltstack(&stack, null_mut());
        }
    }
}

/// Lets `signal` do what it does by default, and sends it to this thread.
pub(super) fn die_by(signal: i32) {
    // SAFETY: plain system calls; the default action of a fault ends the process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// Ignores `signal`.
pub(super) fn ignore(signal: i32) {
    // SAFETY: plain system call.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Reads through a wild pointer; for the self-test.
pub(super) fn plant_fault() {
    // SAFETY: there is none, which is the point: the process is a child that proves that the
    // sandbox sees this.
    unsafe { std::ptr::read_volatile(null::<u8>().wrapping_add(0x1000)) };
}

/// Maps and touches memory without the allocator until the kernel refuses; for the self-test.
pub(super) fn plant_mappings(piece: usize) {
    loop {
        // SAFETY: fresh anonymous mappings, written within their bounds.
        unsafe {
            let (protection, flags) =
                (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let memory = libc::mmap(null_mut(), piece, protection, flags, -1, 0);
            if memory == libc::MAP_FAILED {
                return;
            }
            memory.cast::<u8>().write_volatile(1);
        }
    }
}

/// Kills this very process by SIGKILL, as the kernel's memory killer would; for the self-test.
pub(super) fn plant_kill() {
    // SAFETY: plain system call.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

/// The shared page that a static points to, if it points to one.
pub(super) fn shared(
    pointer: &std::sync::atomic::AtomicPtr<Progress>,
) -> Option<&'static Progress> {
    // SAFETY: the statics only ever hold null or a `&'static Progress`.
    unsafe { pointer.load(std::sync::atomic::Ordering::Relaxed).as_ref() }
}

/// Walks the calling thread's stack from inside a signal handler, without locks.
pub(super) fn walk_stack(mut each: impl FnMut(usize) -> bool) {
    // SAFETY: only this thread walks: the child's other thread waits for it.
    unsafe { backtrace::trace_unsynchronized(|frame| each(frame.ip() as usize)) };
}
