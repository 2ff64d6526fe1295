//! Takes down where a job's child crashed, before it is gone.
//!
//! A panic leaves its place, message and stack through the hook; a fault leaves the addresses of
//! its stack in the shared page. Turning addresses into names needs memory and time that are not
//! the job's, so a further fork of the worker does that, whose code lies at the same addresses.

use super::progress::{FRAMES_MAX, Progress};
use super::unix;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::ffi::c_void;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How near to the end of a stack a fault must be to count as its overflow, in bytes. The guard is
/// one page and every larger frame is probed page by page, so this is generous.
const STACK_END_BYTES: usize = 64 << 10;

/// How long naming the functions of one stack may take.
const NAMING_MAX: Duration = Duration::from_secs(20);

/// Where the fault handler writes.
static PROGRESS: AtomicPtr<Progress> = AtomicPtr::new(std::ptr::null_mut());
/// Lowest address of the compile thread's stack.
static STACK_LOW: AtomicUsize = AtomicUsize::new(0);

const FAULTS: &[i32] =
    &[libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT, libc::SIGTRAP];

/// Watches for faults in this process from now on.
pub(super) fn watch_faults(progress: &'static Progress) -> std::io::Result<()> {
    PROGRESS.store(std::ptr::from_ref(progress).cast_mut(), Relaxed);
    unix::on_fault(FAULTS, on_fault)
}

/// Names the calling thread as the one whose stack may run over.
pub(super) fn watch_stack() {
    STACK_LOW.store(unix::stack_low(), Relaxed);
    unix::use_large_signal_stack();
}

/// Addresses of the calling thread's stack, innermost first.
pub(super) fn addresses() -> Vec<u64> {
    let mut addresses = Vec::with_capacity(FRAMES_MAX);
    backtrace::trace(|frame| {
        addresses.push(frame.ip() as u64);
        addresses.len() < FRAMES_MAX
    });
    addresses
}

extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, _: *mut c_void) {
    if let Some(progress) = unix::shared(&PROGRESS)
        && progress.fault_signal.swap(u64::from(signal.unsigned_abs()), Relaxed) == 0
    {
        let address = unix::fault_address(info);
        let low = STACK_LOW.load(Relaxed);
        let on_stack = matches!(signal, libc::SIGSEGV | libc::SIGBUS)
            && low != 0
            && address.abs_diff(low) <= STACK_END_BYTES;
        progress.fault_on_stack.store(u64::from(on_stack), Relaxed);
        let mut count = 0;
        unix::walk_stack(|ip| {
            progress.fault_frames[count].store(ip as u64, Relaxed);
            count += 1;
            progress.fault_frame_count.store(count as u64, Relaxed);
            count < FRAMES_MAX
        });
    }
    unix::die_by(signal);
}

/// The names of the functions at `addresses`, innermost first, by a fork of this process. Frames
/// of the crash machinery itself come off the front.
pub(super) fn names(addresses: &[u64]) -> Vec<String> {
    if addresses.is_empty() {
        return Vec::new();
    }
    let Ok((reader, writer)) = unix::pipe() else { return Vec::new() };
    let parent = unix::own_pid();
    match unix::fork() {
        Ok(None) => {
            drop(reader);
            let detached = unix::detach_from(parent);
            let text = resolve(addresses).join("\n");
            let mut pipe = std::fs::File::from(writer);
            let sent = pipe.write_all(text.as_bytes());
            unix::exit_now(i32::from(detached.is_err() || sent.is_err()))
        }
        Ok(Some(pid)) => {
            drop(writer);
            unix::make_group(pid);
            let text = read_until(std::fs::File::from(reader), Instant::now() + NAMING_MAX);
            unix::kill_group(pid);
            let reaped = unix::reap(pid, true);
            if reaped.is_err() {
                return Vec::new();
            }
            text.lines().map(str::to_owned).collect()
        }
        Err(_) => Vec::new(),
    }
}

/// What comes out of `pipe` before `deadline`.
fn read_until(mut pipe: std::fs::File, deadline: Instant) -> String {
    let mut bytes = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut fds = [PollFd::new(&pipe, PollFlags::IN)];
        let ready = poll(&mut fds, Timespec::try_from(left).ok().as_ref());
        let mut chunk = [0; 16 * 1024];
        match ready {
            Ok(1..) => match pipe.read(&mut chunk) {
                Ok(0) | Err(_) => break,
                Ok(n) => bytes.extend_from_slice(&chunk[..n]),
            },
            Err(rustix::io::Errno::INTR) => {}
            Ok(0) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The names of the functions at `addresses`, innermost first, found in this process.
pub(super) fn resolve(addresses: &[u64]) -> Vec<String> {
    let mut names = Vec::new();
    for &address in addresses {
        // One address can stand for several functions inlined into each other.
        backtrace::resolve(address as *mut c_void, |symbol| {
            if let Some(name) = symbol.name() {
                // The alternate form leaves out the hash, which differs from build to build.
                names.push(format!("{name:#}"));
            }
        });
    }
    let machinery = names.iter().rposition(|name| {
        name.contains("worker::crash::")
            || name.contains("worker::in_process::is_spared")
            || name.contains("rust_begin_unwind")
            || name.contains("begin_panic_handler")
            || name.contains("__restore_rt")
    });
    names.drain(..machinery.map_or(0, |last| last + 1));
    names
}
