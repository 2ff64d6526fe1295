//! What other runs say of a finding: what the same form costs at other sizes, and what other
//! backends made of the same module.

use crate::campaign::{Finding, Subject};
use crate::engines::Backend;
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use crate::shapes::{PAD_NAME, whole};
use std::collections::BTreeMap;

/// Rows of a table of sizes.
const ROWS_MAX: usize = 12;

/// A table of fewer rows says nothing.
const ROWS_MIN: usize = 3;

/// What one size cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Value of the parameter that differs.
    pub value: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// Sizes of one form on the finding's backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    /// The parameter that differs.
    pub param: String,
    /// The recipe without it.
    pub form: Recipe,
    /// By its value, the least first.
    pub rows: Vec<Cost>,
}

/// All that is known beside the finding itself.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What other sizes cost.
    pub costs: Option<Costs>,
    /// How the same module ended on other backends.
    pub verdicts: BTreeMap<String, &'static str>,
    /// What it was shrunk from.
    pub shrunk_from: Option<Subject>,
    /// What is known of it, as a sentence.
    pub standing: Option<String>,
}

impl Evidence {
    /// What runs say of a finding.
    pub fn of<'r>(
        finding: &Finding,
        runs: impl Iterator<Item = (&'r Subject, &'r Backend, &'r Outcome)>,
    ) -> Evidence {
        let mut evidence = Evidence::default();
        let Subject::Recipe(own) = &finding.subject else { return evidence };
        let own = whole(own);
        let mut forms: BTreeMap<(String, Recipe), BTreeMap<u64, Outcome>> = BTreeMap::new();
        for (subject, backend, outcome) in runs.filter(|(_, _, outcome)| outcome.says_something()) {
            let Subject::Recipe(recipe) = subject else { continue };
            let recipe = whole(recipe);
            if *backend != finding.backend {
                if recipe == own {
                    let ending = outcome.termination.name();
                    evidence.verdicts.insert(backend.to_string(), ending);
                }
                continue;
            }
            if recipe.shape != own.shape || recipe.unit != own.unit {
                continue;
            }
            for (param, &value) in recipe.params.iter().filter(|(name, _)| *name != PAD_NAME) {
                let mut form = recipe.clone();
                form.params.remove(param);
                // It fills up to a size and costs nothing.
                form.params.remove(PAD_NAME);
                let rows = forms.entry((param.clone(), form)).or_default();
                rows.insert(value, outcome.clone());
            }
        }
        let most = forms.into_iter().max_by_key(|(_, rows)| rows.len());
        evidence.costs =
            most.filter(|(_, rows)| rows.len() >= ROWS_MIN).map(|((param, form), rows)| {
                let rows = rows.into_iter().map(|(value, outcome)| Cost { value, outcome });
                Costs { param, form, rows: spread(rows.collect()) }
            });
        evidence
    }
}

/// So many of them as are shown, the first and the last among them.
fn spread(rows: Vec<Cost>) -> Vec<Cost> {
    let last = rows.len().saturating_sub(1);
    if rows.len() <= ROWS_MAX {
        return rows;
    }
    let shown = |at: usize| rows[at * last / (ROWS_MAX - 1)].clone();
    (0..ROWS_MAX).map(shown).collect()
}
