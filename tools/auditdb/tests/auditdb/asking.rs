//! `query` by name and in other forms.

use super::*;

/// The answer as Parquet, read by a DuckDB of our own: one text a row.
fn as_parquet(directory: &Path, sql: &str, shown: &str) -> Vec<String> {
    let output = run(auditdb(directory).args(["query", "-o", "parquet", sql]), b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let file = directory.join("answer.parquet");
    std::fs::write(&file, output.stdout).unwrap();
    let connection = duckdb::Connection::open_in_memory().unwrap();
    let mut statement = connection.prepare(&format!("SELECT {shown} FROM '{}'", file.display())).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn an_answer_comes_as_parquet_with_its_types_and_reaches_no_file_but_the_one_that_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    lines(
        &run(
            auditdb(path).arg("ingest"),
            &jsonl(&[line("scanwatch", "file-scanned", 1), line("scanwatch", "file-scanned", 2)]),
        ),
        0,
    );
    let sql = "SELECT time, severity, id, time AS \"a\"\"b\", sum(severity) AS s, [1, NULL] AS l, {'x': 1.50} AS st, \
        NULL::DATE AS d, count(*) AS n, count(*) AS n FROM records GROUP BY ALL ORDER BY id";
    let kinds = "concat_ws('|', typeof(time), typeof(severity), typeof(\"a\"\"b\"), typeof(s), typeof(l), typeof(st), typeof(d), typeof(n_2), time, id)";
    let rows = as_parquet(path, sql, kinds);
    assert_eq!(rows.len(), 2);
    assert_eq!(
        rows[0],
        "TIMESTAMP|UTINYINT|TIMESTAMP|DECIMAL(38,0)|INTEGER[]|STRUCT(x DECIMAL(3,2))|DATE|BIGINT|2026-11-22 05:00:01|019aa9b5-2a80-7c3e-9d6e-000000000001"
    );
    assert_eq!(as_parquet(path, "SELECT id FROM records WHERE false", "id").len(), 0);
    let file = path.join("rows.parquet");
    let to = |sql: &str| run(auditdb(path).args(["query", "-o", "parquet", "--to"]).arg(&file).arg(sql), b"");
    assert_eq!(to("SELECT 1 AS n").status.code(), Some(0));
    let before = std::fs::read(&file).unwrap();
    for bad in [
        "SELECT nothing",
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY records TO '/tmp/x.csv'",
        &format!("FROM '{}'", file.display()),
        "SELECT CASE WHEN range = 99999 THEN 'x' ELSE '1' END::INTEGER AS n FROM range(100000)",
        "SELECT 1) TO '/tmp/x.parquet' (FORMAT csv) --",
    ] {
        let output = to(bad);
        assert_eq!(output.status.code(), Some(2), "{bad}");
        assert_eq!(std::fs::read(&file).unwrap(), before, "{bad}: what stood there stays");
    }
    assert!(!path.join(".rows.parquet.part").exists() && !Path::new("/tmp/x.parquet").exists());
    let csv = run(auditdb(path).args(["query", "-o", "csv", "--to"]).arg(&file).arg("SELECT 1 AS n"), b"");
    assert_eq!((csv.status.code(), std::fs::read(&file).unwrap()), (Some(0), b"n\n1\n".to_vec()));
}

fn record() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut file = line("scanwatch", "file-quarantined", 1);
    file["event"]["kind"] = "alert".into();
    file["event"]["severity"] = 73.into();
    file["file"] = json!({"path": "/share/=cmd|x\u{1b}[2J", "size": 68, "hash": {"sha256": "ab"}});
    file["rule"] = json!({"name": "Eicar"});
    let mut flow = line("netguard", "flow-denied", 2);
    flow["destination"] = json!({"ip": "192.168.1.1", "port": 22});
    flow["network"] = json!({"name": "cell", "transport": "tcp", "packets": 3, "bytes": 180});
    let mut failed = line("sandboxctl", "control-evaluated", 3);
    failed["event"]["outcome"] = "failure".into();
    failed["rule"] = json!({"id": "cis-1", "name": "One"});
    let mut passed = failed.clone();
    passed["event"] = json!({"id": "019aa9b5-2a80-7c3e-9d6e-000000000004", "provider": "sandboxctl", "action": "control-evaluated",
        "kind": "state", "severity": 0, "outcome": "success"});
    let mut unknown = line("sandboxctl", "control-evaluated", 5);
    unknown["event"]["outcome"] = "unknown".into();
    unknown["rule"] = json!({"id": "cis-2"});
    let unreachable = line("auditdb", "refs-unreachable", 6);
    let all = [file, flow, failed, passed, unknown, unreachable, line("auditdb", "refs-read", 7)];
    lines(&run(auditdb(directory.path()).arg("ingest"), &jsonl(&all)), 0);
    let gate = json!({"@timestamp": "2026-11-22T05:00:08Z", "event": {"action": "request-denied", "outcome": "failure"}, "error": {"code": "host"},
        "url": {"full": "https://x/"}, "http": {"request": {"method": "GET"}, "response": {"status_code": 403}}});
    let odd = r#"{"event":{"action":"request-denied"},"error":"text","http":[]}"#;
    let gate = format!("{gate}\n{odd}\n");
    lines(&run(auditdb(directory.path()).args(["ingest", "--provider", "egress-proxy"]), gate.as_bytes()), 0);
    directory
}

#[test]
fn a_segment_s_failure_is_mended_once_a_later_whole_run_does_not_say_it_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let keep = |action: &str, second: u32, outcome: &str, segment: Option<&str>| {
        let mut told = line("auditdb", action, second);
        told["event"]["outcome"] = outcome.into();
        if let Some(segment) = segment {
            told["cellblock"] = json!({"spool": {"segment": segment}});
        }
        lines(&run(auditdb(path).arg("ingest"), &jsonl(&[told])), 0);
    };
    let states = || {
        let rows = ask(path, "SELECT subject, state FROM findings WHERE rule = 'segment-verified' ORDER BY subject");
        rows.iter().map(|row| format!("{} {}", row["subject"], row["state"]).replace('"', "")).collect::<Vec<_>>()
    };
    keep("segment-verified", 1, "failure", Some("1"));
    keep("segment-verified", 2, "failure", Some("2"));
    keep("record-verified", 3, "failure", None);
    assert_eq!(states(), ["1 open", "2 open"]);
    keep("segment-verified", 4, "failure", Some("2"));
    keep("record-verified", 5, "failure", None);
    assert_eq!(states(), ["1 mended", "2 open"], "the second run has the second one alone");
    keep("record-verified", 6, "success", None);
    assert_eq!(states(), ["1 mended", "2 mended"]);
    keep("segment-verified", 7, "failure", Some("1"));
    assert_eq!(states(), ["1 open", "2 mended"]);
}

fn said(directory: &Path, arguments: &[&str]) -> String {
    let output = run(auditdb(directory).arg("query").args(arguments), b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_view_answers_what_its_name_says() {
    let directory = record();
    let path = directory.path();
    let one = |sql: &str| ask(path, sql).remove(0);
    assert_eq!(one("SELECT count(*) AS n FROM events")["n"], count(path, "true"));
    assert_eq!(one("SELECT action FROM alerts")["action"], "file-quarantined");
    assert_eq!(
        one("SELECT verdict, status, code FROM requests WHERE status = 403"),
        json!({"verdict": "denied", "status": 403, "code": "host"})
    );
    assert_eq!(ask(path, "SELECT * FROM requests").len(), 2, "a line that is odd fails no answer");
    let flow =
        json!({"network": "cell", "destination_ip": "192.168.1.1", "destination_port": 22, "packets": 3, "bytes": 180});
    assert_eq!(one("SELECT network, destination_ip, destination_port, packets, bytes FROM denied_flows"), flow);
    assert_eq!(
        one("SELECT size, sha256, signature FROM files"),
        json!({"size": 68, "sha256": "ab", "signature": "Eicar"})
    );
    let findings = ask(path, "SELECT rule, state, times FROM findings WHERE provider = 'sandboxctl' ORDER BY rule");
    assert_eq!(
        findings,
        [
            json!({"rule": "cis-1", "state": "mended", "times": 1}),
            json!({"rule": "cis-2", "state": "unknown", "times": 1})
        ]
    );
    assert_eq!(
        one("SELECT action, ended FROM gaps"),
        json!({"action": "refs-unreachable", "ended": "2026-11-22T05:00:07.000000Z"})
    );
    let layers = ask(path, "SELECT DISTINCT layer FROM timeline ORDER BY layer");
    assert_eq!(layers, [json!({"layer": "gate"}), json!({"layer": "moat"}), json!({"layer": "warden"})]);
    assert_eq!(ask(path, "SELECT * FROM refs"), [] as [Value; 0]);
}

#[test]
fn the_schema_tells_what_there_is_to_ask_and_the_manual_has_it_all() {
    let directory = record();
    let rows: Vec<Value> =
        said(directory.path(), &[".schema"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: std::collections::BTreeSet<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    let all =
        ["alerts", "denied_flows", "events", "files", "findings", "gaps", "records", "refs", "requests", "timeline"];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), all);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/auditdb.1")).unwrap();
    for row in &rows {
        let column = row["column"].as_str().unwrap();
        assert!(
            page.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == column),
            "{} of {} is in no manual",
            column,
            row["name"]
        );
    }
    let refs = said(directory.path(), &[".schema refs"]);
    assert!(refs.contains(r#""column":"may_move","type":"BOOLEAN""#) && !refs.contains("gaps"), "{refs}");
    let output = run(auditdb(directory.path()).args(["query", ".tables"]), b"");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_table_is_for_people_and_csv_for_spreadsheets_that_compute_nothing() {
    let directory = record();
    let path = directory.path();
    let table = said(path, &["-o", "table", "SELECT path, size FROM files"]);
    assert!(
        table.contains("path") && table.contains("68") && table.contains("\\u{1b}[2J") && !table.contains('\u{1b}'),
        "{table}"
    );
    let csv = said(
        path,
        &["--output", "csv", "SELECT substr(path, 8) AS path, size, NULL AS none, [1, 2] AS list, -1 AS n FROM files"],
    );
    assert_eq!(csv, "path,size,none,list,n\n'=cmd|x\u{1b}[2J,68,,\"[1,2]\",-1\n");
    assert_eq!(said(path, &["SELECT size FROM files"]), "{\"size\":68}\n", "lines for who is no person");
    let output = run(auditdb(path).args(["query", "-o", "table", "SELECT range AS n FROM range(1500)"]), b"");
    assert!(String::from_utf8(output.stderr).unwrap().contains("500 more"));
}
