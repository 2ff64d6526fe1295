//! A module without a recipe, taken apart by its structure.
//!
//! First the large pieces, without understanding them: whole sections, the last items of each, the
//! bodies of functions. That takes few questions, and works past a limit too. What is left, where it
//! is valid and small enough, is given to `wasm-shrink`, which knows how to change a module and keep
//! it valid.

use super::body::{Body, STUB};
use super::guard::{guarded, unguarded};
use super::search::{Halt, Search};
use super::sections::Sections;
use super::{Candidate, EMPTY_MODULE};
use std::cmp::Reverse;
use wasm_shrink::WasmShrink;

/// The factor of the first look at how many items are needed.
const STRIDE: usize = 8;

/// So many of the largest bodies are cut short.
const BODIES_MAX: usize = 16;

/// Modules up to this many bytes are given to `wasm-shrink`, which takes a module apart anew for
/// each change.
const FINE_BYTES_MAX: usize = 256 * 1024;

/// It gives up after so many changes in a row that came to nothing.
const FINE_ATTEMPTS: u32 = 300;

/// Makes the best module smaller.
pub(super) fn reduce(search: &mut Search<'_>) -> Result<(), Halt> {
    while coarse(search)? {}
    fine(search)
}

fn bytes(search: &Search<'_>) -> Vec<u8> {
    match search.best() {
        Candidate::Module(bytes) => bytes.clone(),
        Candidate::Recipe(_) => unreachable!("modules shrink to modules"),
    }
}

fn holds(search: &mut Search<'_>, sections: &Sections) -> Result<bool, Halt> {
    let bytes = sections.to_bytes();
    let smaller = match search.best() {
        Candidate::Module(best) => bytes.len() < best.len(),
        Candidate::Recipe(_) => false,
    };
    Ok(smaller && search.holds(Candidate::Module(bytes))?)
}

/// One round over the large pieces; whether it brought anything.
fn coarse(search: &mut Search<'_>) -> Result<bool, Halt> {
    let before = bytes(search).len();
    let Some(mut sections) = Sections::of(&bytes(search)) else { return Ok(false) };
    let mut at = sections.len();
    while at > 0 {
        at -= 1;
        let less = sections.without(at);
        if holds(search, &less)? {
            at = at.min(less.len());
            sections = less;
        }
    }
    for at in (0..sections.len()).rev() {
        let Some(count) = sections.items(at) else { continue };
        let cut = |count: usize| sections.cut(at, count);
        let least = least(search, count, &cut)?;
        sections = sections.cut(at, least);
    }
    let sections = stub(search, sections)?;
    shorten(search, sections)?;
    Ok(bytes(search).len() < before)
}

/// The least count that holds, where `count` does.
fn least(
    search: &mut Search<'_>,
    count: usize,
    cut: &dyn Fn(usize) -> Sections,
) -> Result<usize, Halt> {
    let (mut failed, mut held, mut guess) = (None, count, 0);
    while guess < held {
        if holds(search, &cut(guess))? {
            held = guess;
            break;
        }
        failed = Some(guess);
        guess = (guess * STRIDE).max(guess + 1);
    }
    let Some(mut failed) = failed else { return Ok(held) };
    while held - failed > 1 {
        let middle = failed + (held - failed) / 2;
        if holds(search, &cut(middle))? {
            held = middle;
        } else {
            failed = middle;
        }
    }
    Ok(held)
}

/// Empties bodies: many at once, then fewer.
fn stub(search: &mut Search<'_>, mut sections: Sections) -> Result<Sections, Halt> {
    let mut length = sections.bodies().len();
    while length > 0 {
        let mut start = 0;
        while start < sections.bodies().len() {
            let end = (start + length).min(sections.bodies().len());
            let mut bodies = sections.bodies().to_vec();
            bodies[start..end].iter_mut().for_each(|body| *body = STUB.to_vec());
            let less = sections.with_bodies(bodies);
            if less != sections && holds(search, &less)? {
                sections = less;
            }
            start = end;
        }
        length /= 2;
    }
    Ok(sections)
}

/// Cuts the largest bodies short.
fn shorten(search: &mut Search<'_>, mut sections: Sections) -> Result<(), Halt> {
    let mut order: Vec<usize> = (0..sections.bodies().len()).collect();
    order.sort_by_key(|&at| Reverse(sections.bodies()[at].len()));
    for at in order.into_iter().take(BODIES_MAX) {
        let bytes = sections.bodies()[at].clone();
        let Some(body) = Body::of(&bytes) else { continue };
        let cut = |count: usize| {
            let mut bodies = sections.bodies().to_vec();
            bodies[at] = body.cut(count);
            sections.with_bodies(bodies)
        };
        let least = least(search, body.len(), &cut)?;
        if least < body.len() {
            sections = cut(least);
        }
    }
    Ok(())
}

/// Gives what is left to `wasm-shrink`. What it cannot do with the module is not told: what it did
/// is kept.
fn fine(search: &mut Search<'_>) -> Result<(), Halt> {
    let bytes = bytes(search);
    if bytes.len() > FINE_BYTES_MAX {
        return Ok(());
    }
    let mut halt = None;
    let mut interesting = |candidate: &[u8]| -> anyhow::Result<bool> {
        // Both are known already.
        if candidate == EMPTY_MODULE || candidate == bytes {
            return Ok(candidate == bytes);
        }
        let answer = unguarded(|| ask(search, candidate));
        answer.map_err(|reason| {
            halt = Some(reason);
            anyhow::anyhow!("the shrink has ended")
        })
    };
    let shrink = WasmShrink::default().attempts(FINE_ATTEMPTS);
    // An error or a panic of its own ends this part and no more.
    let _ = guarded(|| shrink.run(bytes.clone(), &mut interesting));
    halt.map_or(Ok(()), Err)
}

/// It may want to go on from a larger module; only a smaller one is the best.
fn ask(search: &mut Search<'_>, candidate: &[u8]) -> Result<bool, Halt> {
    let best = search.best().clone();
    let Candidate::Module(smallest) = &best else { return Ok(false) };
    if candidate.len() < smallest.len() {
        return search.holds(Candidate::Module(candidate.to_vec()));
    }
    search.shows(&Candidate::Module(candidate.to_vec()))
}
