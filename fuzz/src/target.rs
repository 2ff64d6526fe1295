//! What each target does with its input: a few lines over the lab, which compiles and judges as the
//! command line does.

use crate::input::Input;
use crate::{alarm, stats};
use std::cell::RefCell;
use wasm_brink::campaign::{Case, FUZZED_BUDGET, FUZZED_BYTES_MAX, Judged, Lab, Trial};
use wasm_brink::engines::Backend;
use wasm_brink::limits;
use wasm_brink::outcome::{Outcome, Validation};
use wasm_brink::recipe::Recipe;
use wasm_brink::shapes;
use wasm_brink::triage::KnownIssues;
use wasm_brink::worker::{PLANTED_BUG, plant_bug};

/// One input in so many is compiled twice, to compare.
const REPEAT_EVERY: u64 = 16;

/// Inputs that take longer are judged and not kept, in microseconds of CPU time: steps from what is
/// quick are quick, and a corpus of slow inputs would be most of what a fuzzer spends its time on. With
/// less, seeds would not be kept either: under AddressSanitizer 86 of 90 take less than this, 55 less than
/// 5,000 and 43 less than 4,000.
const KEPT_US_MAX: u64 = 8_000;

/// What is done with inputs, and on what: an input goes to one of the backends, chosen by what it
/// is, so that all are tried and an input means the same every time.
pub struct Target {
    backends: &'static [&'static str],
    work: Work,
}

enum Work {
    Build,
    Compile,
    Growth,
    Width,
    Edge,
}

const X64: &[&str] =
    &["x86_64", "x86_64:opt=none", "x86_64:debug-info", "x86_64:regalloc=single-pass"];
const AARCH64: &[&str] = &["aarch64", "aarch64:opt=none", "aarch64:fuel"];
const RISCV64: &[&str] = &["riscv64", "riscv64:opt=none", "riscv64:epochs", "riscv64-rva23"];
const S390X: &[&str] = &["s390x", "s390x:opt=none", "s390x:guard=off"];
const PULLEY: &[&str] = &["pulley64", "pulley32", "pulley64:opt=none"];
const WINCH_X64: &[&str] = &["winch-x86_64", "winch-x86_64:guard=off", "winch-x86_64:fuel"];
const WINCH_AARCH64: &[&str] = &["winch-aarch64", "winch-aarch64:fuel"];
const WIDTH: &[&str] = &[
    "x86_64",
    "x86_64:cpu=sse2",
    "x86_64:opt=none",
    "x86_64:guard=off,spectre=off",
    "winch-x86_64",
];
const EDGE: &[&str] = &["x86_64:cpu=sse2", "x86_64:guard=off,cpu=sse2", "winch-x86_64"];
const EVERYWHERE: &[&str] = &[
    "x86_64",
    "aarch64",
    "riscv64",
    "s390x",
    "pulley64",
    "pulley32",
    "winch-x86_64",
    "winch-aarch64",
];

const fn compile(backends: &'static [&'static str]) -> Target {
    Target { backends, work: Work::Compile }
}

impl Target {
    /// Every recipe builds, and what it promises is true of its bytes.
    pub const BUILD: Target = Target { backends: &["x86_64"], work: Work::Build };
    /// Cranelift for x86-64.
    pub const COMPILE_X64: Target = compile(X64);
    /// Cranelift for aarch64.
    pub const COMPILE_AARCH64: Target = compile(AARCH64);
    /// Cranelift for riscv64.
    pub const COMPILE_RISCV64: Target = compile(RISCV64);
    /// Cranelift for s390x.
    pub const COMPILE_S390X: Target = compile(S390X);
    /// Cranelift for Pulley.
    pub const COMPILE_PULLEY: Target = compile(PULLEY);
    /// Winch for x86-64.
    pub const WINCH_X64: Target = compile(WINCH_X64);
    /// Winch for aarch64.
    pub const WINCH_AARCH64: Target = compile(WINCH_AARCH64);
    /// Costs that grow faster than the module.
    pub const GROWTH: Target = Target { backends: EVERYWHERE, work: Work::Growth };
    /// Machine accesses of another width than the Wasm asked for.
    pub const LOAD_WIDTH: Target = Target { backends: WIDTH, work: Work::Width };
    /// What code does at the end of memory.
    pub const EDGE: Target = Target { backends: EDGE, work: Work::Edge };
    /// Any module.
    pub const RAW_MODULE: Target = compile(EVERYWHERE);

    /// Tries a recipe; whether it is of use to a corpus.
    pub fn recipe(&self, Input(recipe): &Input) -> bool {
        alarm::trying_nothing();
        let Some(module_bytes) = shapes::small(recipe, FUZZED_BYTES_MAX) else { return false };
        stats::count(module_bytes);
        let draw = recipe.id().to_string();
        let draw = u64::from_str_radix(&draw[..8], 16).unwrap_or(0);
        if let Work::Build = self.work {
            build(recipe);
            return true;
        }
        let Ok(case) = Case::of_recipe(recipe) else { return false };
        let backend = self.backend(draw);
        let (outcome, judged) = match self.work {
            Work::Growth => return self.climb(recipe, draw),
            Work::Edge if case.edge.is_none() || !backend.runs_here() => return false,
            Work::Build | Work::Compile | Work::Width | Work::Edge => {
                self.try_case(&case, &backend, draw)
            }
        };
        raise_first(&judged);
        is_quick(&outcome)
    }

    /// Tries any bytes as a module; whether they are of use to a corpus.
    pub fn module(&self, bytes: &[u8]) -> bool {
        let is_useful =
            |outcome: &Outcome| outcome.validation == Validation::Valid && is_quick(outcome);
        self.outcome_of(bytes).as_ref().is_some_and(is_useful)
    }

    /// What comes of any bytes as a module, where they are small enough to be tried.
    pub(crate) fn outcome_of(&self, bytes: &[u8]) -> Option<Outcome> {
        if bytes.is_empty() || bytes.len() as u64 > FUZZED_BYTES_MAX {
            return None;
        }
        alarm::trying_nothing();
        stats::count(bytes.len() as u64);
        let draw = bytes.iter().fold(0u64, |sum, byte| sum.rotate_left(5) ^ u64::from(*byte));
        let case = Case::of_module("<the file that libFuzzer writes>", bytes.to_vec()).ok()?;
        let backend = self.backend(draw);
        let (outcome, judged) = self.try_case(&case, &backend, draw);
        raise_first(&judged);
        Some(outcome)
    }

    fn backend(&self, draw: u64) -> Backend {
        let at = usize::try_from(draw % self.backends.len() as u64).unwrap_or(0);
        self.backends[at].parse().expect("a test reads every backend of a target")
    }

    fn try_case(&self, case: &Case, backend: &Backend, draw: u64) -> (Outcome, Vec<Judged>) {
        let trial = Trial {
            look: matches!(self.work, Work::Width),
            repeat: matches!(self.work, Work::Compile) && (draw >> 8).is_multiple_of(REPEAT_EVERY),
            run: matches!(self.work, Work::Edge),
        };
        alarm::trying(&case.subject, backend, "", &FUZZED_BUDGET);
        let (outcome, judged) = in_lab(|lab| lab.try_case(case, backend, FUZZED_BUDGET, trial));
        stats::compiled(&outcome);
        (outcome, judged)
    }

    fn climb(&self, recipe: &Recipe, draw: u64) -> bool {
        let ways = shapes::scalable(recipe);
        let backend = self.backend(draw);
        let at = usize::try_from(draw >> 8).ok().and_then(|at| at.checked_rem(ways.len()));
        let Some(way) = at.map(|at| &ways[at]) else { return false };
        // The whole ladder, whatever the size that the recipe has.
        let top = shapes::largest(recipe, way, FUZZED_BYTES_MAX).map(|(top, _)| top);
        let small = |top: &Recipe| shapes::small(top, FUZZED_BYTES_MAX).is_some();
        let Some(top) = top.filter(small) else { return false };
        let options = format!(" --growth {}", way.join(","));
        alarm::trying(&top, &backend, &options, &FUZZED_BUDGET);
        let Ok(climb) = in_lab(|lab| lab.climb(&top, way, &backend, FUZZED_BUDGET)) else {
            return false;
        };
        alarm::trying(&climb.top, &backend, &options, &FUZZED_BUDGET);
        raise_first(&climb.news);
        climb.is_whole
    }
}

fn is_quick(outcome: &Outcome) -> bool {
    outcome.measurements.cpu_us <= KEPT_US_MAX
}

/// Holds a recipe's module against what the recipe says of it.
fn build(recipe: &Recipe) {
    let module = shapes::build(recipe).expect("a checked recipe builds");
    let compact = shapes::to_bytes(recipe).expect("a checked recipe has a compact form");
    assert_eq!(&shapes::from_bytes(&compact).expect("it reads again"), recipe);
    if let Ok(counted) = limits::headroom(&module.bytes.to_vec()) {
        let stated = module.facts.usage.get("functions");
        assert_eq!(stated, counted.get("functions"), "functions of {recipe}");
    }
}

/// What fuzzers have found already: the list that comes with brink, and what has yet to be reported.
fn known() -> KnownIssues {
    let found = KnownIssues::from_toml(include_str!("../known-issues.toml"));
    KnownIssues::builtin().and(found.expect("a test reads the list of what fuzzers found"))
}

fn in_lab<T>(use_it: impl FnOnce(&mut Lab) -> T) -> T {
    thread_local! {
        static LAB: RefCell<Option<Lab>> = const { RefCell::new(None) };
    }
    LAB.with_borrow_mut(|lab| {
        use_it(lab.get_or_insert_with(|| {
            // Before the lab's own hook, which keeps what is spared from it.
            alarm::tell_how_to_reproduce();
            if std::env::var(PLANTED_BUG).is_ok_and(|asked| asked == "1") {
                plant_bug(true);
            }
            Lab::open(known()).expect("shared memory of one page")
        }))
    })
}

fn raise_first(judged: &[Judged]) {
    if let Some(first) = judged.first() {
        alarm::raise(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_backend_of_a_target_and_the_list_of_known_issues_read() {
        let all = [X64, AARCH64, RISCV64, S390X, PULLEY, WINCH_X64, WINCH_AARCH64, WIDTH, EDGE];
        for text in all.iter().chain([&EVERYWHERE]).flat_map(|backends| *backends) {
            let backend: Backend = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(backend.cannot(), None, "{text}");
        }
        assert!(known().iter().count() > KnownIssues::builtin().iter().count());
    }
}
