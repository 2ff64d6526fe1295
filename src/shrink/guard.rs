//! A fence around code of others that may panic on a module it does not understand.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is caught, so that nobody need be told of it.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// What `work` returns, or `None` where it panicked.
pub fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    GUARDED.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    result.ok()
}

/// What `work` returns, where it is this project's own and stands within code that is guarded.
pub(super) fn unguarded<T>(work: impl FnOnce() -> T) -> T {
    GUARDED.set(false);
    let result = work();
    GUARDED.set(true);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_known_to_be() {
        assert_eq!(guarded(is_guarded), Some(true));
        assert_eq!(guarded(|| -> u32 { panic!("planted") }), None);
        assert!(!is_guarded());
    }
}
