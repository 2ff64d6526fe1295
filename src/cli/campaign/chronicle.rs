//! Sends what happens in a round where it belongs: findings to the campaign, jobs to the round.

use super::Campaign;
use super::status::{Keeper, State};
use crate::campaign::{Event, Observer};
use crate::cli::recorder::Recorder;
use crate::report::Tally;
use crate::store::StoreError;
use anyhow::Result;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, PoisonError};

/// The observer of a round.
pub(super) struct Chronicle<'a> {
    campaign: &'a Campaign<'a>,
    of_round: Recorder<'a>,
    /// Why the status could not be written: a directory that has vanished takes what is appended
    /// to its files with it, and nothing else would tell.
    failure: Mutex<Option<StoreError>>,
}

impl<'a> Chronicle<'a> {
    pub(super) fn new(campaign: &'a Campaign<'a>, of_round: Recorder<'a>) -> Chronicle<'a> {
        Chronicle { campaign, of_round, failure: Mutex::default() }
    }

    /// Writes the status.
    pub(super) fn tell(&self, state: State) -> Result<(), StoreError> {
        let Campaign { keeper, recorder, corpus, .. } = self.campaign;
        keeper.write(state, &recorder.figures(), corpus.len())
    }

    /// Ends the round's log and hands over its count.
    pub(super) fn finish(self) -> Result<Tally, StoreError> {
        let tally = self.of_round.finish()?;
        let failure = self.failure.into_inner().unwrap_or_else(PoisonError::into_inner);
        failure.map_or(Ok(tally), Err)
    }
}

impl Observer for Chronicle<'_> {
    fn observe(&self, event: Event) {
        if let Event::Found { finding } = &event
            && self.campaign.recorder.has_found(&finding.signature)
        {
            return;
        }
        if let Event::Differed { difference } = &event
            && self.campaign.recorder.has_differed(&difference.case, &difference.backend)
        {
            return;
        }
        // A finding is in the log of the campaign before anything else is told of it.
        self.campaign.recorder.observe(event.clone());
        self.of_round.observe(event);
        let keeper: &Keeper = &self.campaign.keeper;
        if keeper.is_due()
            && let Err(error) = self.tell(State::Running)
        {
            self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            self.campaign.stop.store(true, Relaxed);
        }
    }
}
