//! Images made by hand, as engines write them.

use std::time::Duration;

use super::*;

/// An archive of paths, modes and texts.
fn archive(files: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut made = tar::Builder::new(Vec::new());
    for (path, mode, text) in files {
        let mut header = tar::Header::new_ustar();
        header.set_mode(*mode);
        header.set_size(text.len() as u64);
        header.set_entry_type(if path.ends_with('/') { tar::EntryType::Directory } else { tar::EntryType::Regular });
        made.append_data(&mut header, path, text.as_bytes()).unwrap();
    }
    made.into_inner().unwrap()
}

fn image(layers: &[(&str, &[u8])], order: &[&str]) -> Vec<u8> {
    let mut made = tar::Builder::new(Vec::new());
    let manifest = serde_json::to_vec(&serde_json::json!([{"Config": "blobs/sha256/c", "Layers": order}])).unwrap();
    for (path, bytes) in layers.iter().chain([&("manifest.json", manifest.as_slice())]) {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        made.append_data(&mut header, path, *bytes).unwrap();
    }
    made.into_inner().unwrap()
}

fn read(bytes: &[u8]) -> Layers {
    Layers::read(bytes, Instant::now() + Duration::from_secs(60), Rules::built_in())
}

fn places(layers: &Layers) -> Vec<String> {
    layers.secrets.leaks.iter().map(ToString::to_string).collect()
}

#[test]
fn a_secret_that_a_later_layer_removed_is_found_in_the_earlier_one() {
    let first = archive(&[("srv/.env", 0o644, "DB_PASSWORD=hunter2\n"), ("etc/motd", 0o644, "PASSWORD=hunter2")]);
    let second = archive(&[("srv/.wh..env", 0o644, "")]);
    let found =
        read(&image(&[("blobs/sha256/b", &second), ("blobs/sha256/a", &first)], &["blobs/sha256/a", "blobs/sha256/b"]));
    assert_eq!(places(&found), ["layer 1: srv/.env, line 1 (named so)"]);
    assert_eq!(found.secrets.untold, [""; 0]);
    assert_eq!(found.set_id, Ok(Vec::new()));
}

#[test]
fn a_set_id_file_counts_unless_a_later_layer_takes_it_or_its_bits_away() {
    let base = archive(&[
        ("usr/bin/su", 0o4755, "x"),
        ("usr/bin/mount", 0o4755, "x"),
        ("usr/bin/wall", 0o2755, "x"),
        ("opt/a/x", 0o4755, "x"),
        ("srv/y", 0o4755, "x"),
        ("usr/bin/cat", 0o755, "x"),
        ("var/mail/", 0o2775, ""),
    ]);
    let next = archive(&[
        ("usr/bin/su", 0o755, "x"),
        ("usr/bin/.wh.mount", 0, ""),
        ("opt/.wh.a", 0, ""),
        ("srv/.wh..wh..opq", 0, ""),
    ]);
    let all = |order: &[&str]| read(&image(&[("a", &base), ("b", &next)], order)).set_id.unwrap();
    assert_eq!(all(&["a", "b"]), ["/usr/bin/wall"]);
    assert_eq!(all(&["a"]).len(), 5);
}

#[test]
fn what_was_not_read_is_unknown_and_never_a_pass() {
    let base = archive(&[("srv/.env", 0o644, "A=b\n")]);
    let whole = image(&[("a", &base)], &["a"]);
    let broken = read(whole.get(..whole.len() / 3).unwrap());
    assert!(broken.set_id.is_err() && !broken.secrets.untold.is_empty(), "{broken:?}");
    let missing = read(&image(&[("a", &base)], &["a", "b"]));
    assert!(missing.set_id.is_err() && !missing.secrets.untold.is_empty());
    let squeezed = read(&image(&[("a", &base), ("b", &[0x1f, 0x8b, 8, 0])], &["a", "b"]));
    assert!(squeezed.set_id.is_err() && squeezed.secrets.untold.iter().any(|why| why.contains("compressed")));
    let late = Layers::read(whole.as_slice(), Instant::now(), Rules::built_in());
    assert!(late.set_id.is_err(), "{late:?}");
    let large = archive(&[("srv/.env", 0o644, &"x".repeat(2 << 20))]);
    let large = read(&image(&[("a", &large)], &["a"]));
    assert!(large.secrets.untold.iter().any(|why| why.contains("larger")) && large.set_id.is_ok());
    assert!(read(b"").set_id.is_err() && read(&[7; 2000]).set_id.is_err());
}

#[test]
fn an_older_engine_s_links_between_layers_are_followed() {
    let base = archive(&[("srv/.env", 0o644, "DB_PASSWORD=hunter2\n")]);
    let mut made = tar::Builder::new(Vec::new());
    let manifest = br#"[{"Layers":["one/layer.tar","two/layer.tar"]}]"#;
    for (path, bytes) in [("one/layer.tar", base.as_slice()), ("manifest.json", manifest)] {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        made.append_data(&mut header, path, bytes).unwrap();
    }
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    made.append_link(&mut header, "two/layer.tar", "../one/layer.tar").unwrap();
    let found = read(&made.into_inner().unwrap());
    assert_eq!(places(&found).len(), 2);
    assert_eq!(found.secrets.untold, [""; 0]);
}

#[test]
fn a_name_without_end_is_not_taken_into_memory() {
    let mut made = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    let name = vec![b'a'; 8 << 20];
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(name.len() as u64);
    made.append_data(&mut header, "././@LongLink", name.as_slice()).unwrap();
    let mut layer = made.into_inner().unwrap();
    layer.truncate(layer.len() - 1024);
    layer.extend(archive(&[("srv/.env", 0o644, "A=b\n")]));
    let found = read(&image(&[("a", &layer)], &["a"]));
    assert!(found.set_id.as_ref().unwrap_err().contains("too long"), "{:?}", found.set_id);
    assert!(read(&layer).set_id.unwrap_err().contains("too long"));
    // A large file before it opens no door.
    let mut large = archive(&[("x", 0o644, &"x".repeat(8 << 20))]);
    large.truncate(large.len() - 1024);
    large.extend(layer);
    assert!(read(&image(&[("a", &large)], &["a"])).set_id.unwrap_err().contains("too long"));
}

#[test]
fn of_more_secrets_than_anybody_reads_some_are_told_and_the_rest_counted() {
    let text = "DB_PASSWORD=hunter2\n".repeat(20);
    let paths: Vec<String> = (0..15).map(|at| format!("srv/{at}/.env")).collect();
    let files: Vec<(&str, u32, &str)> = paths.iter().map(|path| (path.as_str(), 0o644, text.as_str())).collect();
    let layer = archive(&files);
    let found = read(&image(&[("a", &layer), ("b", &layer)], &["a", "b", "a", "b"]));
    assert_eq!(found.secrets.leaks.len(), 200);
}

#[test]
fn no_bytes_make_it_fall_and_what_is_broken_is_no_pass() {
    let base =
        archive(&[("srv/.env", 0o4644, "DB_PASSWORD=hunter2\n"), ("srv/.wh.x", 0, ""), ("usr/bin/su", 0o4755, "x")]);
    let whole = image(&[("a", &base)], &["a"]);
    let mut state = 20_261_129_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    for _ in 0..3000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + next() % 4 {
            let at = next() % bytes.len();
            bytes[at] = u8::try_from(next() % 256).unwrap();
        }
        let cut = next() % bytes.len();
        let _ = read(&bytes);
        assert!(read(&bytes[..cut]).set_id.is_err() || cut > whole.len() - 1024, "{cut} of {}", whole.len());
    }
}
