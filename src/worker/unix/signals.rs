//! Faults, and the stacks that they are looked at on.
#![expect(unsafe_code, reason = "the system calls have no safe wrapper")]

use super::check;
use std::io;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// Lowest address of the calling thread's stack.
pub(in crate::worker) fn stack_low() -> usize {
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
pub(in crate::worker) type FaultHandler =
    extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);

/// Handles `signals` with `handler` on the alternate stack.
pub(in crate::worker) fn on_fault(signals: &[i32], handler: FaultHandler) -> io::Result<()> {
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
pub(in crate::worker) fn fault_address(info: *mut libc::siginfo_t) -> usize {
    if info.is_null() {
        return 0;
    }
    // SAFETY: the kernel passes a valid `siginfo_t` to an SA_SIGINFO handler.
    unsafe { (*info).si_addr() as usize }
}

/// Gives the calling thread an alternate signal stack large enough to walk a stack on: the one of
/// this process, which its jobs use one after the other. Pages that no signal needs are never
/// touched.
pub(in crate::worker) fn use_large_signal_stack() {
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
pub(in crate::worker) fn die_by(signal: i32) {
    // SAFETY: plain system calls; the default action of a fault ends the process.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

/// Ignores `signal`.
pub(in crate::worker) fn ignore(signal: i32) {
    // SAFETY: plain system call.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// Walks the calling thread's stack from inside a signal handler, without locks.
pub(in crate::worker) fn walk_stack(mut each: impl FnMut(usize) -> bool) {
    // SAFETY: only this thread walks: the child's other thread waits for it.
    unsafe { backtrace::trace_unsynchronized(|frame| each(frame.ip() as usize)) };
}
