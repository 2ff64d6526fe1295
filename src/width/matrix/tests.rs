//! What the matrix must hold, however it is put together.

use super::*;
use crate::ops::Sink;

#[test]
fn every_unit_of_depth_one_has_its_place() {
    let planned: usize = units_of(Depth::One).map(|units| units.len()).sum();
    let (mut placed, mut functions) = (0, 0);
    for batch in batches(Depth::One, None) {
        for Point { units } in &batch.points {
            assert!((1..=POINT_UNITS).contains(&units.len()), "{} units", units.len());
            placed += units.len();
        }
        functions += batch.points.len();
    }
    assert_eq!(placed, planned);
    assert!(functions < planned / 20, "{functions} functions for {planned} units");
}

#[test]
fn at_every_address_each_unit_has_every_form_there_is() {
    let only = Some("f64.copysign");
    let mut forms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for batch in batches(Depth::One, only).at_every_address() {
        for (unit, addressing) in batch.points.iter().flat_map(|point| &point.units) {
            let form = format!("{addressing:?} {:?}", batch.memory);
            assert!(forms.entry(unit.to_string()).or_default().insert(form), "{unit} twice");
        }
    }
    let in_turns: usize =
        batches(Depth::One, only).flat_map(|it| it.points).map(|point| point.units.len()).sum();
    assert_eq!(forms.len(), in_turns);
    assert!(forms.values().all(|forms| forms.len() == FORMS.len()), "{forms:?}");
    assert_eq!(FORMS.len(), 4 * 3 * 3);
}

#[test]
fn between_units_of_one_address_stands_a_store_or_a_call() {
    let mut shared = 0;
    for point in batches(Depth::One, None).flat_map(|batch| batch.points) {
        let may = |(unit, _): &(Unit, Addressing)| unit.may_have_neighbours();
        assert!(point.units.len() == 1 || point.units.iter().all(may), "{:?}", point.units);
        // By form and parameter, the last unit there.
        let mut last = BTreeMap::new();
        for (at, (unit, there)) in point.units.iter().enumerate() {
            if there.offset != Offset::Zero {
                continue;
            }
            assert!(point.units.len() == 1 || !stands_alone(unit, there.offset), "{unit}");
            shared += usize::from(at > 0);
            let form = AddressForm::ALL.iter().position(|form| *form == there.form);
            let before = last.insert((form, at % PARAMS_PER_TYPE as usize), at);
            let between = before.map_or(&[][..], |before| &point.units[before..at]);
            let apart = between.iter().any(|(unit, _)| changes_memory(unit));
            assert!(before.is_none() || apart || there.form == AddressForm::Const, "{unit}");
        }
    }
    assert!(shared > 1000, "{shared} units at zero stand beside another");
}

/// As [`may_change_memory`] is meant: a call may do anything, and what a store keeps in memory is any
/// number.
fn changes_memory(unit: &Unit) -> bool {
    let result = unit.steps().last().and_then(|step| step.op.results.last());
    let is_number = result.is_some_and(|ty| ty.is_number());
    unit.sink() == Sink::Call || (unit.sink() == Sink::Store && is_number)
}

#[test]
fn what_names_too_many_places_stands_alone() {
    let addressing = Addressing { form: AddressForm::Const, offset: Offset::Small };
    let depths = [Depth::One, Depth::Two]
        .map(|depth| units_of(depth).find(|units| !units.iter().all(Unit::may_have_neighbours)));
    let [None, Some(large)] = depths else { panic!("{depths:?}") };
    let small = units_of(Depth::One).next().unwrap();
    let point = |units: &[Unit]| Point { units: vec![(units[0].clone(), addressing)] };
    assert!(point(&small).takes(&small, addressing));
    assert!(!point(&small).takes(&large, addressing) && !point(&large).takes(&small, addressing));
}

#[test]
fn what_is_run_with_plain_addresses_is_run_alone() {
    let plain = Addressing { form: AddressForm::Local, offset: Offset::Zero };
    let points = batches(Depth::One, None).also_plain().flat_map(|batch| batch.points);
    let mut alone = 0;
    for Point { units } in points.filter(|point| point.units[0].1 == plain) {
        assert_eq!(units.len(), 1, "{}", units[0].0);
        alone += 1;
    }
    assert!(alone > 1000, "{alone} functions");
}

#[test]
fn what_is_read_changed_and_written_has_one_address() {
    let is_one = |(unit, there): &(Unit, Addressing)| {
        let accesses = unit.steps().iter().map(|step| step.op.access.map(|access| access.kind));
        let [Some(AccessKind::Load), None, Some(AccessKind::Store)] =
            accesses.collect::<Vec<_>>()[..]
        else {
            return false;
        };
        there.offset == Offset::Zero
    };
    let points = batches(Depth::Two, Some("i32.store")).flat_map(|batch| batch.points);
    assert!(points.flat_map(|point| point.units).any(|unit| is_one(&unit)));
}

#[test]
fn at_no_offset_what_is_read_or_written_twice_is_not_sure_to_be_needed() {
    let needed = |text: &str, offset| {
        let unit: Unit = text.parse().unwrap();
        accesses_all_needed(&unit, Addressing { form: AddressForm::Local, offset })
    };
    for (text, at_zero) in [
        ("i32.load(local) -> global", true),
        ("i32.load(local); i32.eqz(prev) -> store", true),
        ("i32.load(local); i32.eqz(prev); i32.store(local, prev) -> drop", false),
        ("i32.add(local, load) -> store", false),
        ("i32.add(load, load) -> store", false),
        ("i32.xor(load, load) -> call", false),
        ("i32.add(load, local); i32.sub(prev, load) -> store", false),
        ("i32.add(load, local); i32.sub(load, local) -> store", false),
        ("i32.add(local, local); i32.sub(load, local) -> store", false),
        ("v128.bitselect(load, load, local) -> store", false),
    ] {
        assert_eq!(needed(text, Offset::Zero), at_zero, "{text}");
        assert!(needed(text, Offset::Small), "{text}");
    }
}
