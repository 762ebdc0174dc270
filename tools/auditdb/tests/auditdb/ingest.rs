//! Taking lines in.

use std::io::{BufRead, BufReader, Read, Write};

use serde_json::Value;

use super::*;

#[test]
fn what_goes_in_comes_out_byte_for_byte_and_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let odd = r#"{ "@timestamp":"2026-11-22T05:00:00Z","event":{"id":"a","provider":"scanwatch","action":"file-scanned"}, "message":"ä\u0007 \/" }"#;
    let input = [jsonl(&[line("scanwatch", "file-scanned", 1)]), format!("{odd}\n").into_bytes()].concat();
    let told = lines(&run(auditdb(path).arg("ingest"), &input), 0);
    assert_eq!(actions(&told), ["lines-ingested", "run-finished"]);
    assert_eq!(told[1]["cellblock"]["counts"]["passed"], 2);
    let again = lines(&run(auditdb(path).arg("ingest"), &input), 0);
    assert_eq!(again[1]["cellblock"]["counts"]["passed"], 2);
    let output = run(auditdb(path).arg("events"), b"");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().next(), Some(odd));
    assert_eq!(text.lines().count(), 3, "each line once, and run-finished: {text}");
}

#[test]
fn a_clash_of_ids_keeps_both_lines_and_is_a_record_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut other = line("scanwatch", "file-infected", 1);
    other["message"] = "another".into();
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("scanwatch", "file-scanned", 1), other.clone()])), 0);
    assert_eq!(count(path, "provider = 'scanwatch'"), 2);
    assert_eq!(count(path, "action = 'id-clashed' AND provider = 'auditdb'"), 1);
    // The same id of another source is no clash, and the clash is not told twice.
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("netguard", "rule-planned", 1), other])), 0);
    assert_eq!(count(path, "true"), 4);
}

#[test]
fn a_line_that_fills_a_column_as_the_first_of_thousands_keeps_it_and_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut all: Vec<Value> = (0..7000).map(|n| line("scanwatch", "file-scanned", n)).collect();
    // Behind the rows that are handed over at once, and far behind those that the first lines fill.
    all[2100]["url"] = serde_json::json!({"full": "http://one.example/"});
    all[5000]["event"]["outcome"] = "unknown".into();
    all[6999]["destination"] = serde_json::json!({"port": 443});
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&all)), 0);
    let filled = "SELECT message, url, outcome, destination_port AS port FROM records WHERE provider = 'scanwatch'
        AND (url IS NOT NULL OR outcome IS NOT NULL OR destination_port IS NOT NULL) ORDER BY seq";
    let row = |message: &str, url: Option<&str>, outcome: Option<&str>, port: Option<u16>| serde_json::json!({"message": message, "url": url, "outcome": outcome, "port": port});
    let expected = [
        row("line 2100", Some("http://one.example/"), None, None),
        row("line 5000", None, Some("unknown"), None),
        row("line 6999", None, None, Some(443)),
    ];
    assert_eq!(ask(path, filled), expected);
    // Every row stands where its line does.
    lines(&run(auditdb(path).arg("verify"), b""), 0);
}

#[test]
fn what_is_no_record_is_kept_as_a_record_of_its_own_and_the_rest_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let good = jsonl(&[line("scanwatch", "file-scanned", 1)]);
    let input = [b"no json \xff\n{\"a\":1,\"a\":2}\n\n".as_slice(), &good].concat();
    let told = lines(&run(auditdb(path).args(["ingest", "--provider", "scanwatch"]), &input), 1);
    assert_eq!(actions(&told), ["line-rejected", "line-rejected", "lines-ingested", "run-finished"]);
    assert_eq!(told[0]["cellblock"]["rejected"]["line"], "no json \u{fffd}");
    assert_eq!(told[0]["cellblock"]["rejected"]["line_base64"], "bm8ganNvbiD/");
    assert!(told[1]["event"]["reason"].as_str().unwrap().contains("\"a\" stands twice"));
    assert_eq!(told[3]["cellblock"]["counts"], serde_json::json!({"checked":3,"passed":1,"failed":2,"unknown":0}));
    assert_eq!(count(path, "action = 'line-rejected' AND provider = 'auditdb'"), 2);
    assert_eq!(count(path, "provider = 'scanwatch'"), 1);
}

#[test]
fn a_line_too_long_is_refused_with_its_length_and_hash() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let long = [b"{\"x\":\"".as_slice(), &vec![b'y'; 5 << 20], b"\"}\n{\"x\":1}\n"].concat();
    let told = lines(&run(auditdb(path).args(["ingest", "--provider", "egress-proxy"]), &long), 1);
    let rejected = &told[0]["cellblock"]["rejected"];
    assert_eq!(rejected["bytes"], (5 << 20) + 8);
    assert_eq!(rejected["line"].as_str().unwrap().len(), 64 << 10);
    assert_eq!(count(path, "provider = 'egress-proxy'"), 1);
}

#[test]
fn numbers_that_fit_nowhere_and_a_nul_stay_byte_for_byte_and_half_a_character_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let odd = |n: u32, value: &str| {
        let text = line("scanwatch", "file-scanned", n).to_string();
        format!("{},\"x\":{value}}}\n", text.strip_suffix('}').unwrap())
    };
    let kept: String = [(1, "1e400"), (2, "18446744073709551617"), (3, "-0.0E+00"), (4, "\"a\\u0000b\"")]
        .map(|(n, value)| odd(n, value))
        .concat();
    let told = lines(&run(auditdb(path).arg("ingest"), format!("{kept}{}", odd(5, "\"\\ud800\"")).as_bytes()), 1);
    assert_eq!(actions(&told), ["line-rejected", "lines-ingested", "run-finished"]);
    assert!(told[0]["cellblock"]["rejected"]["line"].as_str().unwrap().ends_with("\\ud800\"}"), "{}", told[0]);
    let events = run(auditdb(path).args(["events", "--tool", "scanwatch", "--format", "jsonl"]), b"");
    let events = String::from_utf8(events.stdout).unwrap();
    assert!(kept.lines().all(|line| events.lines().any(|event| event == line)), "{events}");
    lines(&run(auditdb(path).arg("verify"), b""), 0);
}

#[test]
fn the_source_fixes_the_provider_and_a_forged_line_is_an_alert() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let input = jsonl(&[line("netguard", "moat-applied", 1), line("egress-proxy", "request-allowed", 2)]);
    let told = lines(&run(auditdb(path).args(["ingest", "--provider", "egress-proxy"]), &input), 1);
    assert_eq!(told[0]["event"]["severity"], 73);
    assert_eq!(count(path, "provider = 'netguard'"), 0);
    assert_eq!(count(path, "provider = 'egress-proxy' AND vouched"), 1);
    lines(&run(auditdb(path).arg("ingest"), &jsonl(&[line("netguard", "moat-applied", 3)])), 0);
    assert_eq!(count(path, "provider = 'netguard' AND NOT vouched"), 1);
}

#[test]
fn a_line_of_the_gate_is_never_refused_for_a_byte_and_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let input = b"{\"@timestamp\":\"2026-11-22T05:00:00+00:00\",\"event\":{\"action\":\"request-denied\"},\"url\":{\"full\":\"https://x/\xff\"},\"nginx\":1}\n";
    lines(&run(auditdb(path).args(["ingest", "--provider", "egress-proxy"]), input), 0);
    assert_eq!(ask(path, "SELECT url, provider FROM records")[0]["url"], "https://x/\u{fffd}");
    let shown = run(auditdb(path).args(["events", "--format", "text", "--tool", "egress-proxy"]), b"");
    assert!(String::from_utf8(shown.stdout).unwrap().contains("request-denied: https://x/"));
}

#[test]
fn tee_passes_on_only_what_is_on_the_disk_and_records_in_place_of_what_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut child = start(auditdb(path).args(["ingest", "--tee", "--provider", "scanwatch"]));
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = line("scanwatch", "file-scanned", 1).to_string();
    // While the writer goes on, each line comes through and is in the record when it does.
    stdin.write_all(format!("{first}\n").as_bytes()).unwrap();
    assert_eq!(stdout.next().unwrap().unwrap(), first);
    assert_eq!(count(path, "provider = 'scanwatch'"), 1);
    stdin.write_all(b"broken\n").unwrap();
    let rejected: Value = serde_json::from_str(&stdout.next().unwrap().unwrap()).unwrap();
    assert_eq!(rejected["event"]["action"], "line-rejected");
    drop(stdin);
    let rest: Vec<String> = stdout.map(Result::unwrap).collect();
    assert_eq!(rest.len(), 2, "{rest:?}");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn nobody_reading_the_tee_loses_no_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut child = start(auditdb(path).args(["ingest", "--tee"]));
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    for n in 0..50 {
        stdin.write_all(&jsonl(&[line("scanwatch", "file-scanned", n)])).unwrap();
        if n % 10 == 0 {
            std::thread::sleep(std::time::Duration::from_millis(120));
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.matches("still go into the record").count(), 1, "{said}");
    assert_eq!(count(path, "true"), 50);
}

#[test]
fn a_signal_ends_it_in_good_order_with_the_last_words_of_who_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut child = start(auditdb(path).args(["ingest", "--tee"]));
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdin.write_all(&jsonl(&[line("scanwatch", "file-scanned", 1)])).unwrap();
    let mut told = String::new();
    stdout.read_line(&mut told).unwrap();
    terminate(&child);
    stdin.write_all(&jsonl(&[line("scanwatch", "run-finished", 2)])).unwrap();
    stdout.read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(told.ends_with("}\n") && told.contains("run-finished"), "{told}");
    assert_eq!(count(path, "provider = 'scanwatch'"), 2);
}

pub(crate) fn terminate(child: &std::process::Child) {
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
}

#[test]
fn one_line_is_one_line_and_two_are_two() {
    let directory = tempfile::tempdir().unwrap();
    let said = |input: &[u8], status| lines(&run(auditdb(directory.path()).arg("ingest"), input), status);
    let one = said(&jsonl(&[line("scanwatch", "file-scanned", 1)]), 0);
    assert_eq!(one[0]["message"], "1 line is in the record, 0 were no records.");
    let two =
        said(&[&jsonl(&[line("scanwatch", "file-scanned", 2), line("scanwatch", "a-b", 3)])[..], b"x\n"].concat(), 1);
    let summary = two.iter().find(|record| record["event"]["action"] == "lines-ingested").unwrap();
    assert_eq!(summary["message"], "2 lines are in the record, 1 was no record.");
}

#[test]
fn numbers_that_are_left_out_are_one_record_and_a_new_run_or_a_filter_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let numbered = |run: &str, number: u32, n: u32| {
        let mut line = line("scanwatch", "file-scanned", n);
        line["cellblock"] = json!({"line": format!("{run}-{number}")});
        line
    };
    let (one, two) = ("0a1b2c3d4e5f", "1a1b2c3d4e5f");
    let input = jsonl(&[
        numbered(one, 1, 1),
        numbered(one, 2, 2),
        numbered(one, 12, 3),
        numbered(two, 1, 4),
        numbered(two, 4, 5),
        numbered(one, 13, 6),
    ]);
    let output = run(auditdb(path).args(["ingest", "--provider", "scanwatch", "--whole"]), &input);
    assert!(String::from_utf8_lossy(&output.stderr).contains("11 lines of scanwatch are lost."));
    let told = lines(&output, 1);
    assert_eq!(actions(&told), ["lines-lost", "lines-ingested", "run-finished"]);
    assert_eq!(told[0]["cellblock"]["lost"], json!({"source": "scanwatch", "lines": 11}));
    assert_eq!(told[0]["event"]["severity"], 73);
    assert_eq!(told[0]["event"]["start"], "2026-11-22T05:00:02.000000Z");
    assert_eq!(told[0]["event"]["end"], "2026-11-22T05:00:05.000000Z");
    assert_eq!(count(path, "action = 'lines-lost' AND provider = 'auditdb' AND vouched"), 1);
    // What was filtered on its way is nobody's loss.
    let some = jsonl(&[numbered(one, 20, 7), numbered(one, 30, 8)]);
    lines(&run(auditdb(path).args(["ingest", "--provider", "scanwatch"]), &some), 0);
    assert_eq!(count(path, "action = 'lines-lost'"), 1);
}

#[test]
fn files_of_several_sources_fill_one_segment_and_each_line_keeps_who_vouches_for_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let file = |name: &str, bytes: &[u8]| {
        let file = path.join(name);
        std::fs::write(&file, bytes).unwrap();
        file.display().to_string()
    };
    let moat = file("moat", &jsonl(&[line("netguard", "rule-verified", 1), line("netguard", "run-finished", 2)]));
    let probes = file("probes", &[b"broken\n".to_vec(), jsonl(&[line("egress-check", "run-finished", 3)])].concat());
    // The name of another tool's is refused here as well, and a last line without its break is one.
    let forged = file("forged", line("netguard", "moat-applied", 4).to_string().as_bytes());
    let of = |name: &str, file: &str| format!("--each={name}={file}");
    let mut all = auditdb(path);
    all.arg("ingest").args([of("netguard", &moat), of("egress-check", &probes), of("scanwatch", &forged)]);
    let told = lines(&run(&mut all, b""), 1);
    let said: Vec<_> = told.iter().filter(|told| told["event"]["action"] == "lines-ingested").collect();
    let counts: Vec<[u64; 2]> = said
        .iter()
        .map(|told| ["passed", "failed"].map(|of| told["cellblock"]["counts"][of].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [[2, 0], [1, 1], [0, 1]]);
    assert_eq!(said[1]["message"], "egress-check: 1 line is in the record, 1 was no record.");
    assert_eq!(std::fs::read_dir(path.join("spool")).unwrap().count(), 1);
    let vouched = |provider| count(path, &format!("provider = '{provider}' AND vouched"));
    assert_eq!(["netguard", "egress-check", "scanwatch", "auditdb"].map(vouched), [2, 1, 0, 2]);
    lines(&run(auditdb(path).arg("verify"), b""), 0);
    // Where one cannot be opened none is read; whose a line is, is said once.
    lines(&run(auditdb(path).arg("ingest").args([of("netguard", &moat), of("pin", "/nowhere")]), b""), 2);
    lines(&run(auditdb(path).args(["ingest", "--provider", "cell"]).arg(of("netguard", &moat)), b""), 2);
    // Standard input ends once: the second source would have no line, and nobody would be told.
    let twice = [of("netguard", "-"), of("egress-check", "-")];
    lines(&run(auditdb(path).arg("ingest").args(twice), &jsonl(&[line("netguard", "rule-verified", 9)])), 2);
    assert_eq!(std::fs::read_dir(path.join("spool")).unwrap().count(), 1);
}
