//! What a person sees while a run goes on: a bar on a terminal, plain lines elsewhere. Both go to
//! standard error; standard output is for results.

use super::Reporter;
use super::format::clip;
use super::speech::remark;
use crate::campaign::{Event, Finding};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Plain lines say where the run stands this often.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Longest name of what runs now.
const NOW_WIDTH: usize = 48;

/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// Columns before the message of a bar: spinner, jobs done and planned, the time so far, what is left.
const COUNTS_WIDTH: usize = 44;

/// `said` with as much of `now` as fits into so many columns.
fn with_room(said: &str, now: &str, columns: usize) -> String {
    // The spinner and a space stand before it.
    let room = columns.saturating_sub(said.chars().count() + 2).min(NOW_WIDTH);
    format!("{said}{}", if room > 1 { clip(now, room) } else { String::new() })
}

fn line_of(finding: &Finding) -> String {
    format!(
        "finding: {} on {}: {}",
        clip(&finding.subject.to_string(), 100),
        finding.backend,
        clip(&finding.violation.summary, 200)
    )
}

/// A progress bar.
#[derive(Debug)]
pub struct Terminal {
    bar: ProgressBar,
    time: Option<Duration>,
    started: Instant,
    findings: u64,
    now: String,
    /// The round of a campaign, which then has the place of the count of planned jobs.
    round: Option<String>,
}

impl Terminal {
    /// A bar for a run that takes at most `time`, where that is known.
    pub fn new(time: Option<Duration>) -> Terminal {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
        let style = ProgressStyle::with_template(
            "{spinner} {pos} of {len} jobs  {elapsed}{prefix}  {wide_msg}",
        );
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Terminal {
            bar,
            time,
            started: Instant::now(),
            findings: 0,
            now: String::new(),
            round: None,
        }
    }

    fn draw(&self) {
        let left = self.time.map(|time| time.saturating_sub(self.started.elapsed()).as_secs());
        if let Some(round) = &self.round {
            let left = left.map(|left| format!(", {left}s left")).unwrap_or_default();
            let (jobs, findings) = (self.bar.position(), self.findings);
            let said = format!("{round}{left}: {jobs} jobs, {findings} findings  ");
            return self.bar.set_message(self.with_now(&said, 0));
        }
        self.bar.set_prefix(match left {
            Some(0) => ", finishing".to_owned(),
            Some(left) => format!(", {left}s left"),
            None => String::new(),
        });
        let plural = if self.findings == 1 { "finding" } else { "findings" };
        let said = format!("{} {plural}  ", self.findings);
        self.bar.set_message(self.with_now(&said, COUNTS_WIDTH));
    }

    /// What is said, and what runs now as far as there is room for it behind `before` columns; the
    /// bar would cut it in the middle of a word, and nobody could tell that it was cut.
    fn with_now(&self, said: &str, before: usize) -> String {
        let size = rustix::termios::tcgetwinsize(std::io::stderr()).ok();
        let columns = size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
        with_room(said, &self.now, columns.unwrap_or(COLUMNS).saturating_sub(before))
    }
}

impl Reporter for Terminal {
    fn report(&mut self, event: &Event) {
        match event {
            Event::JobsStarted { line, at, planned, .. } => {
                self.bar.set_length(*planned);
                let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
                self.now = format!("{line}{at}");
                self.draw();
            }
            Event::JobEnded { .. } => {
                self.bar.inc(1);
                self.draw();
            }
            Event::Found { finding } => {
                self.findings += 1;
                self.bar.suspend(|| remark(&line_of(finding)));
            }
            Event::RoundStarted { round, step, time_s } => {
                if self.round.is_none()
                    && let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}")
                {
                    self.bar.set_style(style);
                }
                self.round = Some(format!("round {round}: {step}"));
                self.time = time_s.map(Duration::from_secs);
                self.started = Instant::now();
                self.draw();
            }
            Event::Differed { difference } => {
                let said = difference.to_string();
                self.bar.suspend(|| remark(&format!("warning: {}", clip(&said, 400))));
            }
            Event::Warned { message } => {
                self.bar.suspend(|| remark(&format!("warning: {}", clip(message, 400))));
            }
            Event::RunStarted { .. }
            | Event::Skipped { .. }
            | Event::Shared { .. }
            | Event::RoundEnded { .. }
            | Event::RunEnded { .. } => {}
        }
    }

    fn remember(&mut self, event: &Event) {
        self.findings += u64::from(matches!(event, Event::Found { .. }));
    }

    fn finish(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Lines without any terminal control.
#[derive(Debug)]
pub struct Plain {
    said: Instant,
    done: u64,
    /// Jobs planned so far; rounds of a campaign count theirs anew, so that nothing is said of it.
    planned: Option<u64>,
    in_rounds: bool,
    findings: u64,
}

impl Default for Plain {
    fn default() -> Plain {
        Plain { said: Instant::now(), done: 0, planned: None, in_rounds: false, findings: 0 }
    }
}

impl Reporter for Plain {
    fn report(&mut self, event: &Event) {
        match event {
            Event::JobsStarted { planned, .. } => {
                self.planned = Some(*planned).filter(|_| !self.in_rounds);
            }
            Event::JobEnded { line, .. } => {
                self.done += 1;
                if self.said.elapsed() >= PLAIN_EVERY {
                    self.said = Instant::now();
                    let planned = self.planned.map(|it| format!(" of {it} planned so far"));
                    remark(&format!(
                        "{} jobs done{}, findings: {}, now {}",
                        self.done,
                        planned.unwrap_or_default(),
                        self.findings,
                        clip(line, NOW_WIDTH)
                    ));
                }
            }
            Event::Found { finding } => {
                self.findings += 1;
                remark(&line_of(finding));
            }
            Event::RoundStarted { round, step, time_s } => {
                self.in_rounds = true;
                let time = time_s.map(|time_s| format!(" for {time_s} s")).unwrap_or_default();
                remark(&format!("round {round}: {step}{time}"));
            }
            Event::RoundEnded { round, jobs, .. } => {
                remark(&format!(
                    "round {round} ended: {jobs} jobs, findings so far: {}",
                    self.findings
                ));
            }
            Event::Differed { difference } => {
                remark(&format!("warning: {}", clip(&difference.to_string(), 400)));
            }
            Event::Warned { message } => remark(&format!("warning: {}", clip(message, 400))),
            Event::RunStarted { .. }
            | Event::Skipped { .. }
            | Event::Shared { .. }
            | Event::RunEnded { .. } => {}
        }
    }

    fn remember(&mut self, event: &Event) {
        self.findings += u64::from(matches!(event, Event::Found { .. }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_now_is_cut_where_it_can_be_seen_to_be_cut() {
        let now = "chain functions=12345 at 0.05%";
        let said = with_room("0 findings  ", now, COLUMNS - COUNTS_WIDTH);
        assert_eq!(said, "0 findings  chain functions=12345…");
        assert!(said.chars().count() + 2 <= COLUMNS - COUNTS_WIDTH);
        assert_eq!(with_room("0 findings  ", now, 200), format!("0 findings  {now}"));
        assert_eq!(with_room("0 findings  ", now, 13), "0 findings  ");
    }
}
