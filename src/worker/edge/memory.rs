//! Memories that end, and begin, where the process may access nothing.
#![expect(unsafe_code, reason = "a memory that Wasmtime is to use is an unsafe trait")]

use crate::worker::unix::Reservation;
use wasmtime::{Error, LinearMemory, MemoryCreator, MemoryType, Result};

/// Bytes before and after every memory that nothing may access, beside those that an engine asks
/// for: more than any operator of a few bytes reaches by mistake.
const NO_ACCESS_BYTES: usize = 1 << 20;

/// How large another memory may grow: what a garbage collector wants for a
/// few objects.
const GROWTH_BYTES: usize = 64 << 20;

/// Makes such memories.
pub(in crate::worker) struct AtTheEdge {
    /// Size of the memory whose end matters, which does not grow; others may.
    pub(in crate::worker) memory_bytes: u64,
}

/// One of them.
struct EdgeMemory {
    reservation: Reservation,
    bytes: usize,
    capacity: usize,
    grows: bool,
}

// SAFETY: what is made lies in a mapping of its own, accessible from its first byte to its last,
// zeroed, and with all that was asked for behind it inaccessible.
unsafe impl MemoryCreator for AtTheEdge {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved_size_in_bytes: Option<usize>,
        guard_size_in_bytes: usize,
    ) -> std::result::Result<Box<dyn LinearMemory>, String> {
        let grows = u64::try_from(minimum).ok() != Some(self.memory_bytes);
        let room = if grows { maximum.unwrap_or(usize::MAX).min(GROWTH_BYTES) } else { minimum };
        let capacity = reserved_size_in_bytes.unwrap_or(0).max(room).max(minimum);
        let guard = guard_size_in_bytes + NO_ACCESS_BYTES;
        let mut reservation = Reservation::new(NO_ACCESS_BYTES, capacity + guard)
            .map_err(|error| format!("reserve memory: {error}"))?;
        reservation.open(minimum).map_err(|error| format!("make memory: {error}"))?;
        Ok(Box::new(EdgeMemory { reservation, bytes: minimum, capacity, grows }))
    }
}

// SAFETY: see above; the base never moves.
unsafe impl LinearMemory for EdgeMemory {
    fn byte_size(&self) -> usize {
        self.bytes
    }

    fn byte_capacity(&self) -> usize {
        self.capacity
    }

    fn grow_to(&mut self, new_size: usize) -> Result<()> {
        if !self.grows || new_size > self.capacity.min(GROWTH_BYTES) {
            return Err(Error::msg("this memory does not grow"));
        }
        self.reservation.open(new_size).map_err(Error::from)?;
        self.bytes = new_size;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.reservation.start()
    }
}
