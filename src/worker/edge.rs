//! Runs what was compiled, at the end of memory: every function by every address, held against the
//! specification's rule and against an interpreter.
//!
//! Memory ends where the process may access nothing any more, and begins after such a place, so
//! that an instruction that reaches too far shows, whatever guards the code relies on.

mod instance;
mod memory;
#[cfg(test)]
mod tests;

use self::instance::{End, Instance};
use super::progress::Progress;
use crate::job::{EdgeCall, EdgeFunction, EdgeRun, Expected};
use crate::outcome::{EdgeCheck, EdgeKind, EdgeMismatch};
use std::sync::atomic::Ordering::Relaxed;
use wasmtime::{Engine, Module};

pub(super) use self::memory::AtTheEdge;

/// Runs `module`, and beside it `reference`, the same on an engine that interprets.
pub(super) fn run(
    engine: &Engine,
    module: &Module,
    reference: Option<(&Engine, &Module)>,
    run: &EdgeRun,
    progress: &Progress,
) -> EdgeCheck {
    let instance = match Instance::new(engine, module, run) {
        Ok(instance) => instance,
        Err(error) => return EdgeCheck::failed(format!("instantiate the module: {error:#}")),
    };
    let reference = reference.and_then(|(engine, module)| Instance::new(engine, module, run).ok());
    let mut check = EdgeCheck { compared: reference.is_some(), ..EdgeCheck::default() };
    let mut pair = Pair { instance, reference, progress, failure: None };
    for (place, function) in (0..).zip(&run.functions) {
        check.functions += 1;
        check.calls += function.calls.len() as u64;
        if pair.first_wrong(place, function, Renew::Once).is_none() {
            continue;
        }
        // What an earlier call left in memory may be a number that two engines may make different
        // ones of. With memory as new for each call, there is none.
        let wrong = pair.first_wrong(place, function, Renew::Always);
        if let Some((call, kind, what)) = wrong {
            check.mismatch(mismatch(run, place, function, call, kind, what));
        }
    }
    check.failure = pair.failure.filter(|_| check.mismatches.is_empty());
    check
}

/// When memory is made as new.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Renew {
    /// For each function.
    Once,
    /// For each call.
    Always,
}

/// The code in question and the interpreter.
struct Pair<'a> {
    instance: Instance,
    reference: Option<Instance>,
    progress: &'a Progress,
    /// Why a call could not be made, if so.
    failure: Option<String>,
}

impl Pair<'_> {
    /// The first of the calls of a function that goes wrong, and in which way.
    fn first_wrong<'b>(
        &mut self,
        place: u32,
        function: &'b EdgeFunction,
        renew: Renew,
    ) -> Option<(&'b EdgeCall, EdgeKind, String)> {
        self.reset();
        let last = function.calls.len().saturating_sub(1);
        for (number, call) in (0..).zip(&function.calls) {
            if renew == Renew::Always {
                self.reset();
            }
            let elsewhere = self.reference.as_mut().map(|reference| reference.call(place, call));
            self.progress.edge_call.store(running(place, number), Relaxed);
            let end = self.instance.call(place, call);
            self.progress.edge_call.store(0, Relaxed);
            if let (Expected::Returns, End::Failed(why)) = (call.expected, &end) {
                // Neither the code's fault nor the rule's: there was no room for an object.
                self.failure.get_or_insert_with(|| format!("a call could not be made: {why}"));
                return None;
            }
            // What differs once stays so.
            let compare = renew == Renew::Always || usize::try_from(number) == Ok(last);
            let same = |other: &Instance| !compare || self.instance.left_the_same_as(other);
            let same = self.reference.as_ref().is_none_or(same);
            if let Some((kind, what)) = wrong(call, &end, elsewhere.as_ref(), same) {
                return Some((call, kind, what));
            }
        }
        None
    }

    fn reset(&mut self) {
        self.instance.reset();
        self.reference.iter_mut().for_each(Instance::reset);
    }
}

/// In which way a call went wrong, if it did.
fn wrong(
    call: &EdgeCall,
    end: &End,
    elsewhere: Option<&End>,
    same: bool,
) -> Option<(EdgeKind, String)> {
    match (call.expected, end) {
        (Expected::Traps, End::Returned) => return Some((EdgeKind::NotTrapped, String::new())),
        (Expected::Returns, End::Trapped(trap)) => {
            return Some((EdgeKind::Trapped, trap.to_string()));
        }
        (..) => {}
    }
    let elsewhere = elsewhere?;
    if !end.is_as(elsewhere) {
        return Some((EdgeKind::OtherEnd, format!("it {end}, and there it {elsewhere}")));
    }
    (!same).then(|| (EdgeKind::OtherBytes, "memory or what it gave away differs".to_owned()))
}

fn mismatch(
    run: &EdgeRun,
    place: u32,
    function: &EdgeFunction,
    call: &EdgeCall,
    kind: EdgeKind,
    what: String,
) -> EdgeMismatch {
    EdgeMismatch {
        kind,
        operator: function.operator.clone(),
        function: place,
        address: call.address,
        memory_bytes: run.memory_bytes,
        what,
    }
}

/// A call as the shared page has it; never 0.
fn running(function: u32, call: u32) -> u64 {
    (u64::from(function) << 32 | u64::from(call)) + 1
}

/// What is known of a run in which the process faulted.
pub(super) fn post_mortem(run: &EdgeRun, progress: &Progress) -> Option<EdgeCheck> {
    let at = progress.edge_call.load(Relaxed).checked_sub(1)?;
    let (place, call) = (u32::try_from(at >> 32).ok()?, usize::try_from(at & 0xffff_ffff).ok()?);
    let function = run.functions.get(usize::try_from(place).ok()?)?;
    let call = function.calls.get(call)?;
    let mut check = EdgeCheck::default();
    check.mismatch(mismatch(run, place, function, call, EdgeKind::Faulted, String::new()));
    Some(check)
}
