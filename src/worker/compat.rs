//! What differs between releases of Wasmtime that this worker is built against: the one place for
//! it. The build of an engine sets `wasmtime_before_N` for every N below which the release lies.

use wasmtime::{Collector, Config, RegallocAlgorithm};

/// Turns debugging of guests on.
#[cfg(not(wasmtime_before_39))]
pub(super) fn guest_debug(config: &mut Config) -> Result<(), String> {
    config.guest_debug(true);
    Ok(())
}

/// Turns debugging of guests on.
#[cfg(wasmtime_before_39)]
pub(super) fn guest_debug(_: &mut Config) -> Result<(), String> {
    Err("this release cannot debug guests".to_owned())
}

/// Register allocation in a single pass.
#[cfg(not(wasmtime_before_37))]
pub(super) fn single_pass() -> Result<RegallocAlgorithm, String> {
    Ok(RegallocAlgorithm::SinglePass)
}

/// Register allocation in a single pass.
#[cfg(wasmtime_before_37)]
pub(super) fn single_pass() -> Result<RegallocAlgorithm, String> {
    Err("this release does not allocate registers in a single pass".to_owned())
}

/// The copying collector.
#[cfg(not(wasmtime_before_45))]
pub(super) fn copying_collector() -> Result<Collector, String> {
    Ok(Collector::Copying)
}

/// The copying collector.
#[cfg(wasmtime_before_45)]
pub(super) fn copying_collector() -> Result<Collector, String> {
    Err("this release has no copying collector".to_owned())
}
