//! A global allocator that counts, and ends a job that asks for more than its budget.
//!
//! The sum of allocated bytes and the peak of live bytes hardly vary from run to run, unlike time,
//! so growth and memory are judged on them first. Outside a job nothing is counted.
#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use super::progress::Progress;
use super::unix;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::Relaxed};

/// Exit code of a child whose allocator met the limit; the reason itself is in the shared page.
pub(super) const OUT_OF_MEMORY_EXIT: i32 = 77;

/// The page to count in; null outside a job.
static COUNTED: AtomicPtr<Progress> = AtomicPtr::new(null_mut());

/// The system's allocator with counters; the executable makes it the global one.
#[derive(Debug, Default)]
pub struct CountingAllocator;

/// Counts into `progress` from now on, or no more.
pub(super) fn count_in(progress: Option<&'static Progress>) {
    COUNTED.store(progress.map_or(null_mut(), |p| std::ptr::from_ref(p).cast_mut()), Relaxed);
}

/// Allocations until one is refused; 0 where none is.
static UNTIL_REFUSED: AtomicU64 = AtomicU64::new(0);

/// Refuses the allocation of that number, counted from now and from 1; 0 for none.
pub(super) fn fail_at(number: u64) {
    UNTIL_REFUSED.store(number, Relaxed);
}

/// Refuses none any more; whether one was refused.
pub(super) fn fail_none() -> bool {
    UNTIL_REFUSED.swap(0, Relaxed) == 0
}

/// Frames that are kept of an allocation's stack, innermost first.
const SEEN_MAX: usize = 24;

/// The stack of the allocation that was looked at.
static SEEN: [AtomicU64; SEEN_MAX] = [const { AtomicU64::new(0) }; SEEN_MAX];

/// Whether the allocation that would be refused is granted, and looked at.
static LOOKING: AtomicBool = AtomicBool::new(false);

/// The stack of the allocation of that number in `run`, innermost first; empty where there are fewer.
pub(super) fn look_at<T>(number: u64, run: impl FnOnce() -> T) -> Vec<u64> {
    SEEN.iter().for_each(|cell| cell.store(0, Relaxed));
    LOOKING.store(true, Relaxed);
    fail_at(number);
    drop(run());
    fail_none();
    LOOKING.store(false, Relaxed);
    SEEN.iter().map(|cell| cell.load(Relaxed)).take_while(|address| *address != 0).collect()
}

/// Takes down the stack of the allocation that is being made.
fn look() {
    let mut cells = SEEN.iter();
    unix::walk_stack(|address| {
        let cell = cells.next();
        if let Some(cell) = cell {
            cell.store(address as u64, Relaxed);
        }
        cell.is_some()
    });
}

/// What `run` returns, and how many allocations it made.
pub(super) fn count<T>(run: impl FnOnce() -> T) -> (T, u64) {
    fail_at(u64::MAX);
    let result = run();
    (result, u64::MAX - UNTIL_REFUSED.swap(0, Relaxed))
}

/// Whether this allocation is to be refused. As with counting, the job's thread does nearly all.
fn is_refused() -> bool {
    let until = UNTIL_REFUSED.load(Relaxed);
    if until == 0 {
        return false;
    }
    UNTIL_REFUSED.store(until - 1, Relaxed);
    if until == 1 && LOOKING.load(Relaxed) {
        look();
        return false;
    }
    until == 1
}

fn counters() -> Option<&'static Progress> {
    unix::shared(&COUNTED)
}

/// The job's thread does nearly all allocation while counting is on, so a load and a store do: a
/// locked instruction would cost more than the rare race that it prevents.
fn bump(cell: &AtomicU64, by: u64) -> u64 {
    let sum = cell.load(Relaxed).wrapping_add(by);
    cell.store(sum, Relaxed);
    sum
}

fn grow(bytes: usize) {
    resize(0, bytes);
}

/// A block of `old` bytes becomes one of `new`. Large blocks move by remapping pages, so the two
/// are never live together.
fn resize(old: usize, new: usize) {
    let Some(progress) = counters() else { return };
    let bytes = new as u64;
    bump(&progress.allocated, bytes);
    let live = bump(&progress.live, bytes.wrapping_sub(old as u64));
    // Frees of memory from before the job make `live` wrap below zero; that is no peak.
    if live > progress.peak_live.load(Relaxed) && live < u64::MAX / 2 {
        progress.peak_live.store(live, Relaxed);
        let limit = progress.memory_limit.load(Relaxed);
        if limit != 0 && live > limit {
            out_of_memory(progress, bytes);
        }
    }
}

fn shrink(bytes: usize) {
    if let Some(progress) = counters() {
        bump(&progress.live, (bytes as u64).wrapping_neg());
    }
}

/// Ends the process on the spot: nothing may allocate any more, and unwinding would hide where.
fn out_of_memory(progress: &Progress, bytes: u64) -> ! {
    progress.out_of_memory.store(bytes.saturating_add(1), Relaxed);
    unix::exit_now(OUT_OF_MEMORY_EXIT)
}

/// A request that the system refuses ends the job: as one past the budget where our own limit on
/// the address space is the reason, and as a failure of the machine where it is not.
fn granted(memory: *mut u8, bytes: usize) -> *mut u8 {
    if memory.is_null()
        && let Some(progress) = counters()
    {
        let wanted = unix::address_space_bytes().saturating_add(bytes as u64);
        if wanted > progress.address_space_limit.load(Relaxed) {
            out_of_memory(progress, bytes as u64);
        }
        progress.refused_by_system.store((bytes as u64).saturating_add(1), Relaxed);
        unix::exit_now(OUT_OF_MEMORY_EXIT)
    }
    memory
}

// SAFETY: every method passes its arguments to the system's allocator unchanged and returns what
// that returns, or null, which says that there is no memory and leaves all as it was; counting touches
// only atomics.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused() {
            return null_mut();
        }
        grow(layout.size());
        // SAFETY: the caller's contract is the system allocator's.
        granted(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_refused() {
            return null_mut();
        }
        grow(layout.size());
        // SAFETY: as above.
        granted(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        shrink(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if is_refused() {
            return null_mut();
        }
        resize(layout.size(), size);
        // SAFETY: as above.
        granted(unsafe { System.realloc(memory, layout, size) }, size)
    }
}
