use super::*;
use crate::queue::Urgency;
use crate::share::directory::Root;
use proptest::prelude::*;
use std::path::Path;

const LONG: Duration = Duration::from_secs(30);

fn ms(time: u64) -> Duration {
    Duration::from_millis(time)
}

fn task(name: &str) -> Task {
    Task::new(&Arc::new(Root::open(Path::new("/")).unwrap()), name.as_bytes().into(), Urgency::Urgent)
}

fn stat(inode: u64, size: u64) -> Stat {
    let mut stat = rustix::fs::stat("/").unwrap();
    stat.st_ino = inode;
    stat.st_size = i64::try_from(size).unwrap();
    stat
}

/// The life of the file that has this inode now.
fn life(stat: &Stat) -> Life {
    Life { identity: Stamp::from(stat).identity, born: Some((7, 0)) }
}

fn until(rests: &ScanPauses, task: &Task, stat: &Stat, now: Instant) -> Option<Instant> {
    rests.until(task, stat, Some(life(stat)), now)
}

fn begin(rests: &mut ScanPauses, task: &Task, stat: &Stat, now: Instant) {
    rests.begin(task, stat, Some(life(stat)), now);
}

#[test]
fn a_new_file_under_an_old_inode_s_number_does_not_rest() {
    let (mut rests, log, now, seen) = (ScanPauses::new(LONG), task("log"), Instant::now(), stat(1, LARGE));
    begin(&mut rests, &log, &seen, now);
    rests.end(&seen, now, now + ms(100));
    assert!(until(&rests, &log, &seen, now + ms(200)).is_some());
    let another = Life { born: Some((8, 0)), ..life(&seen) };
    for life in [Some(another), Some(Life { born: None, ..another }), None] {
        assert_eq!(rests.until(&log, &seen, life, now + ms(200)), None, "{life:?}");
    }
}

#[test]
fn a_large_file_rests_ten_times_as_long_as_its_scan_took_and_what_is_small_or_has_another_name_does_not() {
    let (mut rests, log, now) = (ScanPauses::new(LONG), task("log"), Instant::now());
    assert_eq!(until(&rests, &log, &stat(1, LARGE), now), None, "it is new");
    begin(&mut rests, &log, &stat(1, LARGE), now);
    assert!(until(&rests, &log, &stat(1, LARGE), now + ms(50)).is_some(), "it is being scanned");
    rests.end(&stat(1, LARGE), now, now + ms(100));
    let later = |milliseconds| Task { seen: now + ms(milliseconds), ..log.clone() };
    assert_eq!(until(&rests, &later(200), &stat(1, LARGE), now + ms(200)), Some(now + ms(1100)));
    assert_eq!(until(&rests, &later(200), &stat(1, LARGE), now + ms(1100)), None);
    assert_eq!(until(&rests, &later(200), &stat(1, LARGE - 1), now + ms(200)), None, "small by now");
    assert_eq!(until(&rests, &later(200), &stat(2, LARGE), now + ms(200)), None, "another file at the name");
    let renamed = Task { below: b"other".as_slice().into(), ..later(200) };
    assert_eq!(until(&rests, &renamed, &stat(1, LARGE), now + ms(200)), None, "another name of it");
    begin(&mut rests, &log, &stat(3, LARGE - 1), now);
    assert_eq!(rests.files.len(), 1, "a small one is not remembered");
    rests.forget(&stat(1, LARGE));
    assert_eq!(until(&rests, &later(200), &stat(1, LARGE), now + ms(200)), None, "the engine died of it");
}

#[test]
fn no_rest_is_longer_than_a_minute_or_than_max_defer() {
    let now = Instant::now();
    let slow = Last { began: now, ended: Some(now + ms(100_000)) };
    let seen = now + ms(100_000);
    for (max_defer, longest) in [(ms(86_400_000), ms(60_000)), (ms(2_000), ms(2_000))] {
        let longest_here = ScanPauses::new(max_defer).longest;
        assert_eq!(longest_here, longest);
        assert_eq!(slow.rest(seen, seen, longest_here), Some(seen + longest));
    }
    let endless = Last { began: now, ended: None };
    assert_eq!(
        endless.rest(now + ms(50), now + ms(30_050), LONG),
        None,
        "a scan that does not end holds up no other for ever"
    );
}

#[test]
fn whoever_brings_more_large_files_than_are_remembered_makes_them_rest_less_and_not_longer() {
    let (mut rests, name, now) = (ScanPauses::new(LONG), task("x"), Instant::now());
    let most = u64::try_from(MOST).unwrap();
    for inode in 0..most {
        begin(&mut rests, &name, &stat(inode, LARGE), now);
        rests.end(&stat(inode, LARGE), now, now + ms(1000));
    }
    begin(&mut rests, &name, &stat(most, LARGE), now + ms(2000));
    assert_eq!(rests.files.len(), MOST);
    assert_eq!(until(&rests, &name, &stat(most, LARGE), now + ms(2001)), None);
    begin(&mut rests, &name, &stat(most, LARGE), now + ms(11_001));
    assert_eq!(rests.files.len(), 1, "those that have rested made room");
}

proptest! {
    /// A file that is closed at these times (in steps of 10 ms), whose scans take so long.
    #[test]
    fn every_close_is_followed_by_a_scan_in_time_and_a_storm_of_them_by_few(
        pauses in prop::collection::vec(0_u64..60, 1..200),
        took in 1_u64..300,
        longest in 100_u64..3000,
    ) {
        let (start, step) = (Instant::now(), |step: u64| ms(10 * step));
        let closes: Vec<u64> = pauses.iter().scan(0, |at, pause| { *at += pause; Some(*at) }).collect();
        let last_close = *closes.last().unwrap();
        let (mut scans, mut last, mut pending) = (Vec::new(), None::<Last>, None);
        for now in 0..=last_close + longest + took + 1 {
            if let Some(scan) = &mut last && scan.ended.is_none() && scan.began + step(took) <= start + step(now) {
                scan.ended = Some(start + step(now));
            }
            if closes.contains(&now) {
                pending.get_or_insert(start + step(now));
            }
            let rests = |scan: Last, seen| scan.rest(seen, start + step(now), step(longest)).is_some();
            if let Some(seen) = pending && !last.is_some_and(|scan| rests(scan, seen)) {
                scans.push(now);
                (last, pending) = (Some(Last { began: start + step(now), ended: None }), None);
            }
        }
        for close in closes {
            prop_assert!(scans.iter().any(|scan| (close..=close + longest).contains(scan)), "{close} of {scans:?}");
        }
        let apart = (11 * took).min(longest);
        let most = last_close / apart + 2;
        prop_assert!(u64::try_from(scans.len()).unwrap() <= most, "{} of {most}: {scans:?}", scans.len());
    }
}
