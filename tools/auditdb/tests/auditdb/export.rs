//! `export`: whole files for other programs, in which a failure stays a failure.

use std::fs;

use super::*;

/// A check of each verdict, an alert, and a line that is none.
fn verdicts() -> Vec<Value> {
    let mut all: Vec<Value> = [(1, "success", 0), (2, "failure", 73), (3, "unknown", 21)]
        .map(|(n, outcome, severity)| {
            let mut check = line("sandboxctl", "control-evaluated", n);
            check["event"]["outcome"] = outcome.into();
            check["event"]["severity"] = severity.into();
            check["event"]["reason"] = format!("because {n} <&>").into();
            check["rule"] = json!({"id": format!("cis-{n}")});
            check["container"] = json!({"name": "cell"});
            check
        })
        .to_vec();
    let mut jailed = line("scanwatch", "file-quarantined", 4);
    jailed["event"]["kind"] = "alert".into();
    jailed["event"]["severity"] = 73.into();
    jailed["event"]["outcome"] = "success".into();
    jailed["file"] = json!({"path": "/share/a b\u{1}"});
    all.extend([jailed, line("scanwatch", "rescan-finished", 5)]);
    all
}

fn record() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), &verdicts());
    directory
}

fn put(directory: &Path, all: &[Value]) {
    lines(&run(auditdb(&directory.join("audit")).arg("ingest"), &jsonl(all)), 0);
}

fn export(directory: &Path, arguments: &[&str]) -> Output {
    run(auditdb(&directory.join("audit")).arg("export").args(arguments).current_dir(directory), b"")
}

/// The file that an export made.
fn file(directory: &Path, form: &str) -> String {
    let told = lines(&export(directory, &[form, "--to", "out", "--until", "2026-12-01"]), 0);
    assert_eq!(actions(&told), ["records-exported", "run-finished"]);
    fs::read_to_string(directory.join("out")).unwrap()
}

#[test]
fn in_sarif_a_failure_fails_and_what_is_unknown_is_open() {
    let directory = record();
    let sarif: Value = serde_json::from_str(&file(directory.path(), "sarif")).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let run = &sarif["runs"][0];
    let results: Vec<(&str, &str, &str)> = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            (result["ruleId"].as_str().unwrap(), result["kind"].as_str().unwrap(), result["level"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        results,
        [
            ("sandboxctl/cis-1", "pass", "none"),
            ("sandboxctl/cis-2", "fail", "error"),
            ("sandboxctl/cis-3", "open", "none"),
            ("scanwatch/file-quarantined", "review", "none"),
        ]
    );
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), 4);
    assert_eq!(
        run["results"][3]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "file:///share/a%20b%01"
    );
}

#[test]
fn in_junit_a_failure_is_a_failure_and_what_is_unknown_an_error() {
    let directory = record();
    let xml = file(directory.path(), "junit");
    let python = "import sys, xml.etree.ElementTree as t\n\
        for c in t.parse(sys.argv[1]).iter('testcase'): print(c.get('name'), [e.tag for e in c])\n\
        s = t.parse(sys.argv[1]).getroot(); print(s.get('tests'), s.get('failures'), s.get('errors'))";
    let told = run(Command::new("python3").args(["-c", python]).arg(directory.path().join("out")), b"");
    let told = String::from_utf8(told.stdout).unwrap();
    let expected =
        "cis-1 cell []\ncis-2 cell ['failure']\ncis-3 cell ['error']\nfile-quarantined /share/a b []\n4 1 1\n";
    assert_eq!(told, expected, "{xml}");
    assert!(xml.contains("because 2 &lt;&amp;&gt;"), "{xml}");
}

#[test]
fn csv_and_ocsf_hold_all_records() {
    let directory = record();
    let csv = file(directory.path(), "csv");
    assert_eq!(csv.lines().count(), 1 + 5, "{csv}");
    assert!(csv.starts_with("time,provider,action,outcome,"), "{csv}");
    let ocsf: Vec<Value> =
        file(directory.path(), "ocsf").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let classes: Vec<u64> = ocsf.iter().map(|event| event["class_uid"].as_u64().unwrap()).take(5).collect();
    assert_eq!(classes, [2003, 2003, 2003, 2004, 0]);
    let status = |n: usize| ocsf[n]["compliance"]["status_id"].as_u64().unwrap();
    assert_eq!([status(0), status(1), status(2)], [1, 3, 0], "pass, fail, and unknown is no pass");
    assert_eq!(serde_json::from_str::<Value>(ocsf[1]["raw_data"].as_str().unwrap()).unwrap(), verdicts()[1]);
}

#[test]
fn a_file_is_there_whole_or_not_at_all() {
    let directory = record();
    let path = directory.path();
    fs::write(path.join("out"), "what stood there").unwrap();
    let output = export(path, &["csv", "--to", "nowhere/out"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("nowhere/.out.part"));
    let output = export(path, &["csv", "--to", "out", "--grep", "("]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read_to_string(path.join("out")).unwrap(), "what stood there");
    assert!(file(path, "csv").starts_with("time,"));
    let piped = export(path, &["csv", "--to", "-", "--tool", "scanwatch", "--outcome", "success"]);
    assert_eq!(String::from_utf8(piped.stdout).unwrap().lines().count(), 2);
}

/// The messages in all files of the folder, in their order.
fn shipped(directory: &Path) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(directory.join("ship")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("cellblock-"));
    files.sort();
    let text: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["metadata"]["uid"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_was_shipped_is_not_shipped_again_also_after_a_kill_and_a_rebuild() {
    let directory = record();
    let path = directory.path();
    let ship = || lines(&export(path, &["ocsf", "--to", "ship", "--since-last", "--tool", "sandboxctl"]), 0);
    assert_eq!(actions(&ship()), ["records-exported", "run-finished"]);
    assert_eq!(actions(&ship()), ["run-finished"], "nothing new is no file");
    put(path, &[line("sandboxctl", "control-evaluated", 8), line("scanwatch", "file-scanned", 9)]);
    lines(&run(auditdb(&path.join("audit")).arg("rebuild"), b""), 0);
    ship();
    assert_eq!(shipped(path).len(), 4);
    // A run that was killed when the file counted already and had no name yet.
    fs::rename(path.join("ship/cellblock-00000002.ocsf.jsonl"), path.join("ship/.cellblock-00000002.ocsf.jsonl.part"))
        .unwrap();
    assert_eq!(shipped(path).len(), 3);
    ship();
    let all = shipped(path);
    assert_eq!(all.len(), 4);
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "nothing twice");
    // One that was killed before the file counted left nothing that lasts.
    fs::write(path.join("ship/.cellblock-00000003.ocsf.jsonl.part"), "half").unwrap();
    put(path, &[line("sandboxctl", "control-evaluated", 10)]);
    ship();
    assert_eq!(shipped(path).len(), 5);
    let broken = export(path, &["ocsf", "--to", "-", "--since-last"]);
    assert_eq!(broken.status.code(), Some(2));
}

/// What DuckDB, asked from outside, says of files.
fn read_back(directory: &Path, sql: &str) -> Vec<String> {
    let connection = duckdb::Connection::open_in_memory().unwrap();
    let sql = sql.replace("$", directory.to_str().unwrap());
    let mut statement = connection.prepare(&sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn parquet_is_a_folder_by_day_and_provider_with_the_columns_as_they_are() {
    let directory = record();
    let path = directory.path();
    put(
        path,
        &[
            json!({"@timestamp": "2025-01-02T03:04:05.678901Z", "event": {"id": "x", "provider": "netguard", "action": "a"},
        "destination": {"port": 443}, "message": "=\"ä\n'"}),
        ],
    );
    let told = lines(&export(path, &["parquet", "--to", "out", "--until", "2026-12-01"]), 0);
    assert_eq!(
        (actions(&told), &told[0]["cellblock"]["spool"]["lines"]),
        (vec!["records-exported", "run-finished"], &json!(6))
    );
    let all = "read_parquet('$/out/*/*/*.parquet', hive_partitioning = true)";
    let partitions = read_back(
        path,
        &format!("SELECT day || ' ' || provider || ' ' || count(*) FROM {all} GROUP BY day, provider ORDER BY 1"),
    );
    assert_eq!(partitions, ["2025-01-02 netguard 1", "2026-11-22 sandboxctl 3", "2026-11-22 scanwatch 2"]);
    let one = "concat_ws('|', epoch_us(time), destination_port, message, typeof(time), typeof(destination_port), typeof(severity), typeof(vouched))";
    assert_eq!(
        read_back(path, &format!("SELECT {one} FROM read_parquet('$/out/day=2025-01-02/provider=netguard/*.parquet')")),
        ["1735787045678901|443|=\"ä\n'|TIMESTAMP|USMALLINT|UTINYINT|BOOLEAN"]
    );
    let raw = read_back(path, &format!("SELECT raw FROM {all} ORDER BY raw"));
    let given = ask(&path.join("audit"), "SELECT raw FROM records ORDER BY raw");
    assert_eq!(raw, given.iter().map(|row| row["raw"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
    let again = export(path, &["parquet", "--to", "out"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8(again.stderr).unwrap().contains("something is there already"));
    assert_eq!(export(path, &["parquet", "--to", "-"]).status.code(), Some(2));
    assert!(!path.join(".out.part").exists());
}

#[test]
fn parquet_is_shipped_once_also_after_a_kill() {
    let directory = record();
    let path = directory.path();
    let ship = || lines(&export(path, &["parquet", "--to", "ship", "--since-last", "--tool", "sandboxctl"]), 0);
    let ids = || read_back(path, "SELECT id FROM read_parquet('$/ship/**/*.parquet') ORDER BY id");
    assert_eq!(actions(&ship()), ["records-exported", "run-finished"]);
    assert_eq!(actions(&ship()), ["run-finished"], "nothing new is no file");
    let mut tomorrow = line("sandboxctl", "control-evaluated", 8);
    tomorrow["@timestamp"] = "2026-11-23T05:00:00Z".into();
    put(path, &[tomorrow, line("sandboxctl", "control-evaluated", 9)]);
    ship();
    let all = ids();
    assert_eq!(all.len(), 5);
    // A run that was killed when its files counted already, and one of them had its place.
    let (draft, day) = (path.join("ship/.cellblock-00000002.parquet.part"), "day=2026-11-23/provider=sandboxctl");
    fs::create_dir_all(draft.join("files").join(day)).unwrap();
    let shipped = path.join("ship").join(day).join("cellblock-00000002-0.parquet");
    fs::rename(&shipped, draft.join("files").join(day).join("cellblock-00000002-0.part")).unwrap();
    assert_eq!(ids().len(), 4, "a draft is no file of the folder's");
    assert_eq!(actions(&ship()), ["run-finished"]);
    assert_eq!(ids(), all);
    assert!(!draft.exists());
}

#[test]
fn a_link_that_lies_in_the_way_leads_no_export_to_another_file() {
    let directory = record();
    let (victim, draft) = (directory.path().join("victim"), directory.path().join(".out.part"));
    fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, &draft).unwrap();
    let out = export(directory.path(), &["csv", "--to", "out"]);
    assert_eq!((out.status.code(), fs::read_to_string(&victim).unwrap().as_str()), (Some(2), "untouched"));
    assert!(!directory.path().join("out").exists());
    // What was in the way is taken away with the draft, so that the next one is written.
    assert_eq!(export(directory.path(), &["csv", "--to", "out"]).status.code(), Some(0));
}

#[test]
fn a_folder_that_remembers_is_not_shared_by_sets_of_filters() {
    let directory = record();
    let path = directory.path();
    let ship = |folder: &str, more: &[&str]| export(path, &[&["ocsf", "--to", folder, "--since-last"], more].concat());
    let narrow = ["--tool", "sandboxctl"];
    lines(&ship("narrow", &narrow), 0);
    lines(&ship("narrow", &narrow), 0);
    lines(&ship("wide", &[]), 0);
    for (folder, more, why) in [
        ("wide", &narrow[..], "no filter"),
        ("narrow", &[], "other filters"),
        ("narrow", &["--severity", "73"], "other filters"),
    ] {
        let refused = ship(folder, more);
        assert_eq!(refused.status.code(), Some(2), "{folder}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(why) && said.contains("would never send"), "{said}");
    }
    put(path, &[line("scanwatch", "file-scanned", 9)]);
    assert_eq!(
        actions(&lines(&ship("wide", &[]), 0)),
        ["records-exported", "run-finished"],
        "what was refused moved no bookmark"
    );
}
