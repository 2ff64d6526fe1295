//! Web engines: a small script compiles the module and says what came of it.

use super::{Ended, answered, crashed, refused};
use crate::job::{Budget, Job};
use crate::outcome::{
    Artifact, EngineVerdict, Phase, RefusalKind, Termination, Validation, shorten,
};
use crate::worker::unix;
use std::path::Path;
use std::process::Command;

/// The words with which the scripts of web engines answer.
const ACCEPTED: &str = "brink: accepted";
const REFUSED: &str = "brink: refused ";

/// V8 with the tiers of the job's target.
pub(super) fn node(file: &Path, job: &Job, module: &Path) -> Command {
    let script = format!(
        "try {{ new WebAssembly.Module(require('fs').readFileSync(process.argv[1])); \
         console.log('{ACCEPTED}') }} catch (e) {{ \
         console.log('{REFUSED}' + e.name + ': ' + String(e.message).slice(0, 2000)) }}"
    );
    let tiers: &[&str] = match job.backend.target().id {
        "baseline" => &["--liftoff-only", "--no-wasm-lazy-compilation", "--no-wasm-tier-up"],
        "optimiser" => &["--no-liftoff", "--no-wasm-lazy-compilation", "--no-wasm-tier-up"],
        _ => &[],
    };
    let mut command = Command::new(file);
    command.args(tiers).arg("-e").arg(script).arg(module);
    command
}

/// JavaScriptCore with the tiers of the job's target, or why there are none. It compiles a
/// function when it is first called, so the module is instantiated, as far as imports can be made
/// up, and each export called once; what comes of that does not matter, unless it crashes.
pub(super) fn jsc(file: &Path, job: &Job, module: &Path) -> Result<Command, String> {
    let script = format!(
        "let m; try {{ m = new WebAssembly.Module(readFile('{}', 'binary')) }} \
         catch (e) {{ print('{REFUSED}' + e.name + ': ' + String(e.message).slice(0, 2000)) }} \
         if (m) {{ const i = {{}}; for (const {{module, name}} of WebAssembly.Module.imports(m)) \
         (i[module] ??= {{}})[name] = () => 0; \
         try {{ for (const f of Object.values(new WebAssembly.Instance(m, i).exports)) \
         try {{ f() }} catch (e) {{ try {{ f(...Array(1000).fill(0n)) }} catch (e) {{}} }} \
         }} catch (e) {{}} print('{ACCEPTED}') }}",
        module.display()
    );
    // Without the interpreters below it, a tier compiles every function at once.
    let tiers: &[&str] = match job.backend.target().id {
        "baseline" => &["--useWasmIPInt=0", "--useWasmLLInt=0", "--useOMGJIT=0"],
        "optimiser" => {
            return Err("JavaScriptCore does not run its optimising compiler alone".to_owned());
        }
        _ => &[],
    };
    let mut command = Command::new(file);
    command.args(tiers).arg("-e").arg(script);
    Ok(command)
}

/// An engine that has less than this part of its memory has not run out of it, whatever it says.
const PART_OF_MEMORY: u64 = 8;

/// What their end and their words mean.
pub(super) fn ended(exit: &unix::Exit, said: &str, budget: &Budget) -> Ended {
    if said.lines().any(|line| line == ACCEPTED) {
        // What it compiled stays in it.
        let artifact = Artifact { bytes: 0, code_bytes: 0, hash: String::new(), repeat_hash: None };
        return answered(EngineVerdict::Accepted { artifact });
    }
    if let Some((_, message)) = said.split_once(REFUSED) {
        let kind = if message.starts_with("CompileError") {
            RefusalKind::Invalid
        } else {
            RefusalKind::ImplementationLimit
        };
        return answered(refused(kind, message.trim()));
    }
    // V8 says so before it aborts, also where a number that it counts to has no room for more.
    let is_out = |line: &&str| line.contains("out of memory") || line.contains("Out of memory");
    if let Some(line) = said.lines().find(is_out) {
        let termination = if exit.peak_resident_bytes < budget.memory_bytes / PART_OF_MEMORY {
            let (location, message) = ("its own check".to_owned(), shorten(line));
            Termination::Panicked { location, message, frames: Vec::new() }
        } else {
            Termination::OutOfMemory { requested_bytes: 0 }
        };
        return Ended { phase: Phase::Compile, termination, validation: Validation::NotRun };
    }
    let termination = crashed(exit, said).unwrap_or_else(|| Termination::Infrastructure {
        message: format!("the engine ended without an answer: {}", shorten(said.trim())),
    });
    Ended { phase: Phase::Compile, termination, validation: Validation::NotRun }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_with_memory_left_has_not_run_out_of_it() {
        let said = "\n<--- Last few GCs --->\n\nFATAL ERROR: too many canonicalized types Allocation \
                    failed - process out of memory\n";
        let of = |peak_resident_bytes| {
            let signal = Some(libc::SIGABRT);
            let exit = unix::Exit { code: None, signal, cpu_ns: 0, peak_resident_bytes };
            ended(&exit, said, &Budget::new(10, 8 << 30)).termination
        };
        let Termination::Panicked { message, .. } = of(200 << 20) else { panic!() };
        assert!(message.starts_with("FATAL ERROR: too many canonicalized types"), "{message}");
        assert!(matches!(of(4 << 30), Termination::OutOfMemory { .. }));
    }
}
