//! The report of one finding: a draft for a person to read, check and send. Nothing is ever sent.
//!
//! It says what those who triage ask for, in their order: what was expected and why, what happened,
//! the case, one line to run it, and what else is known. A finding that is security-sensitive is for
//! its owner; its report lies where nobody else can read it.

use super::evidence::{Costs, Evidence};
use super::format::{bytes, clip, microseconds};
use super::growth::growth_section;
use super::wast::wast;
use crate::campaign::{Finding, Subject};
use crate::engines::compile_options;
use crate::limits::{self, Limit, Source, Usage};
use crate::outcome::{EngineVerdict, Termination};
use crate::shapes::{self, Facts};
use base64::Engine;
use std::fmt::Write;

/// Frames shown.
const FRAMES_MAX: usize = 12;

/// Modules up to this many bytes, whose text has up to as many lines and characters, are shown as text.
const TEXT_BYTES_MAX: u64 = 2_048;
const TEXT_LINES_MAX: usize = 80;
const TEXT_CHARACTERS_MAX: usize = 6_000;

/// Others of up to this many bytes are shown in base64.
const BASE64_BYTES_MAX: u64 = 1_024;

/// Characters in a line of it.
const BASE64_COLUMNS: usize = 76;

/// Recipes of up to this many characters stand in commands as they are: a file may move.
const WORDS_MAX: usize = 400;

/// Limits shown, and the least part of one that is worth a word.
const LIMITS_MAX: usize = 3;
const SHARE_MIN: f64 = 0.01;

/// The report as Markdown; `folder` is where the finding's files are, `recipe` the name of the
/// recipe there.
pub fn finding_report(finding: &Finding, folder: &str, recipe: &str, known: &Evidence) -> String {
    let Finding { violation, subject, backend, seen, signature, .. } = finding;
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "# {}: {}\n", violation.oracle, clip(&subject.to_string(), 120));
    if let Some(standing) = &known.standing {
        let _ = writeln!(out, "{standing}\n");
    }
    let facts = match subject {
        Subject::Recipe(recipe) => shapes::build(recipe).ok().map(|module| module.facts),
        Subject::Module(_) => None,
    };
    let _ = writeln!(out, "## Expected\n\n{}\n", expected(&violation.oracle));
    if let Some(facts) = &facts {
        pressed(&mut out, &facts.usage);
    }
    let _ = writeln!(out, "## Actual\n");
    let _ = writeln!(out, "On `{backend}`, it {}.", violation.summary.trim_end_matches('.'));
    let _ = writeln!(out, "Seen in {} of {} runs.\n", seen.0, seen.1);
    ending(&mut out, &finding.outcome.termination);
    case(&mut out, finding, known);
    commands(&mut out, finding, facts.as_ref(), folder, recipe);
    if let Some(costs) = &known.costs {
        table(&mut out, costs);
    }
    measured(&mut out, finding);
    let _ = writeln!(out, "## Versions\n");
    let _ = writeln!(out, "- engine: {}, backend `{backend}`", backend.engine().title());
    let _ = writeln!(out, "- target: {}", backend.target().triple);
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let _ = writeln!(out, "- found with brink {} on {system}", env!("CARGO_PKG_VERSION"));
    for (other, ending) in &known.verdicts {
        let _ = writeln!(out, "- the same module on `{other}`: {ending}");
    }
    if !finding.peers.is_empty() {
        let peers: Vec<String> = finding.peers.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "- compared with: {}", peers.join(", "));
    }
    let _ = writeln!(out, "- signature: `{}`", clip(&signature.to_string(), 400));
    out
}

/// What an oracle holds an engine to.
fn expected(oracle: &str) -> &'static str {
    match oracle {
        "crash" => "A compiler must not crash, whatever module it is given.",
        "timeout" => "A module within the limits compiles in time that is in proportion to it.",
        "memory" => "A module within the limits compiles in memory that is in proportion to it.",
        "growth" => "What a module costs grows hardly faster than the module.",
        "code-size" => "Machine code is in proportion to the module.",
        "refusal" => "A module that is valid and within the limits is accepted.",
        "laxness" => "A module past a limit is refused.",
        "agreement" => "All backends of an engine, and its validator, say the same of a module.",
        "determinism" => "One module and one backend make one artifact.",
        "width" | "edge" => "Code accesses exactly the bytes of memory that the Wasm asks for.",
        _ => "The module is handled as any other.",
    }
}

/// The limits that the module comes nearest to, and who states them.
fn pressed(out: &mut String, usage: &Usage) {
    let share = |(id, value): &(&'static str, u64)| {
        limits::limit(id).map_or(0.0, |limit| *value as f64 / limit.target().max(1) as f64)
    };
    // Of whatever a module has one, that is no pressure.
    let presses = |used: &(&'static str, u64)| used.1 > 1 && share(used) >= SHARE_MIN;
    let mut used: Vec<(&'static str, u64)> = usage.iter().filter(presses).collect();
    used.sort_by(|a, b| share(b).total_cmp(&share(a)));
    if used.is_empty() {
        let _ = writeln!(out, "The module is far from every limit.\n");
        return;
    }
    let _ = writeln!(out, "The module uses, of what is allowed:\n");
    for (id, value) in used.into_iter().take(LIMITS_MAX) {
        let Some(limit) = limits::limit(id) else { continue };
        let _ = writeln!(out, "- {}: {value} of {}", limit.title, allowed(limit));
    }
    out.push('\n');
}

fn allowed(limit: &Limit) -> String {
    let states = |&source: &Source| limit.value(source).map(|value| format!("{value} ({source})"));
    let stated: Vec<String> = Source::ALL.iter().filter_map(states).collect();
    if stated.is_empty() { "what nobody limits".to_owned() } else { stated.join(", ") }
}

/// The module as text where that is short, else what makes it.
fn case(out: &mut String, finding: &Finding, known: &Evidence) {
    let _ = writeln!(out, "## Case\n");
    if let Some(from) = &known.shrunk_from {
        let _ = writeln!(out, "Shrunk from `{}`.\n", clip(&from.to_string(), 200));
    }
    let Subject::Recipe(recipe) = &finding.subject else { return };
    let module_bytes = finding.outcome.measurements.module_bytes;
    if module_bytes <= TEXT_BYTES_MAX
        && let Ok(module) = shapes::build(recipe)
    {
        let module = module.bytes.to_vec();
        let text = wasmprinter::print_bytes(&module).ok();
        let is_short = |text: &String| {
            text.lines().count() <= TEXT_LINES_MAX && text.len() <= TEXT_CHARACTERS_MAX
        };
        match text.filter(is_short) {
            Some(text) => _ = writeln!(out, "```wat\n{}\n```\n", text.trim_end()),
            None if module_bytes <= BASE64_BYTES_MAX => {
                let code = base64::engine::general_purpose::STANDARD.encode(&module);
                let _ = writeln!(out, "The module, in base64 (`base64 -d >case.wasm`):\n\n```text");
                for line in code.as_bytes().chunks(BASE64_COLUMNS) {
                    let _ = writeln!(out, "{}", String::from_utf8_lossy(line));
                }
                let _ = writeln!(out, "```\n");
            }
            None => {}
        }
    }
    let _ = writeln!(out, "The recipe:\n\n```toml\n{}```\n", recipe.to_toml());
}

fn commands(
    out: &mut String,
    finding: &Finding,
    facts: Option<&Facts>,
    folder: &str,
    recipe: &str,
) {
    let Finding { backend, budget, subject, .. } = finding;
    let _ = writeln!(out, "## Run it\n");
    let is_recipe = matches!(subject, Subject::Recipe(_));
    let words = subject.to_string();
    let what =
        if is_recipe && words.len() <= WORDS_MAX { words } else { format!("{folder}/{recipe}") };
    if let Some(facts) = facts.filter(|_| !finding.is_sensitive())
        && let Ok(options) = compile_options(backend, &facts.proposals)
    {
        let _ = writeln!(
            out,
            "    brink gen {what} -o case.wasm\n    wasmtime compile {} case.wasm\n\n(without \
             limits), or with brink's limits:\n",
            options.join(" ")
        );
    }
    if is_recipe && wast(finding).is_some() {
        let _ = writeln!(
            out,
            "    wasmtime wast -O memory-reservation=0 -O memory-reservation-for-growth=0 -O \
             memory-guard-size=0 {folder}/case.wast\n\n(on a processor like the backend's), or:\n"
        );
    }
    // A recipe does not say where memories come from; the folder does.
    let what = if finding.allocator.is_default() { what.as_str() } else { folder };
    // A recipe does not say what of it is scaled.
    let scaled = finding.growth.as_ref().map(|growth| growth.scaled.join(","));
    let growth = scaled.map_or_else(String::new, |scaled| format!(" --growth {scaled}"));
    let _ = writeln!(
        out,
        "    brink repro {what} -b {backend}{growth} --time-limit {} --memory-limit {}\n",
        budget.cpu_s,
        whole_bytes(budget.memory_bytes)
    );
}

/// A number of bytes as options take it, with nothing rounded.
fn whole_bytes(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20)];
    let unit = units.iter().find(|(_, bits)| bytes > 0 && bytes.trailing_zeros() >= *bits);
    unit.map_or_else(|| bytes.to_string(), |(unit, bits)| format!("{}{unit}", bytes >> bits))
}

fn table(out: &mut String, costs: &Costs) {
    let Costs { param, form, rows } = costs;
    let _ = writeln!(out, "## Sizes\n\n`{}`, on the same backend:\n", clip(&form.to_string(), 200));
    let _ = writeln!(out, "| {param} | module | CPU time | live memory | ended |");
    let _ = writeln!(out, "|---|---|---|---|---|");
    for row in rows {
        let measured = &row.outcome.measurements;
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            row.value,
            bytes(measured.module_bytes),
            microseconds(measured.cpu_us),
            bytes(measured.peak_live_bytes),
            row.outcome.termination.name()
        );
    }
    out.push('\n');
}

fn measured(out: &mut String, finding: &Finding) {
    let measured = &finding.outcome.measurements;
    let _ = writeln!(out, "## What was measured\n\n| what | value |\n|---|---|");
    let rows = [
        ("module", bytes(measured.module_bytes)),
        ("ended in phase", finding.outcome.phase.to_string()),
        ("CPU time", microseconds(measured.cpu_us)),
        ("peak of live allocations", bytes(measured.peak_live_bytes)),
        ("sum of allocations", bytes(measured.allocated_bytes)),
        ("peak resident memory", bytes(measured.peak_resident_bytes)),
        ("limit of CPU time", format!("{} s", finding.budget.cpu_s)),
        ("limit of memory", bytes(finding.budget.memory_bytes)),
        ("stack", bytes(finding.backend.knobs.stack_bytes)),
    ];
    // Allocations of some engines are not counted.
    for (what, value) in rows.into_iter().filter(|(_, value)| value != &bytes(0)) {
        let _ = writeln!(out, "| {what} | {value} |");
    }
    for (pass, us) in measured.passes_us.iter().take(6) {
        let _ = writeln!(out, "| pass `{pass}` | {} |", microseconds(*us));
    }
    out.push_str(&finding.growth.as_ref().map(growth_section).unwrap_or_default());
    out.push('\n');
}

fn ending(out: &mut String, termination: &Termination) {
    let block = |out: &mut String, first: &str, lines: &[String]| {
        let _ = writeln!(out, "    {}", clip(first, 300));
        for line in lines {
            let _ = writeln!(out, "    {}", clip(line, 300));
        }
        out.push('\n');
    };
    let lines = |text: &str| text.lines().take(8).map(str::to_owned).collect::<Vec<_>>();
    let frames = match termination {
        Termination::Panicked { location, message, frames } => {
            block(out, location, &lines(message));
            frames
        }
        Termination::StackOverflow { frames } | Termination::Signaled { frames, .. } => frames,
        Termination::Completed { verdict: EngineVerdict::Refused { refusal } } => {
            block(out, &format!("({})", refusal.kind), &lines(&refusal.message));
            return;
        }
        Termination::Completed { .. }
        | Termination::TimedOut { .. }
        | Termination::OutOfMemory { .. }
        | Termination::OutputLimit
        | Termination::Ambiguous
        | Termination::Infrastructure { .. } => return,
    };
    if let Some((first, others)) = frames.split_first() {
        let _ = writeln!(out, "Stack, innermost first:\n");
        block(out, first, &others[..others.len().min(FRAMES_MAX - 1)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::Judged;
    use crate::job::{Allocator, Budget};
    use crate::oracles::{Severity, Violation};
    use crate::outcome::Outcome;
    use crate::recipe::Recipe;

    #[test]
    fn a_report_tells_the_command_that_asks_the_same_again() {
        let violation = Violation {
            oracle: "execution".to_owned(),
            key: String::new(),
            summary: String::new(),
            severity: Severity::Security,
        };
        let signature = serde_json::from_str("\"execution x\"").unwrap();
        let judged = Judged { signature, violation };
        let subject = Subject::Recipe(Recipe::new("frames").with("locals", 50));
        let (backend, budget) = ("x86_64".parse().unwrap(), Budget::new(10, 1 << 30));
        let outcome = Outcome::infrastructure(1, String::new());
        let mut finding = Finding::of(&judged, subject, backend, budget, outcome, (3, 3));
        let command = |finding: &Finding| {
            let text = finding_report(finding, "a/folder", "recipe.toml", &Evidence::default());
            let command = text.lines().find(|line| line.starts_with("    brink repro "));
            command.unwrap_or_else(|| panic!("{text}")).to_owned()
        };
        let limits = "-b x86_64 --time-limit 10 --memory-limit 1GiB";
        assert_eq!(command(&finding), format!("    brink repro frames locals=50 {limits}"));
        // The words of a recipe do not say where memories come from.
        finding.allocator = Allocator::Pooling;
        assert_eq!(command(&finding), format!("    brink repro a/folder {limits}"));
    }
}
