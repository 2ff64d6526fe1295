//! Which releases have a bug: asks as few of them as it can, and says since when and until when.
//!
//! A release that cannot say (it lacks a proposal, fails in another way, calls the module invalid)
//! is walked around: its neighbours are asked instead.

mod history;

pub use self::history::history;

/// What one release says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It does what it should.
    Good,
    /// It does what is being looked for.
    Bad,
    /// Neither can be said, and why.
    CannotSay(String),
}

impl Answer {
    fn says(&self) -> bool {
        matches!(self, Answer::Good | Answer::Bad)
    }
}

/// How many releases to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thoroughness {
    /// Each of them: for jobs that are quick.
    All,
    /// Only those that a search by halves needs.
    Halves,
}

/// Asks releases `0..count`, oldest first, for their answers; `ask` answers for several at once.
/// Those that were not asked stay `None`.
pub fn bisect(
    count: usize,
    thoroughness: Thoroughness,
    ask: &mut dyn FnMut(&[usize]) -> Vec<Answer>,
) -> Vec<Option<Answer>> {
    let mut search = Search { answers: vec![None; count], ask };
    match thoroughness {
        Thoroughness::All => search.ask(&(0..count).collect::<Vec<_>>()),
        Thoroughness::Halves => search.by_halves(),
    }
    search.answers
}

struct Search<'a> {
    answers: Vec<Option<Answer>>,
    ask: &'a mut dyn FnMut(&[usize]) -> Vec<Answer>,
}

impl Search<'_> {
    fn ask(&mut self, which: &[usize]) {
        for (&at, answer) in which.iter().zip((self.ask)(which)) {
            self.answers[at] = Some(answer);
        }
    }

    fn by_halves(&mut self) {
        let count = self.answers.len();
        // The ends that can say.
        let oldest = (0..count).find(|&at| self.says(at));
        let newest = (0..count).rev().find(|&at| self.says(at));
        let (Some(oldest), Some(newest)) = (oldest, newest) else { return };
        if self.answers[oldest] == self.answers[newest] {
            // Something in between may still differ: ask the middle of ever smaller pieces, once.
            let mut step = (newest - oldest) / 2;
            while step > 1 && self.known().all(|answer| *answer == Answer::Good) {
                for at in (oldest..newest).step_by(step).skip(1) {
                    self.says(at);
                }
                step /= 2;
            }
        }
        // Between two that differ lies a border.
        loop {
            let asked: Vec<usize> = (0..count).filter(|&at| self.has_said(at)).collect();
            let border = asked.windows(2).find_map(|pair| {
                let differ = self.answers[pair[0]] != self.answers[pair[1]];
                let open = (pair[0] + 1..pair[1]).filter(|&at| self.answers[at].is_none());
                let middle = usize::midpoint(pair[0], pair[1]);
                differ.then_some(open)?.min_by_key(|at| at.abs_diff(middle))
            });
            let Some(at) = border else { return };
            self.says(at);
        }
    }

    /// Asks one release; whether it can say.
    fn says(&mut self, at: usize) -> bool {
        if self.answers[at].is_none() {
            self.ask(&[at]);
        }
        self.has_said(at)
    }

    fn has_said(&self, at: usize) -> bool {
        self.answers[at].as_ref().is_some_and(Answer::says)
    }

    fn known(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().flatten().filter(|answer| answer.says())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Releases as a text: `g`ood, `b`ad, `?` cannot say. What was asked, and the sentence.
    fn run(releases: &str, thoroughness: Thoroughness) -> (usize, String) {
        let answer = |at: usize| match releases.as_bytes()[at] {
            b'g' => Answer::Good,
            b'b' => Answer::Bad,
            _ => Answer::CannotSay("lacks it".to_owned()),
        };
        let mut asked = 0;
        let answers = bisect(releases.len(), thoroughness, &mut |which| {
            asked += which.len();
            which.iter().map(|&at| answer(at)).collect()
        });
        let names: Vec<String> = (0..releases.len()).map(|at| format!("{at}.0.0")).collect();
        (asked, history(&names, &answers))
    }

    #[test]
    fn borders_are_found_with_few_questions_and_around_those_that_cannot_say() {
        let (asked, text) = run("ggggggggggggggggggggbbbbbbbbbbbb", Thoroughness::Halves);
        assert_eq!(text, "Regression since 20.0.0 (good in 19.0.0), still bad in 31.0.0.");
        assert!(asked <= 7, "{asked} questions");
        let (_, text) = run("???ggg?????bbbbbbbb", Thoroughness::Halves);
        assert_eq!(text, "Regression since 11.0.0 (good in 5.0.0), still bad in 18.0.0.");
        let (_, text) = run("bbbbgggg??", Thoroughness::Halves);
        assert_eq!(
            text,
            "Bad already in 0.0.0, the oldest that can say, fixed in 4.0.0 (bad in 3.0.0)."
        );
        let (_, text) = run("ggggggggggggbbbbbbgggggggggg", Thoroughness::Halves);
        assert_eq!(
            text,
            "Regression since 12.0.0 (good in 11.0.0), fixed in 18.0.0 (bad in 17.0.0)."
        );
    }

    #[test]
    fn asking_all_sees_every_border() {
        let (asked, text) = run("bggbgb", Thoroughness::All);
        assert_eq!(asked, 6);
        assert_eq!(
            text,
            "Bad already in 0.0.0, the oldest that can say, fixed in 1.0.0 (bad in 0.0.0), \
             regression since 3.0.0 (good in 2.0.0), fixed in 4.0.0 (bad in 3.0.0), regression \
             since 5.0.0 (good in 4.0.0), still bad in 5.0.0."
        );
    }

    #[test]
    fn without_a_border_the_sentence_says_so() {
        let text = |releases| run(releases, Thoroughness::All).1;
        assert_eq!(text("??"), "No release can say.");
        assert_eq!(text("g?g"), "Good in every release that can say, from 0.0.0 to 2.0.0.");
        assert_eq!(text("?bb"), "Bad in every release that can say, from 1.0.0 to 2.0.0.");
        let text = |releases| run(releases, Thoroughness::Halves).1;
        let sentence = "Bad in all 2 releases that were asked and can say, from 0.0.0 to 2.0.0; 1 \
                        others were not asked.";
        assert_eq!(text("bgb"), sentence);
        let sentence = "Good in all 7 releases that were asked and can say, from 0.0.0 to 10.0.0; 4 \
                        others were not asked.";
        assert_eq!(text("gggbggggggg"), sentence);
    }
}
