//! What `run.json` says of a run, so that it can be gone on with as it was started.

use crate::campaign::{Event, Machine};
use crate::cli::recorder::machine;
use crate::engines::{Backend, ENGINE};
use crate::job::Budget;
use crate::store::read_run_file;
use anyhow::{Context, Result, bail, ensure};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// What a command adds to the description of its runs.
pub(in crate::cli) trait Plan: Serialize + DeserializeOwned {
    /// The command.
    const COMMAND: &'static str;

    /// The seed.
    fn seed(&self) -> u64;
}

/// What a run is: kept in `run.json`, so that it can be gone on with as it was started.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct RunFile<P> {
    #[serde(default)]
    command: String,
    brink: String,
    engine: String,
    arguments: Vec<String>,
    machine: Machine,
    pub(in crate::cli) backends: Vec<Backend>,
    pub(in crate::cli) budget: Budget,
    pub(in crate::cli) time_s: Option<u64>,
    #[serde(flatten)]
    pub(in crate::cli) plan: P,
}

impl<P: Plan> RunFile<P> {
    /// A run of this command line, on this machine.
    pub(in crate::cli) fn new(
        plan: P,
        backends: Vec<Backend>,
        budget: Budget,
        time: Option<Duration>,
    ) -> RunFile<P> {
        RunFile {
            command: P::COMMAND.to_owned(),
            brink: env!("CARGO_PKG_VERSION").to_owned(),
            engine: ENGINE.to_owned(),
            arguments: std::env::args().skip(1).collect(),
            machine: machine(),
            backends,
            budget,
            time_s: time.map(|time| time.as_secs()),
            plan,
        }
    }

    /// That the run begins or goes on.
    pub(in crate::cli) fn started(&self) -> Event {
        Event::RunStarted {
            brink: self.brink.clone(),
            engine: self.engine.clone(),
            arguments: std::env::args().skip(1).collect(),
            seed: self.plan.seed(),
            machine: self.machine.clone(),
            backends: self.backends.clone(),
        }
    }
}

/// What `run.json` in a directory says of a run of this command.
pub(super) fn read<P: Plan>(output: &Path) -> Result<RunFile<P>> {
    let text = read_run_file(output)?;
    let place = output.display();
    if let Some(command) = command_of(&text)
        && command != P::COMMAND
    {
        bail!("go on with {place}: {}", how_to_go_on(&command, output));
    }
    let file: RunFile<P> = serde_json::from_str(&text).with_context(|| {
        format!("understand run.json in {place} as that of `brink {}`", P::COMMAND)
    })?;
    ensure!(
        file.engine == ENGINE,
        "go on with the {} in {place}: it was made with {}, and this is {ENGINE}",
        P::COMMAND,
        file.engine
    );
    Ok(file)
}

/// The command whose run a `run.json` describes. Earlier versions told it by the arguments alone.
pub(in crate::cli) fn command_of(run_file: &str) -> Option<String> {
    let file = serde_json::from_str::<serde_json::Value>(run_file).ok()?;
    let named = file.get("command").or_else(|| file.get("arguments")?.get(0))?;
    named.as_str().map(str::to_owned)
}

/// How a run of another command is gone on with.
fn how_to_go_on(command: &str, output: &Path) -> String {
    let output = output.display();
    match command {
        "sweep" | "hunt" | "limits" => {
            format!("`brink {command} --resume --output {output}` goes on with it")
        }
        "campaign" => {
            format!("it is a campaign; `brink campaign --output {output}` goes on with it")
        }
        other => format!("it is what `brink {other}` made, and cannot be gone on with"),
    }
}
