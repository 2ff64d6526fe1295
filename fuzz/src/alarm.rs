//! How a violation ends a fuzzer: by a panic in a function of its own, so that the topmost frames,
//! by which crashes are sorted, tell one kind from another.

use std::cell::RefCell;
use std::fmt::Display;
use std::sync::Once;
use wasm_brink::campaign::Judged;
use wasm_brink::engines::Backend;
use wasm_brink::job::Budget;

thread_local! {
    /// What is being tried.
    static NOW: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on, the command that does the same stands before the words of a panic.
pub(crate) fn tell_how_to_reproduce() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            NOW.with_borrow(|now| eprintln!("{now}"));
            before(info);
        }));
    });
}

/// Notes what is being tried, with `options` of the command that does the same within the same budget.
pub(crate) fn trying(subject: &impl Display, backend: &Backend, options: &str, budget: &Budget) {
    let Budget { cpu_s, memory_bytes, .. } = budget;
    let limits = format!("--time-limit {cpu_s}s --memory-limit {}MiB", memory_bytes >> 20);
    NOW.set(format!("brink repro {subject} -b {backend}{options} {limits}"));
}

/// Notes that nothing is being tried yet: what was tried before is not at fault.
pub(crate) fn trying_nothing() {
    NOW.take();
}

/// Makes functions that panic, one for each kind of violation.
macro_rules! alarms {
    ($($oracle:literal $name:ident,)*) => {
        /// Ends the process over a violation. A crash of the engine has mostly ended it before.
        pub(crate) fn raise(judged: &Judged) -> ! {
            let summary = &format!("{}\nkey: {}", judged.violation.summary, judged.violation.key);
            match judged.violation.oracle.as_str() {
                $($oracle => $name(summary),)*
                other => otherwise(other, summary),
            }
        }

        $(
            #[cold]
            #[inline(never)]
            fn $name(summary: &str) -> ! {
                panic!(concat!($oracle, ": {}"), summary)
            }
        )*

        #[cfg(test)]
        const ALARMS: &[&str] = &[$($oracle),*];
    };
}

alarms! {
    "crash" engine_crashed,
    "timeout" time_budget_broken,
    "memory" memory_budget_broken,
    "code-size" artifact_out_of_proportion,
    "refusal" valid_module_refused,
    "laxness" invalid_module_accepted,
    "agreement" verdicts_disagree,
    "determinism" compilations_differ,
    "growth" cost_grows_too_fast,
    "width" access_of_another_width,
    "edge" wrong_at_the_end_of_memory,
    "execution" call_ends_otherwise,
    "shortage" engine_breaks_without_memory,
}

/// An oracle that has no function here; a test rules it out.
#[cold]
#[inline(never)]
fn otherwise(oracle: &str, summary: &str) -> ! {
    panic!("{oracle}: {summary}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_brink::oracles::ORACLES;

    #[test]
    fn every_oracle_has_an_alarm_of_its_own() {
        let ids: Vec<&str> = ORACLES.iter().map(|oracle| oracle.id()).collect();
        assert_eq!(ALARMS, ids);
    }
}
