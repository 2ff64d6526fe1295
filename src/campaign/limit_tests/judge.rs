//! What an outcome says of a limit test.

use super::{Aspect, LimitTable, LimitTest};
use crate::campaign::{Case, Judged};
use crate::engines::{Backend, Strategy};
use crate::oracles::Inconclusive;
use crate::outcome::{
    EngineVerdict, Outcome, Phase, Refusal, RefusalKind, Termination, Validation,
};
use crate::promises::End;

/// What came of one test on one backend.
#[derive(Clone, Debug)]
pub enum LimitVerdict {
    /// What the test says.
    Passed(String),
    /// It was not run to its end, with a clean error, which is as good: why.
    CleanError(String),
    /// Otherwise, as is known and meant.
    Deviates(&'static str),
    /// Otherwise.
    Failed(LimitFailure),
    /// It cannot be told, and why: the machine failed, or runs differ.
    Unclear(String),
    /// The backend cannot be asked.
    NotApplicable(String),
}

impl LimitVerdict {
    /// How it fails, where it does.
    pub fn failure(&self) -> Option<&LimitFailure> {
        match self {
            LimitVerdict::Failed(failure) => Some(failure),
            LimitVerdict::Passed(_)
            | LimitVerdict::CleanError(_)
            | LimitVerdict::Deviates(_)
            | LimitVerdict::Unclear(_)
            | LimitVerdict::NotApplicable(_) => None,
        }
    }
}

/// How a test fails.
#[derive(Clone, Debug)]
pub struct LimitFailure {
    /// In words that anybody may read.
    pub words: String,
    /// What the oracles say in every run, where they have something to say.
    pub judged: Option<Judged>,
    /// Whether what it looks like is not to be told.
    pub is_sensitive: bool,
}

impl LimitFailure {
    fn of(judged: &Judged) -> LimitVerdict {
        LimitVerdict::Failed(LimitFailure {
            words: judged.told(),
            judged: Some(judged.clone()),
            is_sensitive: judged.is_sensitive(),
        })
    }

    fn in_words(words: impl Into<String>) -> LimitVerdict {
        LimitVerdict::Failed(LimitFailure {
            words: words.into(),
            judged: None,
            is_sensitive: false,
        })
    }
}

/// What an outcome says of a test, of which the oracles say `judged`; `table` has what the engine
/// deviates in by design.
pub(super) fn judge(
    test: &LimitTest,
    (backend, table): (&Backend, Option<&LimitTable>),
    case: &Case,
    outcome: &Outcome,
    (judged, inconclusive): (&[Judged], &[Inconclusive]),
) -> LimitVerdict {
    let violation = || judged.first().map(LimitFailure::of);
    let (accepts, words) = match answer(test.aspect, backend, case, outcome) {
        Answer::Accepts(words) => (true, words),
        Answer::Refuses(words) => (false, words),
        Answer::Lacks(reason) => return LimitVerdict::NotApplicable(reason),
        // The oracles say it better, where they have something to say.
        Answer::Fails(words) => {
            return violation().unwrap_or_else(|| LimitFailure::in_words(words));
        }
        // Not every end that no engine came to by itself is the engine's fault.
        Answer::Ends(words) => {
            let unclear = inconclusive.first().map_or(words, ToString::to_string);
            return violation().unwrap_or(LimitVerdict::Unclear(unclear));
        }
    };
    if test.aspect == Aspect::Run {
        // Any clean error will do, but not one of the compiler, which had to take it.
        return match violation() {
            Some(failed) => failed,
            None if accepts => LimitVerdict::Passed(words),
            None => LimitVerdict::CleanError(words),
        };
    }
    match table.and_then(|table| table.deviation(test)) {
        None if accepts == test.accept => LimitVerdict::Passed(words),
        Some(deviation) if accepts == deviation.accepts => LimitVerdict::Deviates(deviation.reason),
        Some(_) => LimitFailure::in_words("it is known to deviate here, and does not"),
        // Only these are about whether a module is taken.
        None => {
            let said =
                judged.iter().find(|it| ["refusal", "laxness"].contains(&&*it.violation.oracle));
            said.map(LimitFailure::of).unwrap_or_else(|| {
                LimitFailure::in_words(if accepts {
                    "it is accepted".to_owned()
                } else {
                    format!("it is refused: {words}")
                })
            })
        }
    }
}

/// What an engine makes of a module, in one aspect.
enum Answer {
    Accepts(String),
    Refuses(String),
    /// It cannot be asked.
    Lacks(String),
    /// Neither: it did wrong.
    Fails(String),
    /// It did not come to an end by itself.
    Ends(String),
}

fn answer(aspect: Aspect, backend: &Backend, case: &Case, outcome: &Outcome) -> Answer {
    let accepted = || Answer::Accepts("accepted".to_owned());
    if aspect == Aspect::Validate {
        match &outcome.validation {
            Validation::Valid => return accepted(),
            Validation::Invalid(message) => return Answer::Refuses(first_line(message)),
            // It shares the run of the compilation, or did not get that far.
            Validation::NotRun => {}
        }
    }
    let termination = &outcome.termination;
    if let Termination::Infrastructure { message } = termination {
        return Answer::Ends(message.clone());
    }
    let Termination::Completed { verdict } = termination else {
        // What came to grief when it was run had been compiled.
        return if !aspect.runs() && outcome.phase > Phase::Compile {
            accepted()
        } else {
            Answer::Ends(format!("{} in phase {}", termination.name(), outcome.phase))
        };
    };
    match verdict {
        EngineVerdict::Refused { refusal } => refused(aspect, backend, case, refusal),
        EngineVerdict::NotApplicable { reason } => Answer::Lacks(reason.clone()),
        EngineVerdict::Accepted { .. } if aspect.runs() => ran(aspect, case, outcome),
        EngineVerdict::Accepted { .. } => accepted(),
    }
}

/// What a refusal of the compiler says.
fn refused(aspect: Aspect, backend: &Backend, case: &Case, refusal: &Refusal) -> Answer {
    let winch = backend.target().strategy == Strategy::Winch;
    let lacks = winch || backend.lacks(&case.proposals).is_some();
    let words = first_line(&refusal.message);
    match refusal.kind {
        RefusalKind::Unsupported if lacks => Answer::Lacks(words),
        RefusalKind::Internal => Answer::Fails(format!("it fails with an internal error: {words}")),
        _ if aspect == Aspect::Run => Answer::Fails(format!("its compiler refuses it: {words}")),
        RefusalKind::Invalid | RefusalKind::Unsupported | RefusalKind::ImplementationLimit => {
            Answer::Refuses(words)
        }
    }
}

/// Why a module was compiled and not run.
const NOT_RUN: &str = "its code is not run: by this engine, on so small a stack, or within the address \
                       space of this session (see ulimit -v)";

/// What came of running it.
fn ran(aspect: Aspect, case: &Case, outcome: &Outcome) -> Answer {
    let (Some(check), Some(asked)) = (&outcome.execution, &case.execution) else {
        return Answer::Lacks(NOT_RUN.to_owned());
    };
    if !check.wrong.is_empty() {
        // In which way, only the oracle says, to those who may know.
        return Answer::Fails("it does otherwise than its construction says".to_owned());
    }
    if let Some(refusal) = &check.refusal {
        return Answer::Refuses(first_line(refusal));
    }
    let ended = asked.promises.iter().zip(&check.ends);
    let ended = ended.filter_map(|(promise, end)| {
        let end = promise.ends.get(usize::try_from((*end)?).ok()?)?;
        Some((promise.export.as_str(), end))
    });
    let ended: Vec<(&str, &End)> = ended.collect();
    if aspect == Aspect::Grow {
        let fails = End::Returns(vec![-1]);
        return match ended.iter().find(|(export, _)| *export == "grow") {
            Some((_, end)) if **end == fails => Answer::Refuses("it does not grow".to_owned()),
            Some(_) => Answer::Accepts("it grows".to_owned()),
            None => Answer::Fails("it was not asked to grow".to_owned()),
        };
    }
    let words = ended.iter().map(|(export, end)| match end {
        End::Returns(_) => format!("{export} is right"),
        End::StackOverflow | End::OutOfBounds | End::Throws | End::HeapExhausted => {
            format!("{export} {end}")
        }
    });
    Answer::Accepts(words.collect::<Vec<_>>().join(", "))
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Court, limit_table, limit_tests};
    use crate::engines::Installed;
    use crate::job::Budget;
    use crate::oracles::Severity;
    use crate::outcome::{Artifact, Clock, ExecutionCheck, WrongCall, WrongKind};

    /// The verdict of the test of that name on an outcome.
    fn judged(name: &str, backend: &str, outcome: &Outcome) -> LimitVerdict {
        let test = limit_tests().into_iter().find(|test| test.name == name).expect(name);
        let case = Case::of_recipe(&test.recipe).unwrap();
        let (backend, budget) = (backend.parse().unwrap(), Budget::new(300, 8 << 30));
        let (judged, inconclusive) = Court::judge(&case, &backend, &budget, outcome, None);
        let table = limit_table(&Installed::builtin());
        judge(&test, (&backend, table), &case, outcome, (&judged, &inconclusive))
    }

    fn ended(phase: Phase, termination: Termination) -> Outcome {
        Outcome { phase, termination, ..Outcome::infrastructure(1, String::new()) }
    }

    fn accepted() -> Outcome {
        let hash = String::new();
        let artifact = Artifact { bytes: 1, code_bytes: 1, hash, repeat_hash: None };
        let verdict = EngineVerdict::Accepted { artifact };
        let outcome = ended(Phase::Done, Termination::Completed { verdict });
        Outcome { validation: Validation::Valid, ..outcome }
    }

    /// Any test whose module is run.
    fn name_of_a_run() -> String {
        let runs = |test: &LimitTest| test.aspect == Aspect::Run && test.recipe.shape == "frames";
        limit_tests().into_iter().find(runs).unwrap().name
    }

    #[test]
    fn a_refusal_is_held_against_its_kind() {
        let of = |name: &str, backend: &str, kind| {
            let refusal = Refusal { phase: Phase::Compile, kind, message: "no".to_owned() };
            let verdict = EngineVerdict::Refused { refusal };
            let outcome = ended(Phase::Done, Termination::Completed { verdict });
            judged(name, backend, &outcome)
        };
        let failed = |verdict: LimitVerdict| matches!(verdict, LimitVerdict::Failed(_));
        let lacks = |verdict: LimitVerdict| matches!(verdict, LimitVerdict::NotApplicable(_));
        // To be refused, and an internal error is none of the ways.
        let over = "Compile function params over limit";
        assert!(failed(of(over, "x86_64", RefusalKind::Internal)));
        assert!(!failed(of(over, "x86_64", RefusalKind::Invalid)));
        let run = &name_of_a_run();
        assert!(failed(of(run, "x86_64", RefusalKind::ImplementationLimit)));
        assert!(failed(of(run, "x86_64", RefusalKind::Unsupported)));
        assert!(lacks(of(run, "winch-x86_64", RefusalKind::Unsupported)));
        let refusal = Some("no memory".to_owned());
        let check = ExecutionCheck { refusal, ..ExecutionCheck::default() };
        let verdict = judged(run, "x86_64", &Outcome { execution: Some(check), ..accepted() });
        assert!(matches!(verdict, LimitVerdict::CleanError(words) if words == "no memory"));
    }

    #[test]
    fn what_is_not_the_engines_fault_is_unclear() {
        let clock = Clock::Wall;
        for termination in [
            Termination::Infrastructure { message: "no memory".to_owned() },
            Termination::Ambiguous,
            Termination::TimedOut { clock },
        ] {
            let name = "Compile function params limit";
            let verdict = judged(name, "x86_64", &ended(Phase::Compile, termination));
            assert!(matches!(verdict, LimitVerdict::Unclear(_)), "{verdict:?}");
        }
    }

    #[test]
    fn what_was_done_before_a_crash_stays_done() {
        let of = |phase, aspect: &str| {
            let frames = Vec::new();
            let outcome = ended(phase, Termination::Signaled { signal: 11, frames });
            let outcome = Outcome { validation: Validation::Valid, ..outcome };
            let name = format!("{aspect} table entries limit");
            matches!(judged(&name, "x86_64", &outcome), LimitVerdict::Passed(_))
        };
        let all = ["Validate", "Compile", "Instantiate"];
        assert_eq!(all.map(|aspect| of(Phase::Compile, aspect)), [true, false, false]);
        assert_eq!(all.map(|aspect| of(Phase::Execute, aspect)), [true, true, false]);
    }

    #[test]
    fn what_is_sensitive_is_not_told() {
        let name = name_of_a_run();
        let wrong = WrongCall {
            export: "the-secret".to_owned(),
            kind: WrongKind::OtherValues,
            promised: "returns 1".to_owned(),
            came: "returns the-secret".to_owned(),
        };
        let check = ExecutionCheck { wrong: vec![wrong], ends: vec![None], refusal: None };
        let wrong = Outcome { execution: Some(check), ..accepted() };
        let frames = vec!["the-secret".to_owned()];
        let fault = ended(Phase::Execute, Termination::Signaled { signal: 11, frames });
        for outcome in [wrong, fault] {
            let verdict = judged(&name, "x86_64", &outcome);
            let LimitVerdict::Failed(LimitFailure { words, judged, .. }) = verdict else {
                panic!("{verdict:?}")
            };
            assert!(judged.is_some_and(|judged| judged.violation.severity == Severity::Security));
            assert!(words.contains("sensitive") && !words.contains("the-secret"), "{words}");
        }
    }
}
