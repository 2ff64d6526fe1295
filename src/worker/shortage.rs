//! Fails one allocation after the other while an embedder's work is done, and holds the engine to what
//! it promises: an error, and an engine that others can go on using.
//!
//! Wasmtime 48 promises so for its runtime and not for its compiler (see its documentation of
//! `OutOfMemory`): the module is compiled before, and the engine of a round has no compiler. Its
//! collector is left out too, and so are the calls that it says panic.

mod round;

use self::round::{Round, Work};
use super::progress::{Progress, SHORTAGE_STAGE_BITS};
use super::supervise::{counted, is_of_engine};
use super::{allocator, child, crash};
use crate::job::{PlantedShortage, Shortage};
use crate::outcome::{ShortageCheck, ShortageFault, Stage, shorten};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use wasmtime::{Config, Error, OutOfMemory};

/// Faults that are kept.
const KEPT: usize = 32;

/// Runs the rounds. `config` is that of the engine which made the artifact.
pub(super) fn run(
    mut config: Config,
    artifact: &[u8],
    shortage: &Shortage,
    progress: &Progress,
) -> ShortageCheck {
    config.enable_compiler(false);
    let work = match Work::prepare(&config, artifact) {
        Ok(work) => work,
        Err(error) => {
            let failure = Some(format!("run it with all allocations granted: {error:#}"));
            return ShortageCheck { failure, ..ShortageCheck::default() };
        }
    };
    let mut check = ShortageCheck::default();
    let step = (work.allocations() / shortage.each.max(1)).max(1);
    let mut allocation = shortage.first;
    let mut names = HashMap::new();
    loop {
        let mark = move |stage: Stage| {
            let place = Stage::ALL.iter().position(|&other| other == stage).unwrap_or(0);
            progress.shortage.store(allocation << SHORTAGE_STAGE_BITS | place as u64, Relaxed);
        };
        let stack = allocator::look_at(allocation, || {
            let unmarked: &dyn Fn(Stage) = &|_| {};
            Round::new(&work, unmarked, shortage.planted).all()
        });
        let next = allocation + if allocation < shortage.each { 1 } else { step };
        if function(&stack, &mut names).is_some_and(|name| shortage.granted.contains(&name)) {
            progress.shortage_counts[3].fetch_add(1, Relaxed);
            allocation = next;
            continue;
        }
        let mut round = Round::new(&work, &mark, shortage.planted);
        let (result, failed) = match (shortage.planted, allocation) {
            (Some(PlantedShortage::OtherErrorThenAbort), 1) => (Err(Error::msg("planted")), true),
            (Some(PlantedShortage::OtherErrorThenAbort), 2) => {
                mark(Stage::Engine);
                std::process::abort();
            }
            _ => {
                allocator::fail_at(allocation);
                let result = round.all();
                (result, allocator::fail_none())
            }
        };
        let stage = round.stage();
        mark(Stage::Afterwards);
        let mut fault = |stage, what: String| {
            if check.faults.len() < KEPT {
                let what = shorten(&what);
                let fault = ShortageFault { allocation, stage, what, aborted_in: None };
                // At once, since a later round may take the process with it.
                child::tell_of(&fault);
                check.faults.push(fault);
            }
        };
        match &result {
            Err(error) if failed && !is_out_of_memory(error) => {
                fault(stage, format!("failed with an error that is not of memory: {error:#}"));
            }
            Err(error) if !failed => fault(stage, format!("failed for no reason: {error:#}")),
            Ok(()) | Err(_) => {}
        }
        if let Err(error) = round.afterwards() {
            fault(Stage::Afterwards, format!("could not go on: {error:#}"));
        }
        progress.shortage.store(0, Relaxed);
        if !failed {
            check.complete = true;
            return counted(check, progress);
        }
        progress.shortage_counts[0].fetch_add(1, Relaxed);
        match &result {
            Ok(()) => _ = progress.shortage_counts[2].fetch_add(1, Relaxed),
            Err(error) if is_out_of_memory(error) => {
                progress.shortage_counts[1].fetch_add(1, Relaxed);
            }
            // Told as a fault.
            Err(_) => {}
        }
        allocation = next;
    }
}

/// The innermost function of the engine on a stack; names are looked up once.
fn function(stack: &[u64], names: &mut HashMap<u64, Option<String>>) -> Option<String> {
    let named = |address| crash::resolve(&[address]).into_iter().find(|name| is_of_engine(name));
    stack.iter().find_map(|&address| names.entry(address).or_insert_with(|| named(address)).clone())
}

fn is_out_of_memory(error: &Error) -> bool {
    error.is::<OutOfMemory>() || error.chain().any(|cause| cause.is::<OutOfMemory>())
}
