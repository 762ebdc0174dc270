//! Refusals that explain themselves: to the client as JSON, and in the log with the same words.

use record::GateCode;

use super::syntax::{Conf, quote, value};

/// One way to be refused.
pub(super) struct Refusal<'a> {
    /// HTTP status, 400 to 599.
    pub(super) status: u16,
    /// A word for programs.
    pub(super) error: GateCode,
    /// A sentence for people.
    pub(super) reason: &'a str,
    /// What to change in the policy, or in the request.
    pub(super) mend: &'a str,
}

/// Whom the gate refuses, and by which rule, where there is one.
#[derive(Clone, Copy)]
pub(super) struct Refused<'a> {
    pub(super) client: &'a str,
    pub(super) rule: Option<&'a str>,
}

impl Refusal<'_> {
    /// Says no, here and now: `set` for the log, `return` for the client.
    pub(super) fn write(&self, conf: &mut Conf, whom: Refused<'_>) {
        conf.line(&format!("set $gate_refusal {};", value(self.reason)));
        conf.line(&format!("set $gate_error {};", value(self.error.name())));
        if let Some(rule) = whom.rule {
            conf.line(&format!("set $gate_rule {};", value(rule)));
        }
        conf.line(&format!("return {} {};", self.status, value(&self.body(whom))));
    }

    /// Says no when a condition of `if` holds.
    pub(super) fn when(&self, condition: &str, conf: &mut Conf, whom: Refused<'_>) {
        conf.block(&format!("if ({condition})"), |conf| self.write(conf, whom));
    }

    fn body(&self, whom: Refused<'_>) -> String {
        #[derive(serde::Serialize)]
        struct Body<'a> {
            error: &'a str,
            client: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            rule: Option<&'a str>,
            reason: &'a str,
            mend: &'a str,
        }
        let Refused { client, rule } = whom;
        let body = Body { error: self.error.name(), client, rule, reason: self.reason, mend: self.mend };
        format!("{}\n", serde_json::to_string(&body).unwrap_or_default())
    }
}

/// What nginx refuses by itself before it knows a location, by the status it does that with.
const UNREADABLE: [(u16, Refusal<'static>); 6] = [
    (400, broken(400, GateCode::BadRequest, "the request is not proper HTTP/1.1, or can be read in two ways")),
    (405, broken(405, GateCode::MethodNeverAllowed, "the gate passes neither TRACE nor CONNECT")),
    (414, broken(414, GateCode::UriTooLong, "the request line is longer than the gate takes")),
    (494, broken(431, GateCode::HeadersTooLarge, "a header is longer than the gate takes")),
    (501, broken(501, GateCode::TransferEncodingUnknown, "the gate knows no Transfer-Encoding but chunked")),
    (505, broken(505, GateCode::HttpVersion, "the gate speaks HTTP/1.1")),
];

const fn broken(status: u16, error: GateCode, reason: &'static str) -> Refusal<'static> {
    Refusal { status, error, reason, mend: "send one plain HTTP/1.1 request" }
}

/// What it refuses in a location, for a rule's sake.
const LIMITS: [Refusal<'static>; 3] = [
    Refusal {
        status: 429,
        error: GateCode::TooManyRequests,
        reason: "this client asks for this name more often than the policy's rate and burst, or for too much at once",
        mend: "wait, or raise rate and burst of the [[egress]] rule",
    },
    Refusal {
        status: 413,
        error: GateCode::BodyTooLarge,
        reason: "the request's body is larger than the policy allows",
        mend: "raise body of the [[egress]] rule",
    },
    Refusal {
        status: 403,
        error: GateCode::NotAClient,
        reason: "the source address is not one of this network's clients",
        mend: "nothing outside this network is served here",
    },
];

/// The rest of a server in which nobody gets anything: every request comes to this.
pub(super) fn for_all(conf: &mut Conf, client: &str, refusal: &Refusal<'_>) {
    conf.line(&format!("set $gate_client {};", value(client)));
    built_in(conf, client);
    conf.block("location /", |conf| refusal.write(conf, Refused { client, rule: None }));
}

/// What nginx itself refuses or fails at: each gets words too. In every server.
pub(super) fn built_in(conf: &mut Conf, client: &str) {
    let whom = Refused { client, rule: None };
    for (code, refusal) in UNREADABLE {
        // Not a named location: those need a URI, and these requests may have none. No client can ask for this
        // one: nginx merges its slashes.
        let place = format!("//refused/{}", refusal.error.name());
        conf.line(&format!("error_page {code} ={} {};", refusal.status, quote(&place)));
        conf.block(&format!("location = {}", quote(&place)), |conf| {
            conf.line("internal;");
            refusal.write(conf, whom);
        });
    }
    for refusal in LIMITS {
        let place = format!("@{}", refusal.error.name());
        conf.line(&format!("error_page {} = {place};", refusal.status));
        conf.block(&format!("location {place}"), |conf| {
            if refusal.status == 429 {
                // In whole seconds (RFC 9110, 10.2.3): until the rate has room for one more.
                conf.line("add_header Retry-After $gate_wait always;");
            }
            refusal.write(conf, whom);
        });
    }
    conf.line("error_page 500 502 503 504 = @failed;");
    conf.block("location @failed", |conf| {
        conf.line("set $gate_failed 1;");
        conf.line("return 502 $gate_failure;");
    });
}
