//! `brink shrink` of a finding about growth: what is kept is the growth, told by a whole ladder.

use super::output::Output;
use super::target::check_seen;
use super::{Opts, tell, tell_end};
use crate::campaign::{CONFIRMATIONS, Evidence, Finding, Judged, Subject};
use crate::cli::Exit;
use crate::cli::known;
use crate::cli::options::stop_flag;
use crate::cli::recorder::FindingFile;
use crate::cli::repro_growth::Asked;
use crate::job::Budget;
use crate::recipe::Recipe;
use crate::shrink::{Candidate, Ended, Grown, GrowthHolds, Limits, Search, ShrinkError, Smallest};
use crate::triage::KnownIssues;
use anyhow::{Context, Result, bail};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

pub(super) fn run(
    opts: &Opts,
    asked: &Asked<'_>,
    output: &Output,
    issues: &KnownIssues,
) -> Result<Exit> {
    let Some((smallest, found)) = least(opts, asked, output)? else {
        return Ok(Exit::Interrupted);
    };
    output.report(&found, &Candidate::Recipe(asked.recipe.clone()), &[], issues)?;
    tell_end(opts, &smallest, &found, output);
    let standing = known::standing(issues, &found.violation, &found.signature, &found.backend);
    Ok(known::exit(std::iter::once(standing.as_ref())).unwrap_or(Exit::Found))
}

/// The least that still grows so; `None` where a person has stopped the search.
pub(super) fn least(
    opts: &Opts,
    asked: &Asked<'_>,
    output: &Output,
) -> Result<Option<(Smallest, Finding)>> {
    let Asked { recipe, scaled, finding } = asked;
    let name = opts.input.name();
    let of_finding = finding.map(|finding| std::slice::from_ref(&finding.backend));
    let backends = opts.run.backends(of_finding)?;
    let limits =
        finding.map(|it: &FindingFile| Budget::new(it.time_limit_s, it.memory_limit_bytes));
    let budget = opts.run.budget(limits);
    let pool = opts.run.pool(&backends)?;
    let stop = stop_flag()?;
    let started = Instant::now();
    let signature = asked.growth_finding().map(|finding| finding.signature.as_str());
    // The first backend on which it grows.
    let (mut grows, mut otherwise) = (None, String::new());
    for backend in &backends {
        let predicate = GrowthHolds::new(&pool, &stop, backend, budget, scaled, signature);
        let seen = predicate.look(recipe).with_context(|| format!("shrink {name}"))?;
        if stop.load(Relaxed) {
            return Ok(None);
        }
        match seen {
            Ok(grown) => {
                grows = Some((backend, predicate, grown));
                break;
            }
            Err(why) if otherwise.is_empty() => otherwise = format!("on {backend}, {why}"),
            Err(_) => {}
        }
    }
    let Some((backend, mut predicate, grown)) = grows else {
        bail!("shrink {name}: no growth is seen: {otherwise}")
    };
    predicate.hold_on_to(&grown);
    tell(opts, &format!("Keeping `{}`, N^{:.2}, on {backend}.", grown.signature, grown.exponent));
    let mut keep = |best: &Candidate| {
        output.keep(best)?;
        tell(opts, &format!("{:.1} s: {}", started.elapsed().as_secs_f64(), super::describe(best)));
        Ok(())
    };
    let limits = Limits { deadline: started + opts.time, asks_max: opts.cases };
    let input = Candidate::Recipe((*recipe).clone());
    // Where an earlier shrink ended, if that still shows it.
    let start = match output.earlier() {
        Some(Candidate::Recipe(earlier)) if predicate.look(&earlier)?.is_ok() => {
            Candidate::Recipe(earlier)
        }
        Some(_) | None => input.clone(),
    };
    let search = Search::new(start, &mut predicate, &mut keep, limits, &stop);
    let smallest = search.run().with_context(|| format!("shrink {name}"))?;
    if super::interrupted(opts, &smallest, &input, output, &stop) {
        return Ok(None);
    }
    let smallest_recipe = match &smallest.candidate {
        Candidate::Recipe(recipe) => recipe,
        // A recipe shrinks to recipes.
        Candidate::Module(_) => recipe,
    };
    if smallest.ended == Ended::Exhausted {
        tell(opts, "(Seven sizes that double make a ladder: counts under 64 have none.)");
    }
    let (grown, seen) = confirm(&predicate, smallest_recipe, grown, &stop)?;
    if stop.load(Relaxed) {
        tell(opts, &format!("Interrupted; the best is in {}.", output.path().display()));
        return Ok(None);
    }
    check_seen(opts, output, seen)?;
    let judged = Judged { signature: grown.signature, violation: grown.violation };
    let (subject, backend) = (Subject::Recipe(smallest_recipe.clone()), backend.clone());
    let found = Finding::of(&judged, subject, backend, budget, grown.top, seen);
    let growth = Some(Evidence { scaled: scaled.to_vec(), ladder: grown.ladder });
    let found = Finding { growth, ..found };
    Ok(Some((smallest, found)))
}

/// Measures the smallest as often as any finding: what was seen last, and in how many runs of how many.
fn confirm(
    predicate: &GrowthHolds<'_>,
    recipe: &Recipe,
    mut grown: Grown,
    stop: &AtomicBool,
) -> Result<(Grown, (u32, u32)), ShrinkError> {
    let (mut seen, mut runs) = (0, 0);
    while runs <= CONFIRMATIONS && !stop.load(Relaxed) {
        let again = predicate.look(recipe)?;
        if stop.load(Relaxed) {
            break;
        }
        runs += 1;
        if let Ok(again) = again {
            seen += 1;
            grown = again;
        }
    }
    Ok((grown, (seen, runs)))
}
