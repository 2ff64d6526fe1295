//! The rounds of a campaign: begun, gone on with after a kill, brought to their end.

use super::chronicle::Chronicle;
use super::corpus;
use super::rotation::{self, Done, ROTATION, Round, RoundPlan, Step};
use super::status::State;
use super::{Campaign, CampaignPlan};
use crate::campaign::{Event, Observer};
use crate::cli::exit::in_one_sentence;
use crate::cli::output::keep_cost_card;
use crate::cli::recorder::{Recorder, write_reports};
use crate::cli::session::{RunFile, Session};
use crate::report::Quiet;
use crate::store::is_run_file;
use anyhow::Result;
use std::time::Duration;

/// The run directory of the round, within that of the campaign.
const ROUND_FOLDER: &str = "round";

/// The round after those that came to their end.
pub(super) fn next_round(past: &[Event]) -> u64 {
    let number = |event: &Event| {
        if let Event::RoundEnded { round, .. } = event { round + 1 } else { 0 }
    };
    past.iter().map(number).max().unwrap_or(0)
}

impl Campaign<'_> {
    /// The round that a kill cut short. Rounds that had nothing to do may lie between it and `first`,
    /// the one after those that came to their end.
    pub(super) fn round_under_way(
        &self,
        first: u64,
    ) -> Option<(Session<RoundPlan>, &'static dyn Step)> {
        let folder = self.output.join(ROUND_FOLDER);
        if !is_run_file(&folder) {
            return None;
        }
        match Session::<RoundPlan>::resume(&folder) {
            Ok(session) => {
                let step = ROTATION.iter().find(|step| step.name() == session.file.plan.step)?;
                // An older one has come to its end; an older version may have had other steps.
                (session.file.plan.round >= first).then_some((session, *step))
            }
            Err(error) => {
                self.recorder.observe(Event::Warned {
                    message: format!(
                        "round {first} begins anew: failed to {}",
                        in_one_sentence(&error)
                    ),
                });
                None
            }
        }
    }

    /// Begins the round of that number; none where it has nothing to do.
    pub(super) fn begin_round(
        &self,
        number: u64,
        left: Option<Duration>,
    ) -> Result<Option<(Session<RoundPlan>, &'static dyn Step)>> {
        let step = ROTATION[usize::try_from(number).unwrap_or(0) % ROTATION.len()];
        let Some(recipes) = step.recipes(&self.corpus, &self.recorder)? else { return Ok(None) };
        let CampaignPlan { campaign_seed, shard, round_s } = self.file.plan;
        let time = Duration::from_secs(round_s).min(left.unwrap_or(Duration::MAX));
        let plan = RoundPlan {
            round: number,
            step: step.name().to_owned(),
            round_seed: rotation::seed(campaign_seed, number),
            shard,
            recipes,
        };
        let time = Some(step.share(time));
        let file = RunFile::new(plan, self.file.backends.clone(), self.file.budget, time);
        let session = Session::create(&self.output.join(ROUND_FOLDER), file)?;
        Ok(Some((session, step)))
    }

    /// Runs a round.
    pub(super) fn round(
        &self,
        session: Session<RoundPlan>,
        step: &dyn Step,
        open: Vec<Event>,
    ) -> Result<Done> {
        let time = session.time_left();
        let Session { directory, file, past, spent } = session;
        let folder = directory.path().to_owned();
        let of_round = Recorder::new(Some(directory), Box::new(Quiet), self.stop)
            .keeping(Event::is_of_round)
            .after(spent);
        for event in &past {
            of_round.remember(event);
            self.recorder.remember(event);
        }
        open.iter().for_each(|event| of_round.remember(event));
        let RoundPlan { round, step: name, .. } = &file.plan;
        self.keeper.begin(*round, name);
        let time_s = time.map(|time| time.as_secs());
        let (round, name) = (*round, name.clone());
        self.recorder.observe(Event::RoundStarted { round, step: name.clone(), time_s });
        let chronicle = Chronicle::new(self, of_round);
        chronicle.tell(State::Running)?;
        let ended = step.run(&Round {
            file: &file,
            time,
            past,
            corpus: &self.corpus,
            found: self.recorder.findings(),
            pool: &self.pool,
            observer: &chronicle,
            stop: self.stop,
        });
        let tally = chronicle.finish()?;
        let done = ended?;
        if !done.complete {
            return Ok(done);
        }
        // What is kept comes before the end of the round, which a kill in between makes come again:
        // what is kept twice is kept once.
        let found = tally.findings.iter().filter_map(corpus::recipe_of);
        self.corpus.add(done.worth.iter().chain(found))?;
        write_reports(self.output, &folder, &tally)?;
        keep_cost_card(&self.recorder.cost_card(), self.output)?;
        self.recorder.observe(Event::RoundEnded {
            round,
            step: name,
            jobs: tally.jobs,
            cases: tally.violations.iter().map(|(it, (cases, _))| (it.clone(), *cases)).collect(),
            recipes: file.plan.recipes.iter().map(|recipe| recipe.id().to_string()).collect(),
        });
        self.corpus.was_swept(&file.plan);
        Ok(done)
    }
}
