//! The access log: one ECS record a request, one a TLS connection. nginx escapes what a client sent
//! (`escape=json`); bytes from 0x80 on pass as they are, and `auditdb` decodes them lossily.

use super::syntax::Conf;

/// What both kinds of record begin with. The verdict's words come from the script.
const HEAD: &str = r#"{"@timestamp":"$gate_time","ecs":{"version":"9.2.0"},"event":{"id":"$gate_id","provider":"egress-proxy","action":"@WHAT@-$gate_verdict","kind":"event","category":["network","web"],"type":["$gate_type"],"outcome":"$gate_outcome","severity":$gate_severity,"reason":"$gate_reason","duration":$gate_duration},"source":{"ip":"$remote_addr","port":$remote_port},"rule":{"id":"$gate_rule"},"#;

/// A request. The path is as the client sent it, without the query, where people put tokens.
const REQUEST: &str = r#""message":"$request_method $host$gate_path: $status","network":{"name":"$gate_client","protocol":"http","transport":"tcp"},"http":{"version":"$server_protocol","request":{"id":"$request_id","method":"$request_method","bytes":$request_length},"response":{"status_code":$gate_status,"bytes":$bytes_sent,"body":{"bytes":$body_bytes_sent}}},"url":{"scheme":"https","domain":"$host","path":"$gate_path"},"destination":{"address":"$gate_destination","ip":"$gate_upstream_ip"}}"#;

/// A TLS connection that the client opened itself.
const SESSION: &str = r#""message":"TLS to $ssl_preread_server_name: $status","network":{"name":"$gate_client","protocol":"tls","transport":"tcp"},"tls":{"client":{"server_name":"$ssl_preread_server_name"},"version":"$ssl_preread_protocol"},"destination":{"address":"$ssl_preread_server_name","ip":"$gate_upstream_ip","bytes":$bytes_sent}}"#;

/// The script's variables, shared by both sections but for those that differ in name.
fn variables(conf: &mut Conf, functions: &[(&str, &str)]) {
    conf.line(&format!("js_import gate from {};", super::SCRIPT));
    for (variable, function) in functions {
        conf.line(&format!("js_set ${variable} gate.{function};"));
    }
}

/// Log format and variables of the http section.
pub(super) fn requests(conf: &mut Conf) {
    variables(
        conf,
        &[
            ("gate_time", "time"),
            ("gate_id", "uuid"),
            ("gate_duration", "duration"),
            ("gate_status", "status"),
            ("gate_upstream_ip", "upstream_ip"),
            ("gate_reason", "reason"),
            ("gate_verdict", "verdict"),
            ("gate_outcome", "outcome"),
            ("gate_severity", "severity"),
            ("gate_type", "type"),
            ("gate_key", "key"),
        ],
    );
    conf.line(r#"map $request_uri $gate_path { "~^(?<gate_raw_path>[^?]*)" $gate_raw_path; default ""; }"#);
    format(conf, "request", REQUEST);
}

/// Log format and variables of the stream section.
pub(super) fn sessions(conf: &mut Conf) {
    variables(
        conf,
        &[
            ("gate_time", "time"),
            ("gate_id", "uuid"),
            ("gate_duration", "session_duration"),
            ("gate_upstream_ip", "upstream_ip"),
            ("gate_reason", "session_reason"),
            ("gate_verdict", "session_verdict"),
            ("gate_outcome", "outcome"),
            ("gate_severity", "severity"),
            ("gate_type", "type"),
        ],
    );
    format(conf, "connection", SESSION);
}

fn format(conf: &mut Conf, what: &str, tail: &str) {
    let head = HEAD.replace("@WHAT@", what);
    conf.line(&format!("log_format ecs escape=json '{head}{tail}';"));
    conf.line("access_log /dev/stdout ecs;");
}
