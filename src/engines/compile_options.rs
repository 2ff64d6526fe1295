//! What a backend is in the options of `wasmtime compile`.

use super::{Backend, Collector, OptLevel, RegisterAllocation, Strategy, Switch};
use crate::proposals::Proposal;
use std::collections::BTreeSet;

/// Cranelift's settings for the mitigation of Spectre.
pub const SPECTRE_FLAGS: [&str; 2] =
    ["enable_heap_access_spectre_mitigation", "enable_table_access_spectre_mitigation"];

/// The options of `wasmtime compile` for a backend and for what a module needs, as far as they differ
/// from its defaults, or why there are none.
pub fn compile_options(
    backend: &Backend,
    needs: &BTreeSet<Proposal>,
) -> Result<Vec<String>, String> {
    let (target, knobs) = (backend.target(), &backend.knobs);
    if target.strategy == Strategy::Web {
        return Err("Wasmtime has no such compiler".to_owned());
    }
    if knobs.collector != Collector::Auto {
        return Err("the choice of a collector is not passed on to executables".to_owned());
    }
    let mut options = vec!["--target".to_owned(), target.triple.to_owned()];
    let mut option = |group: &str, setting: &str| {
        options.extend([group.to_owned(), setting.to_owned()]);
    };
    let cranelift = target.strategy == Strategy::Cranelift;
    for (group, setting, wanted) in [
        ("-C", "compiler=winch", !cranelift),
        ("-O", "opt-level=0", cranelift && knobs.opt == OptLevel::None),
        ("-O", "opt-level=s", cranelift && knobs.opt == OptLevel::SpeedAndSize),
        (
            "-O",
            "regalloc-algorithm=single-pass",
            cranelift && knobs.regalloc == RegisterAllocation::SinglePass,
        ),
        ("-C", "cranelift-debug-verifier=y", cranelift && knobs.verifier == Switch::On),
        (
            "-C",
            "cranelift-regalloc_checker=true",
            cranelift && knobs.regalloc_checker == Switch::On,
        ),
        ("-O", "memory-reservation=0", !knobs.guard),
        ("-O", "memory-reservation-for-growth=0", !knobs.guard),
        ("-O", "memory-guard-size=0", !knobs.guard),
        ("-D", "debug-info=y", knobs.debug_info),
        ("-D", "guest-debug=y", knobs.guest_debug),
        ("-W", "fuel=1000000", knobs.fuel),
        ("-W", "epoch-interruption=y", knobs.epochs),
        ("-O", "signals-based-traps=n", !knobs.signals),
        ("-W", "memory64=n", !knobs.memory64),
    ] {
        if wanted {
            option(group, setting);
        }
    }
    if !knobs.spectre {
        SPECTRE_FLAGS.iter().for_each(|flag| option("-C", &format!("cranelift-{flag}=false")));
    }
    for feature in backend.cpu_flags() {
        option("-C", &format!("cranelift-{feature}=true"));
    }
    for proposal in needs.iter().filter_map(|proposal| proposal_option(*proposal)) {
        option("-W", &format!("{proposal}=y"));
    }
    Ok(options)
}

/// What `wasmtime` calls a proposal that it may have off by default.
fn proposal_option(proposal: Proposal) -> Option<&'static str> {
    match proposal {
        Proposal::TailCall => Some("tail-call"),
        Proposal::Threads => Some("threads"),
        Proposal::RelaxedSimd => Some("relaxed-simd"),
        Proposal::Exceptions => Some("exceptions"),
        Proposal::Gc => Some("gc"),
        Proposal::FunctionReferences => Some("function-references"),
        Proposal::Memory64 => Some("memory64"),
        Proposal::WideArithmetic => Some("wide-arithmetic"),
        Proposal::StackSwitching => Some("stack-switching"),
        Proposal::MultiMemory => Some("multi-memory"),
        Proposal::ExtendedConst => Some("extended-const"),
        Proposal::CustomPageSizes => Some("custom-page-sizes"),
        Proposal::Mvp
        | Proposal::SignExtension
        | Proposal::SaturatingFloatToInt
        | Proposal::MultiValue
        | Proposal::BulkMemory
        | Proposal::ReferenceTypes
        | Proposal::GcTypes
        | Proposal::Simd => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(backend: &str, needs: &[Proposal]) -> Result<String, String> {
        let needs = needs.iter().copied().collect();
        compile_options(&backend.parse().unwrap(), &needs).map(|options| options.join(" "))
    }

    #[test]
    fn only_what_differs_from_the_defaults_is_told() {
        assert_eq!(options("aarch64", &[]).unwrap(), "--target aarch64-unknown-linux-gnu");
        // With a target that is named, `wasmtime compile` starts from the least of processors.
        assert_eq!(options("x86_64:cpu=sse2", &[]).unwrap(), "--target x86_64-unknown-linux-gnu");
        assert!(options("x86_64", &[]).unwrap().ends_with("-C cranelift-has_popcnt=true"));
        assert_eq!(
            options("riscv64-v:opt=none,spectre=off", &[Proposal::Mvp, Proposal::Gc]).unwrap(),
            "--target riscv64gc-unknown-linux-gnu -O opt-level=0 -C \
             cranelift-enable_heap_access_spectre_mitigation=false -C \
             cranelift-enable_table_access_spectre_mitigation=false -C cranelift-has_v=true -W gc=y"
        );
        assert_eq!(
            options("winch-aarch64:guard=off,fuel", &[]).unwrap(),
            "--target aarch64-unknown-linux-gnu -C compiler=winch -O memory-reservation=0 -O \
             memory-reservation-for-growth=0 -O memory-guard-size=0 -W fuel=1000000"
        );
    }

    #[test]
    fn what_the_command_line_cannot_say_is_refused() {
        options("x86_64:collector=null", &[]).unwrap_err();
    }
}
