//! Faults committed on purpose, for the self-test.
#![expect(unsafe_code, reason = "the system calls have no safe wrapper")]

use std::ptr::{null, null_mut};

/// Reads through a wild pointer; for the self-test.
pub(in crate::worker) fn plant_fault() {
    // SAFETY: there is none, which is the point: the process is a child that proves that the
    // sandbox sees this.
    unsafe { std::ptr::read_volatile(null::<u8>().wrapping_add(0x1000)) };
}

/// Maps and touches memory without the allocator until the kernel refuses; for the self-test.
pub(in crate::worker) fn plant_mappings(piece: usize) {
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
pub(in crate::worker) fn plant_kill() {
    // SAFETY: plain system call.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}
