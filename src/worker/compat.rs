//! What differs between releases of Wasmtime that this worker is built against: the one place for
//! it. The build of an engine sets `wasmtime_before_N` for every N below which the release lies.

use crate::proposals::Proposal;
use std::collections::BTreeSet;
use wasmtime::{Collector, Config, Error, RegallocAlgorithm};

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

/// Turns on what a module needs and later releases have on by default.
#[cfg(not(wasmtime_before_47))]
pub(super) fn turn_on(_: &mut Config, _: &BTreeSet<Proposal>) {}

/// Turns on what a module needs and later releases have on by default.
#[cfg(wasmtime_before_47)]
pub(super) fn turn_on(config: &mut Config, proposals: &BTreeSet<Proposal>) {
    let needs = |any: &[Proposal]| any.iter().any(|proposal| proposals.contains(proposal));
    if needs(&[Proposal::Gc]) {
        config.wasm_gc(true);
    }
    if needs(&[Proposal::Gc, Proposal::FunctionReferences, Proposal::StackSwitching]) {
        config.wasm_function_references(true);
    }
    if needs(&[Proposal::Exceptions, Proposal::StackSwitching]) {
        config.wasm_exceptions(true);
    }
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

/// Leaves out the stack that every trap would tell.
#[cfg(not(wasmtime_before_43))]
pub(super) fn no_backtraces(config: &mut Config) {
    config.wasm_backtrace_max_frames(None);
}

/// Leaves out the stack that every trap would tell.
#[cfg(wasmtime_before_43)]
pub(super) fn no_backtraces(config: &mut Config) {
    config.wasm_backtrace(false);
}

/// Whether a call ended because nobody caught an exception.
#[cfg(not(wasmtime_before_39))]
pub(super) fn is_thrown(error: &Error) -> bool {
    error.is::<wasmtime::ThrownException>()
}

/// Whether a call ended because nobody caught an exception.
#[cfg(wasmtime_before_39)]
pub(super) fn is_thrown(_: &Error) -> bool {
    false
}

/// Leaves out what a store sets up for asynchronous calls.
#[cfg(not(wasmtime_before_48))]
pub(super) fn no_concurrency(config: &mut Config) {
    config.concurrency_support(false);
}

/// Leaves out what a store sets up for asynchronous calls.
#[cfg(wasmtime_before_48)]
pub(super) fn no_concurrency(_: &mut Config) {}
