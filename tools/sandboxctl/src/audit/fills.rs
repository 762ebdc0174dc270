//! What a container can fill has a size that bounds something: the disk by its log, memory by its files.

use engine::models::MountType;
use record::Severity::Medium;

use super::control::{Control, Verdict};
use super::facts::{SILENT, Subject};

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cellblock-log-bound",
        "has a log that can't fill the disk",
        Medium,
        "logging: json-file with max-size; scripts/up",
        log,
    ),
    Control::new(
        "cellblock-tmpfs-bound",
        "has no tmpfs without a size, or with programs, set-uid files or devices",
        Medium,
        "tmpfs: PATH:size=…,noexec,nosuid,nodev, with a size below the limit on memory; scripts/up",
        tmpfs,
    ),
];

/// What Docker gives shared memory by itself, in bytes.
const SHARED: i64 = 64 << 20;

/// `local` has five files of 20 MB unless told otherwise, `json-file` one without a bound. Of the drivers that write
/// elsewhere nothing is known here.
fn log(subject: &Subject) -> Verdict {
    let Some(config) = &subject.facts.host.log_config else {
        return Verdict::untold("the engine did not tell the log driver");
    };
    let driver = config.typ.as_deref().unwrap_or_default();
    let option = |name: &str| config.config.as_ref().and_then(|options| options.get(name)).map(String::as_str);
    let most = subject.expect.most.logs;
    let expected = format!("json-file with max-size, or local; {most} bytes in all at most");
    let (size, files) = match driver {
        // Nothing fills the disk, and nothing tells what it did.
        "none" => return Verdict::differs(expected, "no log"),
        "json-file" => (option("max-size"), 1),
        "local" => (option("max-size").or(Some("20m")), 5),
        other => return Verdict::differs(expected, other),
    };
    let files: i64 = option("max-file").and_then(|files| files.parse().ok()).unwrap_or(files);
    let Some(size) = size else { return Verdict::differs(expected, "json-file without max-size") };
    Verdict::when(
        bytes(size).is_some_and(|size| size.saturating_mul(files) <= most),
        expected,
        format!("{driver}, max-size {size}, {files} of them"),
    )
}

/// What is in a tmpfs counts as memory of the container: one that is larger bounds nothing.
fn tmpfs(subject: &Subject) -> Verdict {
    let host = &subject.facts.host;
    if !subject.facts.are_complete() {
        return Verdict::untold(SILENT);
    }
    let memory = host.memory.filter(|memory| *memory > 0).or(subject.engine.memory).unwrap_or(i64::MAX);
    let fits = |size: i64| (1..=memory).contains(&size);
    let plain = host.tmpfs.iter().flatten().filter(|(_, options)| {
        let has = |word: &str| options.split(',').any(|option| option == word);
        // Of several sizes the last one counts.
        let sized = options.split(',').rev().find_map(|option| option.strip_prefix("size=")).and_then(bytes);
        // Docker adds noexec, nosuid and nodev by itself; only the opposite, said aloud, takes them away.
        !sized.is_some_and(fits) || has("suid") || has("dev") || has("exec")
    });
    let mut loose: Vec<String> = plain.map(|(path, options)| format!("{path} ({options})")).collect();
    let mounts = host.mounts.iter().flatten().filter(|mount| mount.typ == Some(MountType::TMPFS));
    let holds = |tmpfs: &engine::models::MountTmpfsOptions| {
        let words = tmpfs.options.iter().flatten().flatten();
        tmpfs.size_bytes.is_some_and(fits)
            && !words.into_iter().any(|word| ["exec", "suid", "dev"].contains(&word.as_str()))
    };
    let unbounded = mounts.filter(|mount| !mount.tmpfs_options.as_ref().is_some_and(holds));
    loose.extend(unbounded.map(|mount| mount.target.clone().unwrap_or_default()));
    let shared = host.shm_size.filter(|size| *size > SHARED && !fits(*size));
    loose.extend(shared.map(|size| format!("/dev/shm ({size} bytes)")));
    loose.sort();
    Verdict::none_of("a size for each, within the limit on memory, and noexec", &loose)
}

/// A size as Docker and the kernel read it: a number, and one letter for powers of 1024, with `b` or `ib` behind it.
pub(crate) fn bytes(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let plain = lower.trim_end_matches("ib").trim_end_matches('b');
    let shift = match plain.bytes().last()? {
        b'k' => 10,
        b'm' => 20,
        b'g' => 30,
        b't' => 40,
        _ => 0,
    };
    let number: i64 = if shift == 0 { plain } else { plain.get(..plain.len() - 1)? }.parse().ok()?;
    number.checked_mul(1 << shift).filter(|size| *size >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_docker_reads_it() {
        for (text, size) in
            [("10m", Some(10 << 20)), ("1GiB", Some(1 << 30)), ("5kb", Some(5120)), ("7", Some(7)), ("0", Some(0))]
        {
            assert_eq!(bytes(text), size, "{text}");
        }
        for text in ["", "-1", "50%", "m", "1e9", "9999999t"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
