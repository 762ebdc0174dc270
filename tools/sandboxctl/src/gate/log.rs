//! The access log: one ECS record a request, one a TLS connection. The script builds them (`njs/record.js`): so
//! every line is JSON whatever bytes a client sends, and what does not apply is absent. It builds none for refusals
//! beyond a bound, and nothing is written then.

use super::syntax::Conf;

/// Where records go; a condition or nothing may follow.
pub(super) const RECORDS: &str = "access_log /dev/stdout record if=$gate_record";

/// What a section needs of the script, and its log.
pub(super) fn section(conf: &mut Conf, record: &str) {
    conf.line(&format!("js_path {};", super::SCRIPTS));
    conf.line("js_import gate from gate.js;");
    conf.line(&format!("js_set $gate_record gate.{record};"));
    conf.line("log_format record escape=none '$gate_record';");
    conf.line(&format!("{RECORDS};"));
    // nginx tells why an upstream failed here and nowhere else: the script looks it up. In memory, because a line
    // of it quotes the request, and people put tokens into queries.
    conf.line("error_log stderr crit;");
    conf.line("error_log /run/nginx/trouble.log error;");
}
