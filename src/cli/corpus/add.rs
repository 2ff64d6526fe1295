//! `brink corpus add`.

use crate::campaign::Finding;
use crate::cli::Exit;
use crate::cli::exit::{remark, say};
use crate::cli::input::InputOpts;
use crate::cli::known::KnownOpts;
use crate::cli::options::{RunOpts, cache, installed, parse_time};
use crate::cli::shrink;
use crate::corpus::{
    Corpus, CorpusError, Entry, Expect, FILE_BYTES_MAX, New, PASS, Specimen, slug,
};
use crate::engines::{Backend, EngineId};
use crate::shrink::Candidate;
use crate::store::write_file;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use semver::VersionReq;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Args, Debug)]
pub(in crate::cli) struct Opts {
    #[command(flatten)]
    input: InputOpts,
    /// Where the case goes
    #[arg(long, value_name = "DIR", default_value = "corpus/regressions")]
    directory: PathBuf,
    /// Its name [default: made of its shape and of what goes wrong]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where it was published: advisory, issue, number
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// It is security-sensitive, and has been published
    #[arg(long, requires = "source")]
    published: bool,
    /// Add it although a case seems to be about the same
    #[arg(long)]
    even_if_known: bool,
    /// Add it as it is, without shrinking it first
    #[arg(long)]
    as_is: bool,
    /// The oracle whose violation is kept [default: that of the finding, else the first one seen]
    #[arg(long, value_name = "ORACLE")]
    oracle: Option<String>,
    /// Time for shrinking, such as 90s or 10m
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "5m")]
    time: Duration,
    #[command(flatten)]
    run: RunOpts,
    #[command(flatten)]
    known: KnownOpts,
    /// Print nothing but errors
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(opts: &Opts) -> Result<Exit> {
    if let Some(name) = &opts.name {
        ensure!(
            *name == slug(&[name]),
            "name a case {name:?}: a name has small letters, digits and dashes; {:?} would do",
            slug(&[name])
        );
        refuse_folder(&opts.directory.join(name))?;
    }
    ensure!(
        opts.directory.is_dir(),
        "add a case to {}: there is no such folder; make it, or name another with --directory",
        opts.directory.display()
    );
    let place = tempfile::tempdir().context("make a folder for what is tried")?;
    let shrinking = shrink::Opts {
        input: opts.input.clone(),
        oracle: opts.oracle.clone(),
        growth: Vec::new(),
        time: opts.time,
        // The input is tried, and nothing else.
        cases: if opts.as_is { 1 } else { 10_000 },
        run: opts.run.clone(),
        known: opts.known.clone(),
        output: Some(place.path().join("smallest")),
        quiet: opts.quiet,
    };
    let Some((smallest, found)) = shrink::smallest(&shrinking)? else {
        return Ok(Exit::Interrupted);
    };
    let new = case(opts, smallest, &found)?;
    let corpus = Corpus::read(std::slice::from_ref(&opts.directory));
    // An empty directory is where a corpus begins.
    let faults = corpus.faults.iter().filter(|fault| !matches!(fault, CorpusError::Empty(_)));
    for fault in faults {
        remark(&format!("brink: failed to {fault}; whether it is about the same is not known"));
    }
    refuse_duplicate(&corpus.entries, &new, &found, opts.even_if_known)?;
    let folder = opts.directory.join(name(opts, &new, &found));
    write(&new, &folder)?;
    if !opts.quiet {
        say(&format!("{}\n", folder.display()));
        remark(&format!(
            "Read its expect.toml and complete it; `brink regress {}`",
            folder.display()
        ));
    }
    Ok(Exit::Nothing)
}

/// The case of a finding. It is expected of the engine that showed it, and of no newer one.
fn case(opts: &Opts, smallest: Candidate, found: &Finding) -> Result<New> {
    ensure!(
        !found.is_sensitive() || opts.published,
        "add it: it is security-sensitive, and a corpus is read by others; once it is published, \
         say where with --source, and --published"
    );
    let (seen, runs) = found.seen;
    ensure!(seen == runs, "add it: it was seen in {seen} of {runs} runs only");
    let engine = installed(&cache()?, found.backend.engine())?;
    ensure!(
        engine.is_release(),
        "add it: it was seen on {}, and a case says what releases do; show it with `--engine {}`",
        engine.id,
        engine.version
    );
    let release = |range: &str| -> Result<VersionReq> {
        VersionReq::parse(&format!("{range}{}", engine.version))
            .with_context(|| format!("name {}, which is no release", engine.version))
    };
    let expect = |range: &str, verdict: &str, key: Vec<String>| -> Result<Expect> {
        let (releases, backends, also) = (vec![release(range)?], Vec::new(), Vec::new());
        Ok(Expect { releases, backends, verdict: verdict.to_owned(), key, also })
    };
    let key =
        if found.is_sensitive() { &found.violation.key } else { &found.signature.to_string() };
    let backend: Backend = found.backend.clone().on(&EngineId::builtin());
    Ok(New {
        specimen: match smallest {
            Candidate::Recipe(recipe) => Specimen::Recipe(recipe),
            Candidate::Module(bytes) => Specimen::Module(bytes),
        },
        title: found.violation.summary.lines().next().unwrap_or_default().to_owned(),
        source: opts.source.clone().unwrap_or_else(|| "found by brink, not reported".to_owned()),
        backend,
        budget: found.budget,
        scaled: found.growth.as_ref().map(|growth| growth.scaled.clone()).unwrap_or_default(),
        expect: vec![
            expect("=", &found.violation.oracle, vec![key.clone()])?,
            expect(">", PASS, Vec::new())?,
        ],
    })
}

fn refuse_duplicate(
    entries: &[Entry],
    new: &New,
    found: &Finding,
    even_if_known: bool,
) -> Result<()> {
    let engine = installed(&cache()?, found.backend.engine())?;
    let version = engine.version.parse().ok();
    for entry in entries {
        if entry.specimen == new.specimen {
            bail!("add it: {} is the very same", entry.folder.display());
        }
        if !even_if_known
            && entry.expectations.knows(&found.violation, &found.signature, version.as_ref())
        {
            bail!(
                "add it: {} is about the same, `{}`, and a second case would say nothing more; if \
                 it is another bug, add --even-if-known",
                entry.folder.display(),
                found.signature
            );
        }
    }
    Ok(())
}

fn name(opts: &Opts, new: &New, found: &Finding) -> String {
    let family = match &new.specimen {
        Specimen::Recipe(recipe) => recipe.shape.as_str(),
        Specimen::Module(_) => "module",
    };
    let signature = found.signature.to_string();
    let key = if found.is_sensitive() { &found.violation.key } else { &signature };
    opts.name.clone().unwrap_or_else(|| slug(&[family, &found.violation.oracle, key]))
}

fn refuse_folder(folder: &Path) -> Result<()> {
    ensure!(
        !folder.exists(),
        "make {}: it is there already; choose another name with --name",
        folder.display()
    );
    Ok(())
}

/// Writes the folder, whole or not at all.
fn write(new: &New, folder: &Path) -> Result<()> {
    refuse_folder(folder)?;
    let files = new.files(folder).context("add it")?;
    if let Some((name, bytes)) = files.iter().find(|(_, bytes)| bytes.len() > FILE_BYTES_MAX) {
        bail!(
            "add it: its {name} has {} bytes, and nothing over {FILE_BYTES_MAX} is kept; give it \
             more --time to shrink, or find a recipe that makes it",
            bytes.len()
        );
    }
    let doing = || format!("make {}", folder.display());
    let parent = folder.parent().unwrap_or(Path::new("."));
    let unfinished = tempfile::Builder::new().prefix(".new-").tempdir_in(parent);
    let unfinished = unfinished.with_context(doing)?;
    for (name, bytes) in files {
        write_file(&unfinished.path().join(name), &mut |file| file.write_all(&bytes))?;
    }
    // As any other folder, others may read it.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(unfinished.path(), mode).with_context(doing)?;
    fs::rename(unfinished.path(), folder).with_context(doing)?;
    // It has moved: there is nothing left to remove.
    let _ = unfinished.keep();
    Ok(())
}
