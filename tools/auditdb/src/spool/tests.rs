//! The spool under crashes, cuts and changes.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::source::Source;

fn batch(source: Option<&str>, lines: &[&[u8]]) -> Batch {
    let mut batch = Batch::new(source.map(|name| name.parse::<Source>().unwrap()));
    lines.iter().for_each(|line| batch.push(line));
    batch
}

/// All whole batches of a segment, and what stopped the reading.
fn read(path: &Path) -> (Vec<Batch>, Read) {
    let mut reader = Reader::open(path, None).unwrap();
    let mut batches = Vec::new();
    loop {
        match reader.next().unwrap() {
            Read::Batch(batch, _) => batches.push(batch),
            stop => return (batches, stop),
        }
    }
}

/// A spool with one segment of these batches: the folder and the segment's path.
fn spool(batches: &[Batch]) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::below(directory.path());
    let mut writer = Writer::begin(folder.clone(), 1 << 30).unwrap();
    for batch in batches {
        assert_eq!(writer.append(batch).unwrap(), Room::Written);
    }
    writer.sync().unwrap();
    let path = folder.path().join(&folder.segments().unwrap()[0].name);
    (directory, path)
}

#[test]
fn a_line_that_looks_like_a_batch_is_a_line() {
    let forged =
        br#"{"batch":{"received":"2026-11-22T05:00:00Z","provider":"netguard","lines":1,"bytes":3},"sha256":"00"}"#;
    let written = [batch(Some("scanwatch"), &[forged, b"x\xff"]), batch(None, &[b"{}"])];
    let (_directory, path) = spool(&written);
    let (read, stop) = read(&path);
    assert!(matches!(stop, Read::End));
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].body, written[0].body);
    assert_eq!((read[0].lines, read[0].source.clone()), (2, Some("scanwatch".parse().unwrap())));
}

#[test]
fn a_writer_stops_at_the_bound_and_goes_on_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::below(directory.path());
    let line = vec![b'x'; 10_000];
    let mut writer = Writer::begin(folder.clone(), 50_000).unwrap();
    let written = (0..10).take_while(|_| writer.append(&batch(None, &[&line])).unwrap() == Room::Written).count();
    assert_eq!(written, 4);
    assert!(matches!(writer.append(&batch(None, &[&line])).unwrap(), Room::Full(held, 50_000) if held > 40_000));
    for segment in folder.segments().unwrap() {
        fs::remove_file(folder.path().join(segment.name)).unwrap();
    }
    assert_eq!(writer.append(&batch(None, &[&line])).unwrap(), Room::Written);
}

#[test]
fn a_long_segment_is_followed_by_one_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::below(directory.path());
    let mut writer = Writer::begin(folder.clone(), 1 << 40).unwrap();
    let line = vec![b'x'; 8 << 20];
    for _ in 0..9 {
        writer.append(&batch(None, &[&line])).unwrap();
    }
    let segments = folder.segments().unwrap();
    assert_eq!(segments.len(), 2);
    let second = fs::read_to_string(folder.path().join(&segments[1].name)).unwrap();
    let first_line: serde_json::Value = serde_json::from_str(second.lines().next().unwrap()).unwrap();
    assert_eq!(first_line["segment"]["previous"]["name"], segments[0].name.as_str());
    let mut reader = Reader::open(&folder.path().join(&segments[0].name), None).unwrap();
    while matches!(reader.next().unwrap(), Read::Batch(..)) {}
    assert_eq!(first_line["segment"]["previous"]["sha256"], reader.reached().unwrap().1.to_string());
}

#[test]
fn a_reader_goes_on_where_the_last_one_left_off() {
    let (_directory, path) = spool(&[batch(None, &[b"one"]), batch(None, &[b"two"])]);
    let mut first = Reader::open(&path, None).unwrap();
    assert!(matches!(first.next().unwrap(), Read::Batch(..)));
    let mut second = Reader::open(&path, first.reached()).unwrap();
    assert!(matches!(second.next().unwrap(), Read::Batch(batch, _) if batch.body == b"two\n"));
    assert!(matches!(second.next().unwrap(), Read::End));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_crash_at_any_byte_loses_nothing_that_was_whole_and_invents_nothing(cut in any::<prop::sample::Index>()) {
        let written = [batch(Some("a"), &[b"one", b"two"]), batch(None, &[b"three"]), batch(Some("b"), &[b"four"])];
        let (_directory, path) = spool(&written);
        let bytes = fs::read(&path).unwrap();
        let at = cut.index(bytes.len());
        fs::write(&path, &bytes[..at]).unwrap();
        let (read, stop) = read(&path);
        prop_assert!(matches!(stop, Read::End | Read::Torn(_)), "{:?} at {}", stop, at);
        prop_assert!(read.len() <= written.len());
        for (read, written) in read.iter().zip(&written) {
            prop_assert_eq!(&read.body, &written.body);
        }
    }

    #[test]
    fn no_byte_of_it_can_be_changed_unseen(at in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let written = [batch(Some("a"), &[b"one", b"two"]), batch(None, &[b"three"])];
        let (_directory, path) = spool(&written);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&path, &bytes).unwrap();
        let (read, stop) = read(&path);
        prop_assert!(read.len() < written.len() && !matches!(stop, Read::End), "byte {} of {}: {:?}", at, bytes.len(), stop);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.jsonl");
        fs::write(&path, &bytes).unwrap();
        let (read, _) = read(&path);
        prop_assert!(read.is_empty());
    }
}
