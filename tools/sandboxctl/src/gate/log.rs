//! The access log: one ECS record a request, one a TLS connection.
//!
//! The script builds them (`njs/record.js`): so every line is JSON whatever bytes a client sends, and what does not
//! apply is absent. It builds none for refusals beyond a bound, and nothing is written then.
//!
//! Nearly every request is a plain one, though: let through, answered, its name and path in ASCII. nginx writes the
//! same record of it by itself: building it in the script was half of what a request cost. Only the time in the id, in
//! hexadecimal, and the address are the script's then.

use super::syntax::Conf;

/// What a section needs of the script, and its log.
fn section(conf: &mut Conf, record: &str) {
    conf.line(&format!("js_path {};", super::SCRIPTS));
    conf.line("js_import gate from gate.js;");
    conf.line(&format!("js_set $gate_record gate.{record};"));
    conf.line("log_format record escape=none '$gate_record';");
    // nginx tells why an upstream failed here and nowhere else: the script looks it up. In memory, because a line
    // of it quotes the request, and people put tokens into queries.
    conf.line("error_log stderr crit;");
    conf.line("error_log /run/nginx/trouble.log error;");
}

/// TLS connections, and those to port 80 that came to nothing.
pub(super) fn connections(conf: &mut Conf) {
    section(conf, "session");
    conf.line("access_log /dev/stdout record if=$gate_record;");
}

/// The log of requests: one record each.
pub(super) fn requests(conf: &mut Conf) {
    section(conf, "request");
    conf.line("js_set $gate_traced gate.traced;");
    // Asked for by the plain log alone, so that a number is taken for each line and for nothing else.
    conf.line("js_set $gate_line gate.line;");
    conf.line(&format!("map \"{FACTS}\" $gate_is_plain {{ default \"\"; \"{IS_PLAIN}\" 1; }}"));
    // Seconds with three decimals, as nanoseconds; JSON knows no number that begins with a zero.
    conf.line(
        r#"map $request_time $gate_nanoseconds { default 0; "~^[0.]*(?<gate_first>[1-9][0-9]*)[.]?(?<gate_rest>[0-9]*)$" "${gate_first}${gate_rest}000000"; }"#,
    );
    conf.line("map $gate_is_plain $gate_scripted { default $gate_record; 1 \"\"; }");
    conf.line(&format!("log_format plain escape=json '{}';", PLAIN.replace("PROVIDER", record::GATE)));
    conf.line("access_log /dev/stdout plain if=$gate_is_plain;");
    conf.line("access_log /dev/stdout record if=$gate_scripted;");
}

/// What decides whether a request is a plain one.
const FACTS: &str = "$ssl_protocol$gate_failed$gate_refusal|$status $server_protocol $proxy_protocol_port $time_iso8601 $msec $gate_traced $request_id $gate_upstream $gate_path";

/// Not opened by the gate: of such a request the TLS is told too. Neither refused nor failed; a status that is one, the
/// time in UTC and an address. Nothing in name and path is what
/// `escape=json` would let through as it is.
const IS_PLAIN: &str = concat!(
    r"~^\|(?!499)[1-5][0-9]{2} HTTP/(?<gate_version>[0-9][.][0-9]) [0-9]+ ",
    r"(?<gate_second>[0-9T:-]{19})\+00:00 [0-9]+[.](?<gate_milli>[0-9]{3}) ",
    r"(?<gate_time>[0-9a-f]{8})(?<gate_time_low>[0-9a-f]{4}) (?<gate_ip>[0-9.]+) ",
    r"(?<gate_any>[0-9a-f]{3})(?<gate_more>[0-9a-f]{3})(?<gate_most>[0-9a-f]{12})[0-9a-f]{14} ",
    r"[a-z0-9._-]+ [\x21-\x7e]+$",
);

/// The record of record.js, `PROVIDER` for the gate's name. A test in tests/suites/gate.bats holds the two against each
/// other.
const PLAIN: &str = concat!(
    r#"{"@timestamp":"${gate_second}.${gate_milli}000Z","ecs":{"version":"9.2.0"},"#,
    r#""event":{"id":"${gate_time}-${gate_time_low}-7${gate_any}-8${gate_more}-${gate_most}","provider":"PROVIDER","action":"request-allowed","kind":"event","#,
    r#""category":["network","web"],"type":["connection","allowed"],"outcome":"success","severity":0,"#,
    r#""duration":$gate_nanoseconds},"rule":{"id":"$gate_rule"},"#,
    r#""source":{"ip":"$proxy_protocol_addr","port":$proxy_protocol_port},"#,
    r#""message":"$request_method $gate_upstream$gate_path: $status","#,
    r#""network":{"name":"$gate_client","protocol":"http","transport":"tcp"},"#,
    r#""http":{"version":"$gate_version","#,
    r#""request":{"id":"$request_id","method":"$request_method","bytes":$request_length},"#,
    r#""response":{"status_code":$status,"bytes":$bytes_sent,"body":{"bytes":$body_bytes_sent}}},"#,
    r#""url":{"scheme":"https","domain":"$gate_upstream","path":"$gate_path"},"#,
    r#""destination":{"address":"$gate_upstream","ip":"$gate_ip","port":443},"cellblock":{"line":"$gate_line"}}"#,
);
