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
            "{spinner} {pos} jobs done of {len} planned so far  {elapsed} {prefix}  {wide_msg}",
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
            let said = format!("{round}{left}: {jobs} jobs, {findings} findings  {}", self.now);
            return self.bar.set_message(said);
        }
        self.bar.set_prefix(match left {
            Some(0) => "(finishing what runs)".to_owned(),
            Some(left) => format!("(about {left}s left)"),
            None => String::new(),
        });
        let plural = if self.findings == 1 { "finding" } else { "findings" };
        self.bar.set_message(format!("{} {plural}  {}", self.findings, self.now));
    }
}

impl Reporter for Terminal {
    fn report(&mut self, event: &Event) {
        match event {
            Event::JobsStarted { line, at, planned, .. } => {
                self.bar.set_length(*planned);
                let at = at.map(|at| format!(" at {at}")).unwrap_or_default();
                self.now = clip(&format!("{line}{at}"), NOW_WIDTH);
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
