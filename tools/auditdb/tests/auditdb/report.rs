//! `auditdb report`

use std::io::{BufRead as _, BufReader};

use super::*;

/// A line with a verdict about something, at a time of this week.
fn verdict(provider: &str, action: &str, outcome: &str, n: u32, more: &Value) -> Value {
    let mut line = line(provider, action, n);
    line["event"]["outcome"] = outcome.into();
    line["event"]["severity"] = if outcome == "failure" { 73.into() } else { 0.into() };
    merge(&mut line, more);
    line
}

fn merge(line: &mut Value, more: &Value) {
    for (name, value) in more.as_object().unwrap() {
        match line.get_mut(name) {
            Some(place) if place.is_object() => merge(place, value),
            _ => line[name] = value.clone(),
        }
    }
}

fn control(outcome: &str, n: u32, rule: &str, container: &str) -> Value {
    verdict(
        "sandboxctl",
        "control-evaluated",
        outcome,
        n,
        &json!({"rule": {"id": rule}, "container": {"name": container}}),
    )
}

fn ingest(directory: &Path, records: &[Value]) {
    lines(&run(auditdb(directory).arg("ingest"), &jsonl(records)), 0);
}

const SINCE: [&str; 2] = ["--since", "2026-11-22T05:10:00Z"];

fn text(directory: &Path) -> String {
    let output = run(auditdb(directory).args(["report", "--format", "text"]).args(SINCE), b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    text
}

fn records(directory: &Path) -> Vec<Value> {
    lines(&run(auditdb(directory).arg("report").args(SINCE), b""), 0)
}

/// The only record with this action that this holds for.
fn one<'a>(records: &'a [Value], action: &str, holds: impl Fn(&Value) -> bool) -> &'a Value {
    let found: Vec<_> = records.iter().filter(|record| record["event"]["action"] == action && holds(record)).collect();
    assert_eq!(found.len(), 1, "{action}: {records:#?}");
    found[0]
}

#[test]
fn an_empty_record_is_nothing_recorded_and_no_pass() {
    let directory = tempfile::tempdir().unwrap();
    let text = text(directory.path());
    assert!(text.contains("nothing recorded: that is no pass"), "{text}");
    assert!(!text.contains(" ok"), "{text}");
    assert!(text.contains("never checked: moat, gate, vault, warden, monitor, cell, host, record"), "{text}");
    let records = records(directory.path());
    for record in records.iter().filter(|record| record["event"]["action"] == "layer-reported") {
        assert_eq!(record["event"]["outcome"], "unknown");
    }
}

#[test]
fn what_is_new_open_mended_and_unknown_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    ingest(
        directory.path(),
        &[
            control("failure", 1, "open", "cell"),
            control("failure", 2, "mended", "cell"),
            control("success", 3, "new", "cell"),
        ],
    );
    ingest(
        directory.path(),
        &[
            control("failure", 901, "open", "cell"),
            control("success", 902, "mended", "cell"),
            control("failure", 903, "new", "cell"),
            control("unknown", 904, "dark", "proxy"),
            control("success", 905, "fine", "vault"),
        ],
    );
    let records = records(directory.path());
    for (rule, standing, outcome) in [
        ("open", "open", "failure"),
        ("mended", "mended", "success"),
        ("new", "new", "failure"),
        ("dark", "new", "unknown"),
    ] {
        let found = one(&records, "finding-reported", |record| record["rule"]["id"] == rule);
        assert_eq!(
            (&found["cellblock"]["report"]["standing"], &found["event"]["outcome"]),
            (&json!(standing), &json!(outcome))
        );
    }
    for (layer, outcome) in [("cell", "failure"), ("gate", "unknown"), ("vault", "success"), ("moat", "unknown")] {
        let found = one(&records, "layer-reported", |record| record["cellblock"]["report"]["layer"] == layer);
        assert_eq!(found["event"]["outcome"], outcome, "{layer}");
    }
    let text = text(directory.path());
    for part in [
        "\nNEW (1)\nFAILED  high     new",
        "\nSTILL OPEN (1)\nFAILED  high     open",
        "\nMENDED (1)\nmended           mended",
        "\nunknown info     dark",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        text.contains("cell     FAILED") && text.contains("gate     unknown") && text.contains("vault    ok"),
        "{text}"
    );
}

#[test]
fn a_finding_that_a_whole_run_no_longer_names_is_mended() {
    let directory = tempfile::tempdir().unwrap();
    let stranger = verdict("netguard", "stranger-found", "failure", 1, &json!({"message": "A stranger: table 7."}));
    let rule = |n| verdict("netguard", "rule-verified", "success", n, &json!({"rule": {"id": "cell/peers"}}));
    let end = |n| verdict("netguard", "run-finished", "failure", n, &json!({}));
    ingest(directory.path(), &[stranger, end(2)]);
    ingest(directory.path(), &[rule(901), end(902)]);
    let records = records(directory.path());
    let mended = one(&records, "finding-reported", |record| record["cellblock"]["report"]["standing"] == "mended");
    assert_eq!(mended["message"], "A stranger: table 7.");
    assert_eq!(mended["cellblock"]["report"]["fingerprint"], "netguard stranger-found A stranger: table N. ");
}

#[test]
fn findings_are_known_by_the_words_that_scripts_audit_knows_them_by() {
    let directory = tempfile::tempdir().unwrap();
    let found = [
        control("failure", 901, "cis-docker-5.27", "cell"),
        verdict("netguard", "set-verified", "failure", 902, &json!({"message": "Set deny4 has 12 of 13."})),
        verdict(
            "sandboxctl",
            "storage-reported",
            "failure",
            903,
            &json!({"message": "The jail holds 9.", "file": {"path": "/jail"}}),
        ),
        verdict(
            "netguard",
            "shadow-checked",
            "unknown",
            904,
            &json!({"rule": {"id": "no-way-out"}, "network": {"name": "cell"}}),
        ),
    ];
    ingest(directory.path(), &found);
    let house = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts");
    let mut jq = Command::new("jq");
    jq.args([
        "-L",
        &format!("{house}/jq"),
        "-rR",
        "--arg",
        "check",
        "NAME",
        "-f",
        &format!("{house}/audit.d/finding.jq"),
    ]);
    let said = String::from_utf8(run(&mut jq, &jsonl(&found)).stdout).unwrap();
    let mut expected: Vec<_> =
        said.lines().map(|line| line.split('\t').next().unwrap().trim_start_matches("NAME ").to_owned()).collect();
    let records = records(directory.path());
    let prints = records.iter().filter_map(|record| record["cellblock"]["report"]["fingerprint"].as_str());
    let mut prints: Vec<_> = prints.map(str::to_owned).collect();
    expected.sort();
    prints.sort();
    assert_eq!(prints, expected);
    assert_eq!(prints.len(), 4);
}

#[test]
fn a_run_that_said_the_same_again_makes_the_check_no_older() {
    let end = |provider: &str, outcome: &str, n, checked: u32| {
        verdict(provider, "run-finished", outcome, n, &json!({"cellblock": {"counts": {"checked": checked}}}))
    };
    let said = |layer: &str, ends: &[Value]| {
        let directory = tempfile::tempdir().unwrap();
        let verified = verdict("auditdb", "record-verified", "success", 902, &json!({}));
        ingest(directory.path(), &[control("success", 901, "fine", "cell"), verified]);
        ingest(directory.path(), ends);
        let records = records(directory.path());
        let found = one(&records, "layer-reported", |record| record["cellblock"]["report"]["layer"] == layer);
        found["event"]["end"].as_str().unwrap().to_owned()
    };
    let alone = said("cell", &[]);
    assert_eq!(said("cell", &[end("sandboxctl", "success", 912, 0)]), alone);
    assert_eq!(said("cell", &[end("netguard", "success", 913, 9)]), alone);
    for outcome in ["success", "failure", "unknown"] {
        assert!(said("cell", &[end("sandboxctl", outcome, 910, 9)]) > alone, "{outcome}");
    }
    // auditdb ends more than one kind of run: its own check is kept each time.
    assert_eq!(said("record", &[end("auditdb", "success", 910, 9)]), said("record", &[]));
}

#[test]
fn refusals_incidents_and_gaps_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let denied = |n| {
        verdict(
            "netguard",
            "flow-denied",
            "x",
            n,
            &json!({"container": {"name": "cell"}, "destination": {"ip": "192.168.1.10", "port": 445}, "network": {"transport": "tcp"}}),
        )
    };
    let jailed = verdict(
        "scanwatch",
        "file-quarantined",
        "success",
        905,
        &json!({"file": {"path": "/share/<img src=x>\u{1b}[2J"}, "rule": {"name": "Eicar"}}),
    );
    let moved = |n, old: &str, new: &str| {
        let reference = json!({"name": "refs/tags/v1", "old": {"id": old}, "new": {"id": new}, "may_move": false});
        verdict(
            "auditdb",
            "ref-moved",
            "failure",
            n,
            &json!({"url": {"full": "https://x/y"}, "cellblock": {"reference": reference}}),
        )
    };
    ingest(
        directory.path(),
        &[
            line("netguard", "run-finished", 1),
            denied(901),
            denied(902),
            jailed,
            moved(910, "2222222a", "5555555b"),
            moved(970, "5555555b", "2222222a"),
        ],
    );
    let text = text(directory.path());
    assert!(text.contains("REFUSED 1 destination, 2 lines\n2×      192.168.1.10:445/tcp"), "{text}");
    assert!(
        text.contains("JAILED (1)\n22 Nov 05:15 quarantined Eicar") && text.contains("/share/<img src=x>\\u{1b}"),
        "{text}"
    );
    assert!(
        text.contains("MOVED REFS (1)\n22 Nov 05:15 tags/v1            2222222 → 5555555, back after 1 min"),
        "{text}"
    );
    assert!(text.contains("GAPS (1)\n") && text.contains("nothing recorded for"), "{text}");
    assert!(text.contains("ACTIVITY") && text.contains("refused   █"), "{text}");
    let records = records(directory.path());
    assert_eq!(one(&records, "refusal-reported", |_| true)["cellblock"]["report"]["count"], 2);
    let reference = one(&records, "incident-reported", |record| record["url"].is_object());
    assert_eq!(reference["event"]["end"], "2026-11-22T05:16:10.000000Z");
    assert_eq!(one(&records, "gap-reported", |_| true)["event"]["outcome"], "unknown");
}

/// From and to of the pauses that a report tells.
fn pauses(directory: &Path) -> Vec<(String, String)> {
    let records = records(directory).into_iter().filter(|record| {
        record["event"]["action"] == "gap-reported"
            && record["event"]["reason"].as_str().unwrap().contains("the host was down")
    });
    let time = |record: &Value, end: &str| record["event"][end].as_str().unwrap().to_owned();
    records.map(|record| (time(&record, "start"), time(&record, "end"))).collect()
}

/// Two streams begin and end.
fn two_streams(directory: &Path, n: u32) {
    ingest(directory, &[line("netguard", "moat-watched", n), line("netguard", "flow-denied", n + 1)]);
    ingest(directory, &[line("sandboxctl", "engine-event-seen", n + 2)]);
}

#[test]
fn a_boot_is_a_gap_however_short_for_every_stream_ended_and_began() {
    let directory = tempfile::tempdir().unwrap();
    two_streams(directory.path(), 901);
    assert_eq!(pauses(directory.path()), [], "of two streams one has its first line behind the other's last");
    let from = jiff::Timestamp::now().to_string();
    two_streams(directory.path(), 970);
    let told = pauses(directory.path());
    assert!(matches!(&told[..], [(start, end)] if *start < from && from < *end), "{told:?}, {from}");
    let text = text(directory.path());
    let told = "\n             the host was down, or what collects was not running\n";
    let (before, _) = text.split_once(told).unwrap();
    assert!(before.lines().last().unwrap().contains(" no stream was read for "), "{text}");
}

#[test]
fn where_one_stream_goes_on_or_nobody_follows_anything_no_gap_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start(auditdb(directory.path()).args(["ingest", "--tee"]));
    let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut tee = BufReader::new(stdout).lines();
    let mut say = |n| {
        stdin.write_all(&jsonl(&[line("netguard", "flow-denied", n)])).unwrap();
        assert!(tee.next().unwrap().unwrap().contains(&format!("line {n}")));
    };
    say(800);
    two_streams(directory.path(), 901);
    two_streams(directory.path(), 970);
    assert_eq!(pauses(directory.path()), [], "it is there, and says nothing");
    say(990);
    drop(stdin);
    child.wait().unwrap();
    assert_eq!(pauses(directory.path()), [], "its lines before and behind show that it was there");

    let checks = tempfile::tempdir().unwrap();
    for n in [901, 950] {
        ingest(checks.path(), &[control("success", n, "fine", "cell"), line("sandboxctl", "run-finished", n + 1)]);
    }
    assert_eq!(pauses(checks.path()), [], "a check comes, says its lines and goes");
}

#[test]
fn a_report_of_a_time_to_come_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(auditdb(directory.path()).args(["report", "--since", "2999-01-01T00:00:00Z"]), b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("to come"));
}

#[test]
fn the_manuals_examples_work_as_printed() {
    let directory = tempfile::tempdir().unwrap();
    ingest(directory.path(), &[control("failure", 901, "cis-docker-5.27", "cell")]);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/auditdb.1")).unwrap();
    let examples: Vec<_> = page.lines().filter_map(|line| line.strip_prefix(".Dl $ auditdb report")).collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        let example = format!("auditdb report{}", example.replace("\\(dq", "\""));
        let place =
            format!("--directory '{}' --keys '{}'", directory.path().display(), keys(directory.path()).display());
        let script = format!(
            "set -euo pipefail; auditdb() {{ '{}' {place} \"$@\"; }}; {example}",
            env!("CARGO_BIN_EXE_auditdb")
        );
        let output = run(Command::new("bash").args(["-c", &script]).current_dir(directory.path()), b"");
        assert_eq!(output.status.code(), Some(0), "{example}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty() || example.contains("1d") || example.contains("--html"), "{example}");
    }
    assert!(directory.path().join("report.html").exists());
}

/// The page of a record with hostile names in it.
fn page(directory: &Path) -> String {
    let file = directory.join("report.html");
    let output = run(auditdb(directory).args(["report", "--html"]).arg(&file).args(SINCE), b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_page_reaches_for_nothing_and_escapes_what_the_prisoner_chose() {
    use std::os::unix::fs::MetadataExt;
    let directory = tempfile::tempdir().unwrap();
    let evil = "/share/<img src=x onerror=alert(1)>\u{202e}";
    let jailed = verdict(
        "scanwatch",
        "file-quarantined",
        "success",
        905,
        &json!({"file": {"path": evil}, "rule": {"name": "<b>"}}),
    );
    let denied = verdict(
        "egress-proxy",
        "request-denied",
        "failure",
        906,
        &json!({"message": "GET <script>alert(1): 403", "event": {"reason": "\"'>"}}),
    );
    ingest(directory.path(), &[jailed]);
    lines(&run(auditdb(directory.path()).args(["ingest", "--provider", "egress-proxy"]), &jsonl(&[denied])), 0);
    let page = page(directory.path());
    assert!(page.contains("/share/&lt;img src=x onerror=alert(1)&gt;\\u{202e}"), "{page}");
    assert!(!page.contains("<img") && !page.contains("<b>") && !page.contains('\u{202e}'));
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"));
    for reach in ["src=\"", "url(", "@import", "href=\"h", "<link", " style=\"", " onload", "javascript:"] {
        assert!(!page.contains(reach), "{reach}");
    }
    let file = std::fs::metadata(directory.path().join("report.html")).unwrap();
    assert_eq!(file.mode() & 0o777, 0o600);
}

#[test]
fn a_page_of_nothing_says_that_this_is_no_pass_and_one_of_much_stays_small() {
    let directory = tempfile::tempdir().unwrap();
    let empty = page(directory.path());
    assert!(empty.contains("Nothing is recorded: that is no pass."));
    assert!(!empty.contains("<svg"));
    let many: Vec<Value> = (900..5400).map(|n| control("failure", n, &format!("rule-{n}"), "cell")).collect();
    ingest(directory.path(), &many);
    let much = page(directory.path());
    assert!(much.len() < 2 << 20, "{}", much.len());
    assert!(much.contains("entries of lesser severity are left out") && much.contains(" more."));
}
