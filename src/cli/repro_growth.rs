//! `brink repro` of a finding about growth: the whole ladder again, not only its largest size.

use super::Exit;
use super::exit::{remark, say};
use super::known;
use super::options::{RunOpts, stop_flag};
use super::recorder::FindingFile;
use crate::campaign::{Case, Court, Judged, LadderError, Plan, ReproRun, judge_alone, measure};
use crate::engines::Backend;
use crate::job::Budget;
use crate::names::{did_you_mean, nearest};
use crate::oracles::Ladder;
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use crate::report;
use crate::triage::KnownIssues;
use anyhow::{Result, bail};
use std::sync::atomic::Ordering::Relaxed;

/// What is measured.
pub(super) struct Asked<'a> {
    /// The largest size.
    pub(super) recipe: &'a Recipe,
    /// The parameters that are scaled together.
    pub(super) scaled: &'a [String],
    /// The finding it came with; without one, any growth is what is looked for.
    pub(super) finding: Option<&'a FindingFile>,
}

impl Asked<'_> {
    /// The finding, where it is about growth: a ladder does not show what others are about.
    pub(super) fn growth_finding(&self) -> Option<&FindingFile> {
        self.finding.filter(|finding| !finding.scaled.is_empty())
    }

    /// Of what one measurement showed, what is looked for.
    fn find<'j>(&self, judged: &'j [Judged]) -> Option<&'j Judged> {
        judged.iter().find(|it| match self.growth_finding() {
            Some(finding) => it.signature.to_string() == finding.signature,
            None => it.violation.oracle == "growth",
        })
    }
}

pub(super) fn run(
    asked: &Asked<'_>,
    options: &RunOpts,
    times: u32,
    (json, quiet): (bool, bool),
    issues: &KnownIssues,
) -> Result<Exit> {
    let of_finding = asked.finding.map(|finding| std::slice::from_ref(&finding.backend));
    let backends = options.backends(of_finding)?;
    let limits =
        |finding: &FindingFile| Budget::new(finding.time_limit_s, finding.memory_limit_bytes);
    let budget = options.budget(asked.finding.map(limits));
    check_names(asked.recipe, asked.scaled)?;
    let plan = Plan::of(asked.recipe, asked.scaled)?;
    let pool = options.pool(&backends)?;
    let stop = stop_flag()?;
    let told = Told { plan: &plan, budget, json, quiet };
    let (mut seen, mut runs) = (0, 0);
    let (mut standing, mut fell) = (None, false);
    // Whose table was told.
    let mut tabled: Option<&Backend> = None;
    for backend in backends.iter().flat_map(|it| std::iter::repeat_n(it, times as usize)) {
        let measured = measure(&plan, backend, budget, &pool, &stop);
        if stop.load(Relaxed) {
            remark(&format!("brink: interrupted after {runs} measurements"));
            return Ok(Exit::Interrupted);
        }
        runs += 1;
        match measured {
            Ok((ladder, top)) => {
                let judged = told.tell(backend, &ladder, &top, tabled != Some(backend));
                tabled = Some(backend);
                let same = asked.find(&judged);
                seen += u32::from(same.is_some());
                if let Some(same) = same {
                    standing = known::standing(issues, &same.violation, &same.signature, backend);
                }
            }
            Err(LadderError::Fell(size)) => {
                let (case, outcome) = *size;
                fell = true;
                let run = judge_alone(&case, backend, &budget, outcome);
                told.tell_fall(&case, &run);
                // A growth is not what this shows.
                let wanted = run.violations.first().filter(|_| asked.growth_finding().is_none());
                seen += u32::from(wanted.is_some());
                if let Some(wanted) = wanted {
                    standing =
                        known::standing(issues, &wanted.violation, &wanted.signature, backend);
                }
            }
            Err(error @ LadderError::Incomplete(_)) => {
                remark(&format!("brink: failed to {error}, so its growth cannot be told"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if !quiet {
        let reproduces = if seen > 0 { "reproduces" } else { "does not reproduce" };
        match asked.growth_finding().map(|finding| &finding.summary) {
            Some(summary) => {
                remark(&format!(
                    "The finding {reproduces} (in {seen} of {runs} measurements): {summary}"
                ));
            }
            None if fell => remark(&format!("A size goes wrong in {seen} of {runs} measurements.")),
            None => {
                remark(&format!("Costs grow out of proportion in {seen} of {runs} measurements."))
            }
        }
    }
    if seen == 0 {
        return Ok(Exit::Nothing);
    }
    Ok(known::exit(std::iter::once(standing.as_ref())).unwrap_or(Exit::Found))
}

/// Fails where a recipe does not state one of the parameters that are to be scaled.
pub(super) fn check_names(recipe: &Recipe, scaled: &[String]) -> Result<()> {
    let known = || recipe.params.keys().map(String::as_str);
    let unknown = scaled.iter().find(|name| !known().any(|known| known == *name));
    if let Some(name) = unknown {
        bail!(
            "measure growth along {name:?}: {recipe} does not state it; write it with its value{}",
            did_you_mean(nearest(name, known()))
        );
    }
    Ok(())
}

/// How measurements are told.
struct Told<'a> {
    plan: &'a Plan,
    budget: Budget,
    json: bool,
    quiet: bool,
}

impl Told<'_> {
    /// Tells of a size that did not compile.
    fn tell_fall(&self, case: &Case, run: &ReproRun) {
        let signatures: Vec<String> =
            run.violations.iter().map(|judged| judged.signature.to_string()).collect();
        let inconclusive: Vec<String> = run.inconclusive.iter().map(ToString::to_string).collect();
        if self.json {
            let line = serde_json::json!({
                "subject": case.subject,
                "backend": run.backend,
                "budget": self.budget,
                "violations": signatures,
                "inconclusive": inconclusive,
            });
            say(&format!("{line}\n"));
        } else if !self.quiet {
            let verdict = if signatures.is_empty() { "no violation" } else { "violation" };
            say(&format!("{}: {verdict}, at {}\n", run.backend, case.subject));
            let told = run.violations.iter().map(|judged| &judged.violation.summary);
            told.chain(&inconclusive).for_each(|text| say(&format!("  {text}\n")));
        }
    }

    /// Tells of one measurement, with all its figures where it is its backend's first; the signatures
    /// of what it shows.
    fn tell(&self, backend: &Backend, ladder: &Ladder, top: &Outcome, first: bool) -> Vec<Judged> {
        let (judged, inconclusive) =
            Court::judge_ladder(self.plan.top(), backend, &self.budget, top, ladder);
        let inconclusive: Vec<String> = inconclusive.iter().map(ToString::to_string).collect();
        let signatures: Vec<String> =
            judged.iter().map(|judged| judged.signature.to_string()).collect();
        if self.json {
            let line = serde_json::json!({
                "subject": self.plan.top().subject,
                "backend": backend,
                "budget": self.budget,
                "ladder": ladder,
                "trends": ladder.trends(),
                "violations": signatures,
                "inconclusive": inconclusive,
            });
            say(&format!("{line}\n"));
        } else if !self.quiet {
            if first {
                let subject = &self.plan.top().subject;
                say(&format!("{backend}, up to {subject}:\n\n{}\n", report::growth_table(ladder)));
            }
            let verdict = if judged.is_empty() { "no violation" } else { "violation" };
            say(&format!("{backend}: {verdict}\n"));
            let told = judged.iter().map(|judged| &judged.violation.summary);
            told.chain(&inconclusive).for_each(|text| say(&format!("  {text}\n")));
        }
        judged
    }
}
