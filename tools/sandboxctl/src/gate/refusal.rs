//! Refusals that explain themselves: to the client as JSON, and in the log with the same words.

use super::syntax::{Conf, value};

/// One way to be refused.
pub(super) struct Refusal<'a> {
    /// HTTP status, 400 to 599.
    pub(super) status: u16,
    /// A word for programs.
    pub(super) error: &'a str,
    /// A sentence for people.
    pub(super) reason: &'a str,
    /// What to change in the policy, or in the request.
    pub(super) mend: &'a str,
}

impl Refusal<'_> {
    /// Says no, here and now: `set` for the log, `return` for the client.
    pub(super) fn write(&self, conf: &mut Conf, client: &str) {
        conf.line(&format!("set $gate_refusal {};", value(self.reason)));
        conf.line(&format!("return {} {};", self.status, value(&self.body(client))));
    }

    /// Says no when a condition of `if` holds.
    pub(super) fn when(&self, condition: &str, conf: &mut Conf, client: &str) {
        conf.block(&format!("if ({condition})"), |conf| self.write(conf, client));
    }

    fn body(&self, client: &str) -> String {
        let body = serde_json::json!({
            "error": self.error, "client": client, "reason": self.reason, "mend": self.mend,
        });
        format!("{body}\n")
    }
}

/// What nginx itself refuses or fails at: each gets words too. In every server.
pub(super) fn built_in(conf: &mut Conf, client: &str) {
    const LIMITED: Refusal<'_> = Refusal {
        status: 429,
        error: "too-many-requests",
        reason: "this client asks for this name more often than the policy's rate and burst",
        mend: "wait, or raise rate and burst of the [[egress]] rule",
    };
    const LARGE: Refusal<'_> = Refusal {
        status: 413,
        error: "body-too-large",
        reason: "the request's body is larger than the policy allows",
        mend: "raise body of the [[egress]] rule",
    };
    const FOREIGN: Refusal<'_> = Refusal {
        status: 403,
        error: "not-a-client",
        reason: "the source address is not one of this network's clients",
        mend: "nothing outside this network is served here",
    };
    for (code, refusal) in [(429, LIMITED), (413, LARGE), (403, FOREIGN)] {
        let name = format!("@refused_{code}");
        conf.line(&format!("error_page {code} = {name};"));
        conf.block(&format!("location {name}"), |conf| {
            refusal.write(conf, client);
        });
    }
    conf.line("error_page 502 504 = @failed;");
    conf.block("location @failed", |conf| {
        conf.line("set $gate_failed 1;");
        conf.line(&format!(
            "return 502 {};",
            value(&format!("{{\"error\":\"upstream-failed\",\"client\":\"{client}\",\"reason\":\"REASON\"}}\n"))
                .replace("REASON", "$gate_reason")
        ));
    });
}
