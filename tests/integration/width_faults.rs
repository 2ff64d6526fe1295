//! Faults planted in machine code that is right: each must be told for what it is.

use object::{Object, ObjectSection};
use wasm_brink::ops::{Immediate, Operator, Sink, Source, Step, Unit, operators};
use wasm_brink::outcome::{MachineCheck, MismatchKind};
use wasm_brink::shapes;
use wasm_brink::width::check;
use wasmtime::{Collector, OptLevel};

/// A module, and its artifact for x86-64.
struct Compiled {
    module: Vec<u8>,
    artifact: Vec<u8>,
}

impl Compiled {
    fn new(body: &str) -> Compiled {
        Compiled::by(wasmtime::Config::new(), body)
    }

    fn by(mut config: wasmtime::Config, body: &str) -> Compiled {
        let text = format!("(module (memory 1) (global $g (mut i32) (i32.const 0)) {body})");
        let module = wat::parse_str(text).unwrap();
        config.target("x86_64-unknown-linux-gnu").unwrap();
        let engine = wasmtime::Engine::new(&config).unwrap();
        let artifact = engine.precompile_module(&module).unwrap();
        let compiled = Compiled { module, artifact };
        for complete in [false, true] {
            let clean = compiled.check(complete);
            assert_eq!((clean.failure, clean.mismatches, clean.unsure), (None, vec![], vec![]));
        }
        compiled
    }

    fn check(&self, complete: bool) -> MachineCheck {
        check(&self.module, &self.artifact, complete)
    }

    /// Where a section lies in the artifact.
    fn section(&self, name: &str) -> std::ops::Range<usize> {
        let file = object::File::parse(&self.artifact[..]).unwrap();
        let (from, length) = file.section_by_name(name).unwrap().file_range().unwrap();
        usize::try_from(from).unwrap()..usize::try_from(from + length).unwrap()
    }

    /// Replaces the only place of the code with these bytes.
    fn patch(mut self, old: &[u8], new: &[u8]) -> Compiled {
        let text = self.section(".text");
        let code = &mut self.artifact[text];
        let places: Vec<usize> =
            (0..code.len()).filter(|&at| code[at..].starts_with(old)).collect();
        assert_eq!(places.len(), 1, "{old:x?} is at {places:?}");
        code[places[0]..places[0] + new.len()].copy_from_slice(new);
        self
    }

    /// No access says any more that it may trap where memory is out of bounds.
    fn without_marks(mut self) -> Compiled {
        // The code that all traps of the block have, unless they say otherwise.
        let usual = self.section(".wasmtime.traps").start + 16;
        assert_eq!(self.artifact[usual], 1, "memory out of bounds");
        self.artifact[usual] = 2;
        self
    }

    /// The kinds of what is wrong, with the widths, whether or not every access is needed.
    fn wrong(&self) -> Vec<(MismatchKind, u32, u32)> {
        let kinds = |checked: MachineCheck| {
            assert_eq!(checked.failure, None);
            let found = checked.mismatches.iter();
            found.map(|m| (m.kind, m.expected_bytes, m.actual_bytes)).collect::<Vec<_>>()
        };
        let (alone, complete) = (kinds(self.check(false)), kinds(self.check(true)));
        assert_eq!(alone, complete);
        alone
    }
}

const LOAD8: &str = "(func (param i32) (global.set $g (i32.load8_u (local.get 0))))";

/// `movzx r32, byte` and `movzx r32, word`.
const MOVZX8: [u8; 2] = [0x0f, 0xb6];
const MOVZX16: [u8; 2] = [0x0f, 0xb7];

#[test]
fn a_wider_access_is_wider_and_a_narrower_one_narrower() {
    let wide = Compiled::new(LOAD8).patch(&MOVZX8, &MOVZX16);
    assert_eq!(wide.wrong(), [(MismatchKind::Wider, 1, 2)]);
    let narrow = Compiled::new("(func (param i32) (global.set $g (i32.load16_u (local.get 0))))");
    assert_eq!(narrow.patch(&MOVZX16, &MOVZX8).wrong(), [(MismatchKind::Narrower, 2, 1)]);
}

#[test]
fn a_sunk_load_that_is_wider_is_told_with_its_consumer() {
    let body = "(global $f (mut f32) (f32.const 0)) (func (param i32 f32)
        (global.set $f (f32.add (local.get 1) (f32.load (local.get 0)))))";
    // `addss` becomes `addps`.
    let sunk = Compiled::new(body);
    let text = sunk.section(".text");
    let code = &sunk.artifact[text];
    let at = code.windows(2).position(|bytes| bytes == [0x0f, 0x58]).unwrap();
    let start = if code[at - 1] == 0xf3 { at - 1 } else { at - 2 };
    assert_eq!(code[start], 0xf3, "the load was sunk into `addss`");
    let old = code[start..at + 4].to_vec();
    assert_ne!(old[old.len() - 2] & 0xc0, 0xc0, "an operand in memory: {old:x?}");
    // A prefix that does nothing here in place of the one that makes it a scalar.
    let mut new = old.clone();
    new[0] = 0x3e;
    let checked = sunk.patch(&old, &new).check(false);
    assert_eq!(checked.mismatch_count, 1, "{checked:?}");
    let mismatch = &checked.mismatches[0];
    assert_eq!(
        (mismatch.kind, mismatch.expected_bytes, mismatch.actual_bytes),
        (MismatchKind::Wider, 4, 16)
    );
    assert_eq!(
        (mismatch.operator.as_str(), &mismatch.accesses[..]),
        ("f32.add", &["f32.load".to_owned()][..])
    );
}

#[test]
fn an_access_that_is_not_there_is_missing_or_the_mark_stands_on_nothing() {
    // `movzx eax, byte [..]` becomes `movzx eax, al`, padded: a mark on what accesses nothing.
    let load = Compiled::new(LOAD8);
    let text = load.section(".text");
    let code = &load.artifact[text];
    let at = code.windows(2).position(|bytes| bytes == MOVZX8).unwrap();
    let old = code[at..at + 4].to_vec();
    let gone = load.patch(&old, &[0x0f, 0xb6, 0xc0, 0x90]).check(false);
    let failure = gone.failure.unwrap();
    assert!(failure.contains("does not access any"), "{failure}");
}

#[test]
fn an_access_without_a_mark_is_unmarked() {
    let load = Compiled::new(LOAD8).without_marks();
    let checked = load.check(false);
    assert_eq!(checked.mismatches.len(), 1, "{checked:?}");
    assert_eq!(checked.mismatches[0].kind, MismatchKind::Unmarked);
    let kinds: Vec<MismatchKind> =
        load.check(true).mismatches.iter().map(|mismatch| mismatch.kind).collect();
    assert_eq!(kinds, [MismatchKind::Unmarked, MismatchKind::Missing]);
}

/// Without guards an address is added up, held to the bound, and then a pointer like any other.
#[test]
fn an_access_behind_a_sum_without_a_mark_is_unmarked() {
    let mut config = wasmtime::Config::new();
    config.memory_reservation(0).memory_reservation_for_growth(0).memory_guard_size(0);
    let body = "(func (param i32) (global.set $g (i32.load (local.get 0))))";
    let checked = Compiled::by(config, body).without_marks().check(false);
    assert_eq!(checked.mismatches.len(), 1, "{checked:?}");
    let mismatch = &checked.mismatches[0];
    assert_eq!(mismatch.kind, MismatchKind::Unmarked);
    assert!(!mismatch.instruction.contains('+'), "it has an index: {}", mismatch.instruction);
}

/// What lies in a heap is read by loads like any other, which are sunk into their consumers.
const READS_OF_A_HEAP: &str = "
    (type $s (struct (field (mut i64)) (field (mut i32)) (field (mut f64))))
    (type $a (array (mut i64)))
    (global $l (mut i64) (i64.const 0))
    (global $f (mut f64) (f64.const 0))
    (func (param (ref null $s) i64)
        (global.set $l (i64.add (local.get 1) (struct.get $s 0 (local.get 0)))))
    (func (param (ref null $s) f64)
        (global.set $f (f64.add (local.get 1) (struct.get $s 2 (local.get 0)))))
    (func (param (ref null $a) i64 i32)
        (global.set $l (i64.xor (local.get 1) (array.get $a (local.get 0) (local.get 2)))))
    (func (param (ref null $s) i32) (result i32) (i32.add (local.get 1)
        (i32.eqz (i32.add (i32.const 3) (struct.get $s 1 (local.get 0))))))";

#[test]
fn what_is_read_from_a_heap_is_no_access_to_memory() {
    for collector in
        [Collector::Auto, Collector::Copying, Collector::DeferredReferenceCounting, Collector::Null]
    {
        for (optimised, signals) in [(true, true), (false, true), (true, false)] {
            let mut config = wasmtime::Config::new();
            config.wasm_gc(true).collector(collector).signals_based_traps(signals);
            config.cranelift_opt_level(if optimised { OptLevel::Speed } else { OptLevel::None });
            // It looks for anything wrong itself.
            Compiled::by(config, READS_OF_A_HEAP);
        }
    }
}

#[test]
fn a_bit_picked_by_a_register_is_told() {
    // `movzx eax, byte [..]` becomes `bt dword [..], eax`.
    let checked = Compiled::new(LOAD8).patch(&MOVZX8, &[0x0f, 0xa3]).check(false);
    let kinds: Vec<MismatchKind> =
        checked.mismatches.iter().map(|mismatch| mismatch.kind).collect();
    assert_eq!(kinds, [MismatchKind::BitIndex, MismatchKind::Wider]);
}

#[test]
fn a_store_that_modifies_is_held_to_the_width_of_the_load() {
    let body = "(func (param i32 i32) (i32.store (local.get 0)
        (i32.add (i32.load (local.get 0)) (local.get 1))))";
    // `add dword [..], r32` becomes `add byte [..], r8`, and `i32.load` is read in part.
    let modify = Compiled::new(body);
    let text = modify.section(".text");
    let code = &modify.artifact[text];
    let at = code.windows(2).position(|bytes| bytes[0] == 0x01 && bytes[1] & 0xc7 == 0x04).unwrap();
    let old = code[at..at + 3].to_vec();
    let mut new = old.clone();
    new[0] = 0x00;
    let checked = modify.patch(&old, &new).check(false);
    assert!(checked.mismatch_count > 0, "{checked:?}");
    assert_eq!(checked.mismatches[0].kind, MismatchKind::Narrower);
}

#[test]
fn sections_of_every_number_of_traps_are_read() {
    // The newer layout can be as long as the older one would be.
    for functions in 1..40 {
        for pad in [0, 40] {
            let nops = "nop ".repeat(pad);
            let one = format!(
                "(func (param i32) (result i32) {nops} (i32.load (local.get 0)))
                 (func (param i32) (result i32) (i32.rem_u (i32.const 7) (local.get 0)))"
            );
            let compiled = Compiled::new(&one.repeat(functions));
            assert_eq!(compiled.check(false).accesses, functions as u64);
        }
    }
}

#[test]
fn a_bit_picked_behind_a_pointer_without_a_mark_is_told() {
    let constant = "(func (global.set $g (i32.load8_u (i32.const 8))))";
    let test = Compiled::new(constant).patch(&MOVZX8, &[0x0f, 0xa3]).without_marks();
    let kinds: Vec<MismatchKind> =
        test.check(false).mismatches.iter().map(|mismatch| mismatch.kind).collect();
    assert_eq!(kinds, [MismatchKind::Unmarked]);
}

/// Each operator on numbers and memory with a global as each of its operands.
fn fed_by_globals() -> Vec<Unit> {
    let is_part = |immediate: &Immediate| {
        matches!(
            immediate,
            Immediate::Lane(_) | Immediate::Shuffle | Immediate::Value(_) | Immediate::MemArg
        )
    };
    let on_numbers = |op: &&Operator| {
        op.params.iter().chain(op.results).all(|ty| ty.is_number())
            && op.immediates.iter().all(is_part)
    };
    let of_operator = |op: &'static Operator| {
        let sink = if op.results.is_empty() { Sink::Drop } else { Sink::Store };
        (0..op.params.len()).filter_map(move |global| {
            let source = |at| if at == global { Source::Global } else { Source::Local };
            let operands = (0..op.params.len()).map(source).collect();
            Unit::new(vec![Step { op, operands }], sink).ok()
        })
    };
    operators().filter(on_numbers).flat_map(of_operator).collect()
}

#[test]
fn what_reads_a_global_needs_no_mark() {
    let units = fed_by_globals();
    assert!(units.len() > 500, "{} units", units.len());
    let plain = shapes::default_recipe(shapes::shape("accesses").unwrap());
    let mut config = wasmtime::Config::new();
    config.target("x86_64-unknown-linux-gnu").unwrap();
    config.wasm_wide_arithmetic(true);
    let engine = wasmtime::Engine::new(&config).unwrap();
    for unit in units {
        let module = shapes::build(&plain.clone().with_unit(unit.clone())).unwrap();
        let module = module.bytes.to_vec();
        let artifact = engine.precompile_module(&module).unwrap();
        let checked = check(&module, &artifact, false);
        assert_eq!((checked.failure, checked.unsure), (None, vec![]), "{unit}");
        assert_eq!(checked.mismatches, [], "{unit}");
    }
}
