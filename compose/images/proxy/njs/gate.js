// What the gate's configuration asks of njs: keys, the answer when an upstream failed, and the log.
//
// `key` reads a secret from the tmpfs at the moment it is needed: nothing keeps it, and after a restart of the container
// it is gone until it is delivered again.
import fs from 'fs';
import leg from 'leg.js';
import record from 'record.js';
import verdict from 'verdict.js';

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

export default {
    key, alert, failure: verdict.failure, request: record.request, session: record.session, traced: record.traced,
    lead: leg.lead, lead_any: leg.lead_any, way: leg.way, addresses: leg.addresses,
};
