//! What the answers of releases come to, in a sentence.

use super::Answer;
use std::fmt::Write;

/// One sentence: since when and until when the releases of these names are bad.
pub fn history(names: &[String], answers: &[Option<Answer>]) -> String {
    let said: Vec<(&String, bool)> = names
        .iter()
        .zip(answers)
        .filter_map(|(name, answer)| match answer {
            Some(Answer::Good) => Some((name, true)),
            Some(Answer::Bad) => Some((name, false)),
            Some(Answer::CannotSay(_)) | None => None,
        })
        .collect();
    let Some(((oldest, first_good), rest)) = said.split_first() else {
        return "No release can say.".to_owned();
    };
    if rest.iter().all(|(_, good)| good == first_good) {
        let newest = said.last().map_or(*oldest, |(name, _)| *name);
        let what = if *first_good { "Good" } else { "Bad" };
        return match answers.iter().filter(|answer| answer.is_none()).count() {
            0 => format!("{what} in every release that can say, from {oldest} to {newest}."),
            left => format!(
                "{what} in all {} releases that were asked and can say, from {oldest} to {newest}; \
                 {left} others were not asked.",
                said.len()
            ),
        };
    }
    // A fix comes to the next line of releases, and later to those before it: what is told since when
    // is told of the first of each line.
    let line = |name: &str| name.split_once('.').map_or(name, |(line, _)| line).to_owned();
    let mut main = vec![said[0]];
    let mut within = Vec::new();
    for pair in said.windows(2) {
        if line(pair[0].0) != line(pair[1].0) {
            main.push(pair[1]);
        } else if pair[0].1 != pair[1].1 {
            within.push(border(pair[0], pair[1]));
        }
    }
    let mut borders = Vec::new();
    if !first_good {
        borders.push(format!("bad already in {oldest}, the oldest that can say"));
    }
    let differ = main.windows(2).filter(|pair| pair[0].1 != pair[1].1);
    borders.extend(differ.map(|pair| border(pair[0], pair[1])));
    match main.last() {
        Some((newest, false)) => borders.push(format!("still bad in {newest}")),
        _ if borders.is_empty() => borders.push("good in the first of each line".to_owned()),
        _ => (),
    }
    let mut text = borders.join(", ");
    text[..1].make_ascii_uppercase();
    if !within.is_empty() {
        let _ = write!(text, "; within a line, {}", within.join(", "));
    }
    text + "."
}

/// What changed from one release to a later one.
fn border((last, _): (&String, bool), (first, is_good): (&String, bool)) -> String {
    match is_good {
        true => format!("fixed in {first} (bad in {last})"),
        false => format!("regression since {first} (good in {last})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixes_that_came_to_older_lines_are_no_regressions_of_the_next() {
        let text = |releases: &[(&str, bool)]| {
            let names: Vec<String> = releases.iter().map(|(name, _)| (*name).to_owned()).collect();
            let answer = |good: &bool| Some(if *good { Answer::Good } else { Answer::Bad });
            let answers: Vec<_> = releases.iter().map(|(_, good)| answer(good)).collect();
            history(&names, &answers)
        };
        let fixed = [
            ("34.0.0", true),
            ("35.0.0", false),
            ("36.0.0", false),
            ("36.0.5-all", true),
            ("37.0.0", false),
            ("40.0.0", false),
            ("40.0.2", true),
            ("41.0.0", true),
        ];
        assert_eq!(
            text(&fixed),
            "Regression since 35.0.0 (good in 34.0.0), fixed in 41.0.0 (bad in 40.0.0); within a \
             line, fixed in 36.0.5-all (bad in 36.0.0), fixed in 40.0.2 (bad in 40.0.0)."
        );
        let once = [("36.0.0", true), ("36.0.1", false), ("37.0.0", true)];
        assert_eq!(
            text(&once),
            "Good in the first of each line; within a line, regression since 36.0.1 (good in 36.0.0)."
        );
    }
}
