//! Faults committed on purpose, so that the self-test can prove that each is seen.

use super::unix;
use crate::job::Planted;
use crate::outcome::{Artifact, EngineVerdict};
use std::hint::black_box;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Commits the fault. Returns for [`Planted::Nothing`] and where a fault failed to happen, which
/// the self-test then reports.
// Never inlined: the self-test looks for its name in the stack of an abort.
#[inline(never)]
pub(super) fn commit(planted: Planted) -> EngineVerdict {
    let mut code_bytes = 0;
    match planted {
        Planted::Nothing => {}
        Planted::Panic => plant_panic(),
        Planted::Abort => std::process::abort(),
        Planted::Fault => unix::plant_fault(),
        Planted::Loop => spin(),
        Planted::Sleep => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        Planted::Allocate => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1u8; 1 << 20]));
            }
        }
        Planted::AllocateAtOnce => drop(black_box(vec![1u8; 1 << 46])),
        Planted::MapMemory => {
            unix::plant_mappings(64 << 20);
            // What a library does that finds no memory.
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; 64 << 20]>());
        }
        Planted::StackOverflow => drop(black_box(recurse(black_box(u64::MAX)))),
        Planted::Write => {
            let mut stderr = std::io::stderr().lock();
            while stderr.write_all(&[b'x'; 4096]).is_ok() {}
        }
        Planted::IgnoreSignals => {
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGXCPU] {
                unix::ignore(signal);
            }
            // The child's child spins too; the group must take both down.
            let parent = unix::own_pid();
            if let Ok(None) = unix::fork() {
                outlive(parent);
            }
            spin();
        }
        Planted::ExitSilently => unix::exit_now(0),
        Planted::BadFrame => unix::exit_now(super::child::send_garbage()),
        Planted::KilledFromOutside => unix::plant_kill(),
        Planted::Cost { curve, size } => {
            code_bytes = curve.steps(size);
            spend(code_bytes);
        }
    }
    EngineVerdict::Accepted {
        artifact: Artifact {
            bytes: code_bytes,
            code_bytes,
            hash: "planted".to_owned(),
            repeat_hash: None,
        },
    }
}

#[inline(never)]
fn plant_panic() {
    panic!("planted panic");
}

/// Turns of the loop in one step of planted cost: about a microsecond.
const TURNS: u64 = 1_000;

/// Memory of one step of planted cost, in bytes.
const STEP_BYTES: usize = 64;

/// Does so many steps of work, each of which computes a little and keeps a little memory.
fn spend(steps: u64) {
    let mut hoard: Vec<Box<[u8; STEP_BYTES]>> = Vec::new();
    let mut x = 0u64;
    for _ in 0..steps {
        for _ in 0..TURNS {
            x = black_box(x.wrapping_add(1));
        }
        hoard.push(black_box(Box::new([1; STEP_BYTES])));
    }
}

/// How long the child's child outlives its parent: long enough for the self-test to see that only
/// a kill of the group takes it down, and no longer, since brink itself may be killed meanwhile.
const ORPHAN_MAX: Duration = Duration::from_secs(2);

/// Spins on when its parent has been killed alone, but not for ever.
fn outlive(parent: unix::Pid) -> ! {
    let mut orphaned = None;
    loop {
        for turn in 0..1_000_000u32 {
            black_box(turn);
        }
        if unix::parent_pid() != parent
            && orphaned.get_or_insert_with(Instant::now).elapsed() > ORPHAN_MAX
        {
            unix::exit_now(0);
        }
    }
}

fn spin() -> ! {
    let mut x = 0u64;
    loop {
        x = black_box(x.wrapping_add(1));
    }
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if depth == 0 { 0 } else { recurse(depth - 1).wrapping_add(frame[3]) }
}

/// Whether [`bug`] is there.
static PLANTED: AtomicBool = AtomicBool::new(false);

/// The environment variable by which executables are asked for [`plant_bug`], where it is 1.
pub const PLANTED_BUG: &str = "BRINK_PLANTED_BUG";

/// Plants a bug in every compilation of this process from now on, or takes it out again. Proves that
/// fuzzers and `brink repro` find one; never for real runs.
pub fn plant_bug(planted: bool) {
    PLANTED.store(planted, Relaxed);
}

/// The bug that may be planted: at a limit, a function type of exactly 1,000 parameters.
pub(super) fn bug(module: &[u8]) {
    /// A function type and the number of its parameters, as a module has them.
    const AT_THE_LIMIT: [u8; 3] = [0x60, 0xe8, 0x07];
    if PLANTED.load(Relaxed) {
        let is_there = module.windows(3).any(|bytes| bytes == AT_THE_LIMIT);
        assert!(!is_there, "planted bug at a limit");
    }
}
