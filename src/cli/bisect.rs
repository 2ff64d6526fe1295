//! `brink bisect`.

mod select;

use self::select::{backend, releases};
use super::Exit;
use super::exit::{in_one_sentence, remark, say};
use super::input::InputOpts;
use super::options::{RunOpts, cache, check_oracle, stop_flag, this_exe};
use super::recorder::{FINDING_FILE, FindingFile};
use super::verdicts::describe;
use crate::campaign::{
    Answer, Asked, Inquiry, Question, Release, Thoroughness, WidthEvidence, history,
};
use crate::engines::EngineId;
use crate::job::Budget;
use crate::outcome::Outcome;
use crate::provision::{self, module_hash};
use crate::store::write_file;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What the finding's folder keeps of a bisection.
const HISTORY_FILE: &str = "history.md";

#[derive(Args, Debug)]
pub(super) struct Opts {
    #[command(flatten)]
    input: InputOpts,
    /// What counts as bad: an oracle's name [default: that of the finding, else anything wrong]
    #[arg(long, value_name = "ORACLE")]
    oracle: Option<String>,
    /// Ask every release, also where each takes long
    #[arg(long)]
    all: bool,
    /// Then look between the two releases of each border, at the patch releases, which are
    /// built for it with cargo: some ten minutes each
    #[arg(long)]
    patch: bool,
    #[command(flatten)]
    run: RunOpts,
    /// Print each release as a line of JSON, and the sentence last
    #[arg(long)]
    json: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    let (case, finding) = opts.input.read()?.into_case(opts.input.first())?;
    ensure!(
        case.expectation.is_some() || finding.is_some(),
        "bisect {}: it is not a valid module",
        opts.input.name()
    );
    let oracle = opts.oracle.clone().or_else(|| finding.as_ref().map(|f| f.oracle.clone()));
    check_oracle(oracle.as_deref())?;
    let budget =
        finding.as_ref().map(|file| Budget::new(file.time_limit_s, file.memory_limit_bytes));
    let question = Question {
        module: module_hash(&case.module.source(), case.accesses_count)
            .context("read the module")?,
        case,
        budget: opts.run.budget(budget),
        oracle,
        backend: backend(opts, finding.as_deref())?,
        exe: this_exe()?,
        cache: cache()?,
    };
    let releases = releases(opts, &question)?;
    let stop = stop_flag()?;
    let mut inquiry = Inquiry::new(&question, releases.clone(), opts.run.pool(&[])?, &stop);
    let thoroughness = opts.all.then_some(Thoroughness::All);
    let mut none = |_: &Release| Err("it is not there".to_owned());
    let answers =
        inquiry.search(thoroughness, &mut none, &mut |asked| show(opts, &question, &asked))?;
    let mut sentence = history(&names(&releases), &answers);
    if opts.patch && !stop.load(Relaxed) {
        for (low, high) in borders(&releases, &answers) {
            // What is known already is worth telling.
            match search_patches(opts, &question, &low, &high, &stop) {
                Ok(patches) => drop(write!(sentence, " Of the patch releases: {patches}")),
                Err(error) => {
                    let reason = in_one_sentence(&error);
                    remark(&format!("brink: failed to go on between patch releases: {reason}"));
                }
            }
        }
    }
    if stop.load(Relaxed) {
        sentence.insert_str(0, "Interrupted: ");
    }
    if opts.json {
        say(&format!("{}\n", serde_json::json!({ "history": sentence })));
    } else {
        say(&format!("{sentence}\n"));
    }
    if stop.load(Relaxed) {
        return Ok(Exit::Interrupted);
    }
    if finding.is_some() {
        keep(Path::new(opts.input.first()), &question, &inquiry.asked(), &sentence)?;
    }
    let bad = answers.iter().flatten().any(|answer| *answer == Answer::Bad);
    Ok(if bad { Exit::Found } else { Exit::Nothing })
}

fn version_of(release: &Release) -> &str {
    release.engine.as_ref().map_or(&release.version, |engine| &engine.version)
}

/// Looks between two neighbouring releases that differ; builds what it asks.
fn search_patches(
    opts: &Opts,
    question: &Question,
    low: &Release,
    high: &Release,
    stop: &AtomicBool,
) -> Result<String> {
    let versions = provision::between(version_of(low), version_of(high))?;
    let mut releases = vec![low.clone()];
    for version in versions {
        let id: EngineId = format!("{version}-all").parse()?;
        let engine =
            if question.cache.has(&id) { Some(question.cache.find(id.as_str())?) } else { None };
        releases.push(Release { version, engine });
    }
    releases.push(high.clone());
    let pool = opts.run.pool(&[])?;
    let mut inquiry = Inquiry::new(question, releases.clone(), pool, stop);
    let mut obtain = |release: &Release| {
        let version = release.version.parse().map_err(|error| format!("read it: {error}"))?;
        let id: EngineId = format!("{version}-all").parse().map_err(|e| format!("name it: {e}"))?;
        remark(&format!("building {version}"));
        let against = provision::Against::Version(version);
        let profile = provision::Profile::default();
        let built =
            provision::build(&question.cache, &question.exe, id, &against, profile, &mut |_| {});
        built.map_err(|error| error.to_string())
    };
    let halves = Some(Thoroughness::Halves);
    let answers = inquiry.search(halves, &mut obtain, &mut |asked| show(opts, question, &asked))?;
    Ok(history(&names(&releases), &answers))
}

fn names(releases: &[Release]) -> Vec<String> {
    releases.iter().map(|release| release.version.clone()).collect()
}

/// The releases on both sides of each border.
fn borders(releases: &[Release], answers: &[Option<Answer>]) -> Vec<(Release, Release)> {
    let says = |at: &usize| matches!(answers[*at], Some(Answer::Good | Answer::Bad));
    let said: Vec<usize> = (0..answers.len()).filter(says).collect();
    let differ = said.windows(2).filter(|pair| answers[pair[0]] != answers[pair[1]]);
    differ.map(|pair| (releases[pair[0]].clone(), releases[pair[1]].clone())).collect()
}

fn show(opts: &Opts, question: &Question, asked: &Asked<'_>) {
    let (word, detail) = word_and_detail(question, asked);
    let Asked { version, .. } = asked;
    if opts.json {
        let line = serde_json::json!({ "release": version, "answer": word, "why": detail });
        say(&format!("{line}\n"));
    } else {
        say(&format!("{version:<10} {word:<11} {detail}\n"));
    }
}

fn word_and_detail(question: &Question, asked: &Asked<'_>) -> (&'static str, String) {
    let first = asked.outcomes.first();
    let described = first.map(describe).unwrap_or_default();
    match &asked.answer {
        Answer::Good => ("good", described),
        Answer::Bad => {
            ("bad", first.and_then(|first| wrong_access(question, first)).unwrap_or(described))
        }
        Answer::CannotSay(reason) => ("cannot say", reason.lines().next().unwrap_or("").to_owned()),
    }
}

/// What is wrong with an access, of a module that was accepted all the same, where that is what makes
/// a release bad.
fn wrong_access(question: &Question, outcome: &Outcome) -> Option<String> {
    let asked = question.oracle.as_deref().map_or(vec!["width", "edge"], |oracle| vec![oracle]);
    let seen = asked.into_iter().flat_map(|oracle| WidthEvidence::seen_by(oracle, outcome));
    seen.map(|evidence| evidence.to_string()).next()
}

/// Keeps the result with the finding.
fn keep(folder: &Path, question: &Question, asked: &[Asked<'_>], sentence: &str) -> Result<()> {
    let mut text = format!("# History on {}\n\n{sentence}\n\n", question.backend);
    text.push_str("| release | answer | what it did |\n|---|---|---|\n");
    for asked in asked {
        let (word, detail) = word_and_detail(question, asked);
        let _ = writeln!(text, "| {} | {word} | {} |", asked.version, detail.replace('|', "\\|"));
    }
    write_file(&folder.join(HISTORY_FILE), &mut |file| file.write_all(text.as_bytes()))?;
    let name = folder.join(FINDING_FILE);
    let file =
        std::fs::read_to_string(&name).with_context(|| format!("read {}", name.display()))?;
    let mut file: FindingFile =
        toml::from_str(&file).with_context(|| format!("understand {}", name.display()))?;
    file.history = Some(sentence.to_owned());
    let file = toml::to_string(&file)?;
    write_file(&name, &mut |place| place.write_all(file.as_bytes()))?;
    remark(&format!("It is kept in {}.", folder.join(HISTORY_FILE).display()));
    Ok(())
}
