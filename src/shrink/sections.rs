//! A module as sections of items, which can be left out without understanding them.
//!
//! Nothing is validated: what is past a limit can be taken apart as well. Functions and their bodies
//! are in two sections and are kept in step.

use wasm_encoder::Encode;
use wasmparser::{FromReader, Parser, Payload, SectionLimited, WasmFeatures};

/// Ids of sections that are kept in step with others.
const FUNCTION: u8 = 3;
const CODE: u8 = 10;
const DATA: u8 = 11;
const DATA_COUNT: u8 = 12;

/// A module taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sections(Vec<Section>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    id: u8,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// A count and as many items.
    Items(Vec<Vec<u8>>),
    /// Anything else.
    Whole(Vec<u8>),
}

impl Sections {
    /// Takes a module apart; `None` where its bytes cannot be read.
    #[expect(clippy::wildcard_enum_match_arm, reason = "all other sections are kept whole")]
    pub(super) fn of(bytes: &[u8]) -> Option<Sections> {
        let mut parser = Parser::new(0);
        parser.set_features(WasmFeatures::all());
        let mut sections = Vec::new();
        for payload in parser.parse_all(bytes) {
            let payload = payload.ok()?;
            let items = match &payload {
                Payload::TypeSection(reader) => items(bytes, reader)?,
                Payload::ImportSection(reader) => items(bytes, reader)?,
                Payload::FunctionSection(reader) => items(bytes, reader)?,
                Payload::TableSection(reader) => items(bytes, reader)?,
                Payload::MemorySection(reader) => items(bytes, reader)?,
                Payload::TagSection(reader) => items(bytes, reader)?,
                Payload::GlobalSection(reader) => items(bytes, reader)?,
                Payload::ExportSection(reader) => items(bytes, reader)?,
                Payload::ElementSection(reader) => items(bytes, reader)?,
                Payload::DataSection(reader) => items(bytes, reader)?,
                Payload::CodeSectionStart { .. } => Vec::new(),
                Payload::CodeSectionEntry(body) => {
                    let body = bytes.get(body.range())?.to_vec();
                    let Some(Section { content: Content::Items(bodies), .. }) = sections.last_mut()
                    else {
                        return None;
                    };
                    bodies.push(body);
                    continue;
                }
                other => {
                    if let Some((id, range)) = other.as_section() {
                        let content = Content::Whole(bytes.get(range)?.to_vec());
                        sections.push(Section { id, content });
                    }
                    continue;
                }
            };
            let (id, _) = payload.as_section()?;
            sections.push(Section { id, content: Content::Items(items) });
        }
        Some(Sections(sections))
    }

    /// The module.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = super::EMPTY_MODULE.to_vec();
        let data = self.items_of(DATA).map(<[Vec<u8>]>::len);
        for Section { id, content } in &self.0 {
            let mut section = Vec::new();
            match content {
                Content::Whole(_) if *id == DATA_COUNT && data.is_some() => {
                    data.unwrap_or(0).encode(&mut section);
                }
                Content::Whole(whole) => section.extend_from_slice(whole),
                Content::Items(items) => {
                    items.len().encode(&mut section);
                    for item in items {
                        if *id == CODE {
                            item.len().encode(&mut section);
                        }
                        section.extend_from_slice(item);
                    }
                }
            }
            bytes.push(*id);
            section.encode(&mut bytes);
        }
        bytes
    }

    /// How many sections there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many items a section has, where it can have fewer by itself; that of bodies goes with
    /// that of functions.
    pub(super) fn items(&self, section: usize) -> Option<usize> {
        match &self.0.get(section)? {
            Section { id: CODE, .. } => None,
            Section { content: Content::Items(items), .. } => Some(items.len()),
            Section { content: Content::Whole(_), .. } => None,
        }
    }

    /// Without a section, and without bodies where it is that of functions.
    pub(super) fn without(&self, section: usize) -> Sections {
        let gone = self.0.get(section).map(|section| section.id);
        let stays = |(at, other): &(usize, &Section)| {
            *at != section && !(gone == Some(FUNCTION) && other.id == CODE)
        };
        Sections(self.0.iter().enumerate().filter(stays).map(|(_, kept)| kept.clone()).collect())
    }

    /// With only the first `count` items of a section.
    pub(super) fn cut(&self, section: usize, count: usize) -> Sections {
        let mut cut = self.clone();
        let id = self.0.get(section).map(|section| section.id);
        for (at, other) in cut.0.iter_mut().enumerate() {
            let goes_with = id == Some(FUNCTION) && other.id == CODE;
            if (at == section || goes_with)
                && let Content::Items(items) = &mut other.content
            {
                items.truncate(count);
            }
        }
        cut
    }

    /// The bodies of its functions.
    pub(super) fn bodies(&self) -> &[Vec<u8>] {
        self.items_of(CODE).unwrap_or_default()
    }

    /// With other bodies.
    pub(super) fn with_bodies(&self, bodies: Vec<Vec<u8>>) -> Sections {
        let mut changed = self.clone();
        if let Some(code) = changed.0.iter_mut().find(|section| section.id == CODE) {
            code.content = Content::Items(bodies);
        }
        changed
    }

    fn items_of(&self, id: u8) -> Option<&[Vec<u8>]> {
        self.0.iter().find(|section| section.id == id).and_then(|section| match &section.content {
            Content::Items(items) => Some(items.as_slice()),
            Content::Whole(_) => None,
        })
    }
}

/// The bytes of each item.
fn items<'a, T: FromReader<'a>>(
    bytes: &'a [u8],
    reader: &SectionLimited<'a, T>,
) -> Option<Vec<Vec<u8>>> {
    let mut starts = Vec::new();
    for item in reader.clone().into_iter_with_offsets() {
        starts.push(item.ok()?.0);
    }
    let ends = starts.iter().skip(1).copied().chain([reader.range().end]);
    starts.iter().zip(ends).map(|(&start, end)| Some(bytes.get(start..end)?.to_vec())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module() -> Vec<u8> {
        wat::parse_str(
            "(module (import \"a\" \"b\" (func)) (memory 1) (global i32 (i32.const 1))
             (func (export \"x\") call 2) (func) (func i32.const 1 drop)
             (data \"ab\") (data \"c\") (func data.drop 0))",
        )
        .unwrap()
    }

    #[test]
    fn a_module_taken_apart_and_put_together_is_the_same() {
        let sections = Sections::of(&module()).unwrap();
        assert_eq!(sections.to_bytes(), module());
        assert_eq!(Sections::of(b"\0asm\x01\0\0\0\x01\xff"), None);
        assert_eq!(Sections::of(super::super::EMPTY_MODULE).unwrap().len(), 0);
    }

    #[test]
    fn functions_and_bodies_and_data_and_their_count_stay_in_step() {
        let sections = Sections::of(&module()).unwrap();
        let at = |id: u8| sections.0.iter().position(|section| section.id == id).unwrap();
        let valid = |sections: &Sections| wasmparser::validate(&sections.to_bytes()).is_ok();
        assert_eq!(sections.items(at(FUNCTION)), Some(4));
        let fewer = sections.cut(at(FUNCTION), 3);
        assert_eq!(fewer.bodies().len(), 3);
        assert!(valid(&fewer) && valid(&sections.cut(at(DATA), 1)));
        assert!(!valid(&sections.cut(at(FUNCTION), 1)), "the first calls the second");
        assert!(!valid(&sections.without(at(FUNCTION))), "one is exported");
    }
}
