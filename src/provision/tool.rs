//! Programs of others that an engine is obtained with.

use super::ProvisionError;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, Output, Stdio};

/// Longest piece of a program's words that an error repeats, in bytes.
const WORDS_BYTES_MAX: usize = 400;

/// How much of a program's words is kept to look for the reason in, in bytes.
const SAID_BYTES_MAX: usize = 64 << 10;

/// Runs a program to its end; its output is what it said.
///
/// `doing` says what for. A program that is not there is an error that names it.
pub(super) fn run(command: &mut Command, doing: &str) -> Result<Output, ProvisionError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let error = |reason| ProvisionError::Tool { doing: doing.to_owned(), reason };
    let output = command.output().map_err(|source| {
        error(if source.kind() == io::ErrorKind::NotFound {
            format!("the program {program} is needed and is not installed")
        } else {
            format!("start {program}: {source}")
        })
    })?;
    if output.status.success() {
        return Ok(output);
    }
    Err(error(format!("{program} failed ({}): {}", output.status, last_words(&output.stderr))))
}

/// Runs a program to its end and hands over the lines of its standard error as they come.
pub(super) fn run_with_progress(
    command: &mut Command,
    doing: &str,
    progress: &mut dyn FnMut(&str),
) -> Result<(), ProvisionError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let error = |reason| ProvisionError::Tool { doing: doing.to_owned(), reason };
    let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|source| {
        error(if source.kind() == io::ErrorKind::NotFound {
            format!("the program {program} is needed and is not installed")
        } else {
            format!("start {program}: {source}")
        })
    })?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            progress(&String::from_utf8_lossy(&line));
            said.extend_from_slice(&line);
            said.push(b'\n');
            let surplus = said.len().saturating_sub(SAID_BYTES_MAX);
            said.drain(..surplus);
        }
    }
    let status = child.wait().map_err(|source| error(format!("wait for {program}: {source}")))?;
    if status.success() {
        return Ok(());
    }
    Err(error(format!("{program} failed ({status}): {}", last_words(&said))))
}

/// What a program said last that looks like the reason.
fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_error = |line: &&str| line.to_ascii_lowercase().starts_with("error");
    let words = lines().rfind(is_error).or_else(|| lines().next_back());
    words.unwrap_or("it gave no reason").chars().take(WORDS_BYTES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_or_fails_is_told_in_one_sentence() {
        let message = |command: &mut Command| run(command, "do it").unwrap_err().to_string();
        let text = message(&mut Command::new("no-such-program"));
        assert_eq!(text, "do it: the program no-such-program is needed and is not installed");
        let script = "echo 'ERROR: no wheel' >&2; echo 'note: x' >&2; exit 3";
        let text = message(Command::new("sh").args(["-c", script]));
        assert!(text.contains("ERROR: no wheel") && text.contains("exit status: 3"), "{text}");
        assert!(!text.contains('\n'));
    }
}
