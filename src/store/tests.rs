//! The promises of the run directory, on real directories.

use super::place::{KEPT_RUNS, LOCK};
use super::whole::{NEW_FILE, RESULT_MODE};
use super::*;
use std::os::unix::fs::MetadataExt;

#[test]
fn a_second_run_is_refused_while_the_first_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    let first = RunDir::create(&path).unwrap();
    assert!(matches!(RunDir::create(&path).unwrap_err(), StoreError::Locked(_)));
    assert!(matches!(RunDir::resume::<u32>(&path).unwrap_err(), StoreError::Locked(_)));
    drop(first);
    RunDir::create(&path).unwrap();
    assert!(place.path().join("out.1").exists(), "the first run was moved aside");
}

#[test]
fn old_runs_are_kept_up_to_a_number() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    for n in 0..6 {
        RunDir::create(&path).unwrap().append(&n).unwrap();
    }
    let last = |name: &str| read_events::<u32>(&place.path().join(name)).unwrap();
    assert_eq!((last("out"), last("out.1"), last("out.3")), (vec![5], vec![4], vec![2]));
    assert!(!place.path().join("out.4").exists());
}

#[test]
fn the_oldest_run_goes_at_once_so_that_a_kill_leaves_no_half_of_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    for n in 0..=KEPT_RUNS {
        RunDir::create(&path).unwrap().append(&n).unwrap();
    }
    let oldest = place.path().join("out.3");
    // So that it takes a while to remove them all.
    for n in 0..3_000 {
        fs::write(oldest.join(format!("file-{n}")), "x").unwrap();
    }
    let which = || fs::metadata(&oldest).map(|there| there.ino()).ok();
    let first = which();
    let halves = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut halves = 0;
            while which() == first {
                let half = !is_run(&oldest);
                halves += u32::from(half && which() == first);
            }
            halves
        });
        RunDir::create(&path).unwrap();
        watch.join().unwrap()
    });
    assert_eq!(halves, 0, "a kill would have left half of a run");
    // What a kill would leave elsewhere is in nobody's way, and goes when the run is gone on with.
    let left = path.join(format!("{NEW_FOLDER}left/{FINDINGS}/x"));
    fs::create_dir_all(&left).unwrap();
    let report = path.join(format!("{FINDINGS}/x/{NEW_FILE}report"));
    fs::create_dir_all(report.parent().unwrap()).unwrap();
    fs::write(&report, "half").unwrap();
    drop(RunDir::resume::<u32>(&path).unwrap());
    assert!(!left.exists() && !report.exists());
    fs::create_dir_all(&left).unwrap();
    RunDir::create(&path).unwrap();
    assert_eq!(read_events::<u32>(&oldest).unwrap(), [KEPT_RUNS - 1]);
}

#[test]
fn a_directory_that_holds_something_else_is_refused_and_untouched() {
    let place = tempfile::tempdir().unwrap();
    for name in ["thesis.txt", EVENTS, LOCK] {
        let path = place.path().join(format!("holds-{name}"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join(name), "mine").unwrap();
        let error = RunDir::create(&path).unwrap_err();
        assert!(matches!(&error, StoreError::NotARun(at) if *at == path), "{error}");
        assert!(matches!(
            RunDir::resume::<u32>(&path).unwrap_err(),
            StoreError::NothingToResume(_)
        ));
        assert_eq!(fs::read(path.join(name)).unwrap(), b"mine");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "nothing was added");
    }
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 3, "nothing was moved");
}

#[test]
fn a_slash_at_the_end_makes_no_difference() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out/");
    assert!(path.as_os_str().to_str().unwrap().ends_with('/'));
    fs::create_dir(&path).unwrap();
    for n in 0..2 {
        RunDir::create(&path).unwrap().append(&n).unwrap();
    }
    let (_, events) = RunDir::resume::<u32>(&path).unwrap();
    assert_eq!(events, [1]);
    assert_eq!(read_events::<u32>(&place.path().join("out.1")).unwrap(), [0]);
    assert!(!path.join(".1").exists());
}

#[test]
fn what_is_not_a_run_is_never_removed_or_moved() {
    for foreign in 1..=KEPT_RUNS {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("out");
        RunDir::create(&path).unwrap().append(&7).unwrap();
        let mine = place.path().join(format!("out.{foreign}"));
        fs::create_dir(&mine).unwrap();
        fs::write(mine.join("thesis.txt"), "mine").unwrap();
        let error = RunDir::create(&path).unwrap_err();
        assert!(matches!(&error, StoreError::NotARun(at) if *at == mine), "{error}");
        assert_eq!(fs::read(mine.join("thesis.txt")).unwrap(), b"mine");
        assert_eq!(read_events::<u32>(&path).unwrap(), [7], "the last run is in its place");
    }
}

#[test]
fn a_kept_run_that_is_in_use_is_not_moved() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    for n in 0..2 {
        RunDir::create(&path).unwrap().append(&n).unwrap();
    }
    let older = place.path().join("out.1");
    let (_used, _) = RunDir::resume::<u32>(&older).unwrap();
    let error = RunDir::create(&path).unwrap_err();
    assert!(matches!(&error, StoreError::Locked(at) if *at == older), "{error}");
    assert_eq!(read_events::<u32>(&older).unwrap(), [0]);
}

#[test]
fn a_torn_last_line_is_dropped_and_the_log_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("out");
    RunDir::create(&path).unwrap().append(&1).unwrap();
    let mut log = append_to(&path.join(EVENTS)).unwrap();
    log.write_all(b"{\"torn").unwrap();
    drop(log);
    assert!(has_torn_line(&path).unwrap());
    let (mut dir, events) = RunDir::resume::<u32>(&path).unwrap();
    assert!(!has_torn_line(&path).unwrap());
    assert_eq!(events, [1]);
    dir.append(&2).unwrap();
    assert_eq!(read_events::<u32>(&path).unwrap(), [1, 2]);
}

#[test]
fn a_damaged_line_is_named() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join(EVENTS), "1\nx\n3\n").unwrap();
    let error = read_events::<u32>(place.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { line: 2, .. }));
    let nothing = RunDir::resume::<u32>(&place.path().join("none")).unwrap_err();
    assert!(matches!(nothing, StoreError::NothingToResume(_)));
}

#[test]
fn the_folder_of_a_finding_appears_whole_and_replaces_an_older_one() {
    let place = tempfile::tempdir().unwrap();
    let dir = RunDir::create(&place.path().join("out")).unwrap();
    dir.add_finding("x", Readers::Everybody, &[("old.toml", b"0".to_vec())]).unwrap();
    let folder = dir.add_finding("x", Readers::Everybody, &[("a.toml", b"1".to_vec())]).unwrap();
    assert_eq!(folder, dir.path().join("findings/x"));
    assert_eq!(fs::read(folder.join("a.toml")).unwrap(), b"1");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "no other file is left");
    let findings = dir.path().join(FINDINGS);
    assert_eq!(fs::read_dir(&findings).unwrap().count(), 1, "no temporary folder is left");
    dir.add_finding("y", Readers::Everybody, &[("no/such/place", Vec::new())]).unwrap_err();
    assert_eq!(fs::read_dir(&findings).unwrap().count(), 1, "nor after a failure");
}

#[test]
fn a_file_that_fails_half_way_leaves_the_old_one() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("a");
    write_file(&path, &mut |sink| sink.write_all(b"whole")).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, RESULT_MODE);
    let error = write_file(&path, &mut |sink| {
        sink.write_all(b"half")?;
        Err(io::Error::other("planted"))
    });
    assert!(matches!(error.unwrap_err(), StoreError::Io { doing: "write", .. }));
    assert_eq!(fs::read(&path).unwrap(), b"whole");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1, "no temporary file is left");
    write_file(Path::new("/dev/null"), &mut |sink| sink.write_all(b"gone")).unwrap();
    let link = place.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    write_file(&link, &mut |sink| sink.write_all(b"through")).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"through");
    assert!(link.is_symlink());
}

#[test]
fn the_file_of_the_run_is_read_as_it_was_written() {
    let place = tempfile::tempdir().unwrap();
    let dir = RunDir::create(&place.path().join("out")).unwrap();
    let missing = read_run_file(dir.path()).unwrap_err();
    assert!(
        matches!(missing, StoreError::Undescribed(_)) && missing.to_string().contains("run.json")
    );
    dir.write_run_file("{}").unwrap();
    assert_eq!(read_run_file(dir.path()).unwrap(), "{}");
}
