// What the gate's configuration asks of njs: keys, the answer when an upstream failed, and the log.
//
// `key` reads a secret from the tmpfs at the moment it is needed. Nothing keeps it, and after a restart of the
// container it is gone until it is delivered again.
import fs from 'fs';
import make_relay from 'relay.js';
import lines from 'lines.js';
import make_record from 'record.js';
import make_verdict from 'verdict.js';
import where from 'where.js';

const SECRETS = '/run/secrets/';

// The key of this request's rule, or nothing when it was not delivered (or a restart emptied the tmpfs).
function key(r) {
    const name = r.variables.gate_credential;
    if (!/^[a-z0-9][a-z0-9_-]*$/.test(name || '')) { return ''; }
    try {
        return fs.readFileSync(SECRETS + name, 'utf8').trim();
    } catch (e) {
        return '';
    }
}

// What a TLS client hears that no rule lets through: a fatal alert, unrecognized_name (RFC 6066, 3).
function alert() { return String.bytesFrom([21, 3, 3, 0, 2, 2, 112]); }

// What nginx can't tell by itself of a plain request: the time in milliseconds as a UUIDv7 has it (RFC 9562), and the
// address that it went to.
function traced(r) {
    const v = r.variables;
    return `${Number(v.msec.replace('.', '')).toString(16).padStart(12, '0')} ${where.address(where.relay_of(v.upstream_addr), v.gate_upstream)}`;
}

export default {
    key, alert, traced,
    line: () => lines.next(),
    failure: (r) => make_verdict().failure(r),
    request: (r) => make_record().request(r),
    session: (s) => make_record().session(s),
    lead: (s) => make_relay().lead(s),
    lead_any: (s) => make_relay().lead_any(s),
    way: (r) => make_relay().way(r),
    addresses: (r) => make_relay().addresses(r),
};
