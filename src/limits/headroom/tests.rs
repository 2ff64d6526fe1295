//! Headroom, held against modules whose usage is counted by hand, and against damage.

use std::collections::BTreeSet;

use wasm_encoder::MemoryType;

use super::*;
use crate::limits::specimens;

fn measure(text: &str) -> Usage {
    headroom(&wat::parse_str(text).unwrap()).unwrap()
}

/// The usages of `text`, without the size of the module.
fn usages(text: &str) -> Vec<(&'static str, u64)> {
    measure(text).iter().filter(|(id, _)| *id != "module-bytes").collect()
}

fn error(text: &str) -> HeadroomError {
    headroom(&wat::parse_str(text).unwrap()).unwrap_err()
}

/// One of nearly everything, in every section.
const EVERYTHING: &str = r#"(module
    (type $wide (func (param i32 i32 i32) (result i64 i64)))
    (type $plain (func))
    (rec
        (type $a (sub (struct (field i32) (field i32))))
        (type $b (sub $a (struct (field i32) (field i32)))))
    (type $c (sub $b (struct (field i32) (field i32) (field i8))))
    (type $bytes (array (mut i8)))
    (type $k (cont $plain))
    (import "host" "wide" (func $wide (type $wide)))
    (import "h" "tag" (tag $tag (type $plain)))
    (import "h" "global" (global i32))
    (table $t 7 9 funcref)
    (table 3 funcref (ref.null func))
    (memory 2 5)
    (memory i64 1)
    (tag (type $plain))
    (global i32 (i32.add (i32.const 1) (i32.sub (i32.const 2) (i32.const 3))))
    (export "the global" (global 0))
    (export "f" (func $wide))
    (export "t" (tag $tag))
    (elem (table $t) (i32.const 0) func $wide $wide $wide $wide)
    (elem funcref (ref.func $wide))
    (data (i32.const 1) "abc")
    (data "")
    (func $work (type $wide) (local i32 i64 i64)
        (block
            (loop (type $wide) unreachable)
            (if (i32.const 0) (then (try_table (catch_all 0) (catch $tag 0))))
            unreachable)
        (br_table 0 0 0 0 (i32.const 0))
        (drop (array.new_fixed $bytes 2 (i32.const 1) (i32.const 2)))
        (resume $k (on $tag switch) (ref.null $k))
        (unreachable))
    (func (local f32))
    (@custom "a custom name" "")
)"#;

#[test]
fn an_empty_module_uses_eight_bytes() {
    let usage = headroom(b"\0asm\x01\0\0\0").unwrap();
    assert_eq!(usage.iter().collect::<Vec<_>>(), [("module-bytes", 8)]);
}

#[test]
fn every_section_is_counted() {
    let expected = [
        ("types", 7),
        ("rec-groups", 6),
        ("rec-group-types", 2),
        ("subtype-depth", 2),
        ("functions", 3),
        ("imports", 3),
        ("exports", 3),
        // Imported and exported alike: 2 + 5 for the function, 2 for the tag, 1 for the global.
        ("type-size", 20),
        ("globals", 2),
        ("tags", 2),
        ("data-segments", 2),
        ("element-segments", 2),
        ("tables", 2),
        ("table-entries", 7),
        ("segment-entries", 4),
        ("memories", 2),
        ("memory32-pages", 5),
        ("memory64-pages", 1),
        ("function-params", 3),
        ("function-results", 2),
        ("block-params", 3),
        ("block-results", 2),
        ("function-locals", 6),
        ("struct-fields", 3),
        ("array-operands", 2),
        ("br-table-entries", 3),
        ("catches", 2),
        ("handlers", 1),
        ("name-bytes", 13),
        ("nesting-depth", 3),
        ("const-expr-ops", 5),
    ];
    let mut measured = usages(EVERYTHING);
    measured.retain(|(id, _)| *id != "function-body-bytes");
    assert_eq!(measured, expected);
}

#[test]
fn a_body_counts_its_declarations_but_not_its_size_field() {
    assert_eq!(measure("(module (func))").get("function-body-bytes"), 2);
    assert_eq!(measure("(module (func (local i32) nop))").get("function-body-bytes"), 5);
}

#[test]
fn bodies_belong_to_the_functions_after_the_imported_ones() {
    let text = r#"(module (import "" "" (func (param i32 i32))) (func) (func (param i64)))"#;
    assert_eq!(measure(text).get("function-locals"), 1);
}

#[test]
fn blocks_side_by_side_are_not_nested() {
    let text = "(module (func (block) (loop (block)) (block)))";
    assert_eq!(measure(text).get("nesting-depth"), 2);
    assert_eq!(measure("(module (func nop))").get("nesting-depth"), 0);
}

#[test]
fn a_block_with_a_value_type_has_one_result() {
    let text = "(module (func (drop (block (result i32) (i32.const 0)))))";
    assert_eq!(measure(text).get("block-results"), 1);
}

#[test]
fn pages_of_one_byte_count_by_their_bytes() {
    let ty = MemoryType {
        minimum: 65_537,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: Some(0),
    };
    assert_eq!(headroom(&specimens::one_memory(ty)).unwrap().get("memory32-pages"), 2);
}

#[test]
fn an_unknown_type_is_an_error_and_says_where() {
    let error = error("(module (type (struct)) (func (type 0)))");
    assert_eq!(error.to_string(), "find function type 0 (at offset 0x15)");
    assert_eq!(error.offset(), 0x15);
}

#[test]
fn an_unknown_export_is_an_error() {
    let error = error(r#"(module (export "f" (func 3)))"#);
    assert!(error.to_string().starts_with("find function 3 (at offset"), "{error}");
}

#[test]
fn a_component_has_no_headroom() {
    assert!(matches!(error("(component)"), HeadroomError::Component));
}

#[test]
fn a_module_cut_short_is_an_error_inside_the_bytes() {
    let bytes = wat::parse_str(EVERYTHING).unwrap();
    let payloads = Parser::new(0).parse_all(&bytes).map(Result::unwrap);
    let mut boundaries: BTreeSet<usize> =
        payloads.filter_map(|payload| Some(payload.as_section()?.1.end)).collect();
    boundaries.insert(8);
    let mut errors = 0;
    for length in 0..bytes.len() {
        match headroom(&bytes[..length]) {
            Ok(_) => assert!(boundaries.contains(&length), "cut at {length} is accepted"),
            Err(error) => {
                errors += 1;
                assert!(error.offset() <= length, "cut at {length}: {error}");
            }
        }
    }
    assert!(errors + boundaries.len() >= bytes.len());
}

#[test]
fn damaged_and_random_bytes_never_panic() {
    let everything = wat::parse_str(EVERYTHING).unwrap();
    // Knuth's MMIX generator: the high bits are good enough here.
    let mut state: u64 = 42;
    let mut random = move |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut readable = 0;
    for _ in 0..20_000 {
        let mut bytes = everything.clone();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            bytes[at] = u8::try_from(random(256)).unwrap();
        }
        readable += usize::from(headroom(&bytes).is_ok());
    }
    assert!(readable > 1_000, "damage that is always noticed early tests little: {readable}");
    for _ in 0..20_000 {
        let noise = (0..random(64)).map(|_| u8::try_from(random(256)).unwrap());
        let bytes: Vec<u8> = everything[..8].iter().copied().chain(noise).collect();
        let _ = headroom(&bytes);
    }
}
