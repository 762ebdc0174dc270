// What nginx has no variable for: times to the millisecond, record ids, verdicts, and keys.
//
// Pure functions of one request or connection, but for `key`, which reads a secret from the tmpfs at the
// moment it is needed: nothing keeps it, and after a restart it is gone until it is delivered again.
import crypto from 'crypto';
import fs from 'fs';

const SECRETS = '/run/secrets/';

// UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 random ones.
function uuid() {
    const bytes = crypto.createHash('sha256').update(`${Math.random()}${Date.now()}${Math.random()}`).digest('hex');
    const time = Date.now().toString(16).padStart(12, '0');
    const variant = '89ab'[parseInt(bytes[16], 16) & 3];
    return `${time.slice(0, 8)}-${time.slice(8)}-7${bytes.slice(0, 3)}-${variant}${bytes.slice(3, 6)}-${bytes.slice(6, 18)}`;
}

function time() { return new Date().toISOString(); }

// nginx counts in seconds with three decimals, ECS in nanoseconds.
function nanoseconds(seconds) { return Math.round((parseFloat(seconds) || 0) * 1000) * 1000000; }

function duration(r) { return nanoseconds(r.variables.request_time).toString(); }
function session_duration(s) { return nanoseconds(s.variables.session_time).toString(); }

// A status that is no number from 100 to 599 (nginx writes 000 for a client that left) is 0.
function status(r) {
    const code = Number(r.variables.status);
    return (code >= 100 && code <= 599 ? code : 0).toString();
}

// Addresses that no allowed name may resolve to (RFC 6890): the moat refuses them behind the gate, and
// the log says so. nginx asks for IPv4 only.
function is_special(address) {
    const p = address.split('.').map(Number);
    return p[0] === 0 || p[0] === 10 || p[0] === 127 || p[0] >= 224 || (p[0] === 169 && p[1] === 254) ||
        (p[0] === 172 && p[1] >= 16 && p[1] <= 31) || (p[0] === 192 && p[1] === 168) ||
        (p[0] === 100 && p[1] >= 64 && p[1] <= 127) || (p[0] === 198 && (p[1] === 18 || p[1] === 19)) ||
        (p[0] === 192 && p[1] === 0 && (p[2] === 0 || p[2] === 2)) || (p[0] === 198 && p[1] === 51 && p[2] === 100) ||
        (p[0] === 203 && p[1] === 0 && p[2] === 113);
}

function upstream(variables) { return (variables.upstream_addr || '').split(/[, ]+/).pop(); }

// The last address that was tried; a name that did not resolve leaves none.
function upstream_ip(r) { return upstream(r.variables).replace(/:\d+$/, '').replace(/[^0-9a-f.:]/g, ''); }

function why_upstream_failed(v, code) {
    const ip = upstream(v).replace(/:\d+$/, '');
    if (!/^\d/.test(ip)) { return 'the name did not resolve'; }
    if (is_special(ip)) { return `the name resolved to ${ip}, which is no address of the internet`; }
    if (code === 504) { return 'the upstream did not answer in time'; }
    return 'the upstream could not be reached, or its certificate could not be verified for this name';
}

function reason(r) {
    const v = r.variables, code = Number(v.status);
    if (v.gate_refusal) { return v.gate_refusal; }
    if (code === 502 || code === 504 || v.gate_failed) { return why_upstream_failed(v, code); }
    if (code === 499) { return 'the client left before the answer'; }
    if (!v.gate_rule && code >= 400) { return 'the request was not understood as HTTP'; }
    return '';
}

// allowed, denied or failed. An error that the upstream itself answered is not ours: the request was allowed.
function verdict(r) {
    const v = r.variables;
    if (v.gate_failed) { return 'failed'; }
    return v.gate_refusal || (!v.gate_rule && Number(v.status) >= 400) ? 'denied' : 'allowed';
}

function session_reason(s) {
    const v = s.variables, code = Number(v.status);
    if (v.gate_rule) { return code === 200 ? '' : why_upstream_failed(v, code); }
    if (code === 403) { return 'the address is not one of this network\'s clients'; }
    return v.ssl_preread_server_name ? 'no rule lets this client reach this name by TLS of its own' : 'no name in the TLS handshake (SNI), or no TLS';
}

function session_verdict(s) {
    if (!s.variables.gate_rule || Number(s.variables.status) === 403) { return 'denied'; }
    return Number(s.variables.status) === 200 ? 'allowed' : 'failed';
}

const OUTCOMES = { allowed: ['success', '0', 'allowed'], denied: ['failure', '47', 'denied'], failed: ['failure', '21', 'error'] };

function outcome(r) { return OUTCOMES[r.variables.gate_verdict][0]; }
function severity(r) { return OUTCOMES[r.variables.gate_verdict][1]; }
function type(r) { return OUTCOMES[r.variables.gate_verdict][2]; }

// The key of this request's rule, or nothing when it was not delivered (or the tmpfs was emptied by a restart).
function key(r) {
    const name = r.variables.gate_credential;
    if (!/^[a-z0-9][a-z0-9-]*$/.test(name || '')) { return ''; }
    try {
        return fs.readFileSync(SECRETS + name, 'utf8').trim();
    } catch (e) {
        return '';
    }
}

export default {
    uuid, time, duration, session_duration, status, upstream_ip, reason, verdict, session_reason, session_verdict,
    outcome, severity, type, key,
};
