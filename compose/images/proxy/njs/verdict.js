// What became of a request or a connection, and why, in a word for programs and a sentence for people.
//
// Refusals are worded by the policy's configuration ($gate_refusal). Why an upstream failed nginx tells in its
// error log only: it goes to a bounded file in memory, and the line of this very connection is looked up there.
import fs from 'fs';

const TROUBLE = '/run/nginx/trouble.log';
const TAIL = 16384;        // bytes looked through
const BOUND = 1048576;     // bytes after which the file begins anew; nginx appends, so it may

// The causes that nginx words, as ours. The first that fits counts.
const CAUSES = [
    [/certificate verify error: \(\d+:([^)]{1,100})\)/, 'certificate-refused', 'the certificate was not accepted: $'],
    [/SSL certificate does not match/, 'certificate-refused', 'the certificate was not accepted: it is for another name'],
    [/could not be resolved \(\d+: ([^)]{1,60})\)/, 'name-unresolved', 'the name did not resolve: $'],
    [/no resolver defined|no live upstreams/, 'name-unresolved', 'the name did not resolve'],
    [/timed out \(\d+: [^)]*\) while ([a-z SHL]{1,60}?)(?: to upstream| from upstream)?,/, 'upstream-timeout', 'it did not answer in time (while $)'],
    [/connect\(\)[^(]* failed \(\d+: ([^)]{1,60})\)/, 'upstream-unreachable', 'it could not be reached: $'],
    [/SSL_do_handshake\(\) failed/, 'tls-failed', 'no TLS 1.2 or later could be agreed with it'],
    [/peer closed connection in SSL handshake/, 'tls-failed', 'it broke off during the TLS handshake'],
    [/prematurely closed|Connection reset|Broken pipe/, 'upstream-broke-off', 'it broke the connection off'],
    [/upstream sent /, 'upstream-not-http', 'it sent what is no proper HTTP answer'],
];

// Addresses that no name of the internet resolves to (RFC 6890): the moat refuses them behind the gate. nginx asks
// for IPv4 only.
function is_special(address) {
    const p = address.split('.').map(Number);
    return p[0] === 0 || p[0] === 10 || p[0] === 127 || p[0] >= 224 || (p[0] === 169 && p[1] === 254) ||
        (p[0] === 172 && p[1] >= 16 && p[1] <= 31) || (p[0] === 192 && p[1] === 168) ||
        (p[0] === 100 && p[1] >= 64 && p[1] <= 127) || (p[0] === 198 && (p[1] === 18 || p[1] === 19)) ||
        (p[0] === 192 && p[1] === 0 && (p[2] === 0 || p[2] === 2)) || (p[0] === 198 && p[1] === 51 && p[2] === 100) ||
        (p[0] === 203 && p[1] === 0 && p[2] === 113);
}

// The address that was tried last; a name that did not resolve leaves none.
function upstream_ip(v) {
    const last = (v.upstream_addr || '').split(/[, ]+/).pop().replace(/:\d+$/, '');
    return /^[0-9.]+$/.test(last) ? last : '';
}

// The end of the error log, and the log itself cut when it has grown.
function tail() {
    let fd;
    try {
        const size = fs.statSync(TROUBLE).size, length = Math.min(size, TAIL);
        fd = fs.openSync(TROUBLE, 'r');
        const buffer = Buffer.alloc(length);
        const read = fs.readSync(fd, buffer, 0, length, size - length);
        fs.closeSync(fd);
        if (size > BOUND) { fs.writeFileSync(TROUBLE, ''); }
        return buffer.slice(0, read).toString('utf8');
    } catch (e) {
        return '';
    }
}

// nginx's last words on one connection: `2026/11/22 07:40:00 [error] 29#29: *17 words`. A client can't write a line
// of its own: there is no line break in a request line, a header or a server name.
function words(connection) {
    const mark = `: *${connection} `;
    const lines = tail().split('\n').filter((line) => line.indexOf(mark) > 0 && line.indexOf(mark) < 60);
    return lines.length ? lines[lines.length - 1].slice(lines[lines.length - 1].indexOf(mark) + mark.length) : '';
}

function cause(v) {
    const said = words(v.connection), ip = upstream_ip(v);
    const found = CAUSES.find((c) => c[0].test(said));
    const special = ip && is_special(ip) ? `the name resolved to ${ip}, which is no address of the internet; ` : '';
    if (!found) { return { code: 'upstream-failed', reason: `${special}it could not be reached` }; }
    const match = found[0].exec(said);
    return { code: special ? 'address-not-public' : found[1], reason: special + found[2].replace('$', match[1] || '') };
}

// allowed, denied or failed. An error that the upstream itself answered is not ours: the request was allowed.
function of_request(r) {
    const v = r.variables, status = Number(v.status);
    if (v.gate_failed) { const why = cause(v); return { verdict: 'failed', code: why.code, reason: why.reason }; }
    if (v.gate_refusal) { return { verdict: 'denied', code: v.gate_error, reason: v.gate_refusal }; }
    if (status === 499) { return { verdict: 'failed', code: 'client-left', reason: 'the client left before the answer' }; }
    // nginx takes what is no HTTP for HTTP/0.9, a status of 9, and passes it on.
    if (status === 9) { return { verdict: 'failed', code: 'upstream-not-http', reason: 'it sent what is no HTTP answer' }; }
    if (!v.gate_upstream) { return { verdict: 'denied', code: 'not-http', reason: 'the connection carried no whole request' }; }
    return { verdict: 'allowed' };
}

function of_session(s) {
    const v = s.variables, status = Number(v.status);
    if (status === 403) { return { verdict: 'denied', code: 'not-a-client', reason: 'the source address is not one of this network\'s clients' }; }
    if (status === 503) { return { verdict: 'denied', code: 'too-many-connections', reason: 'this client has as many connections as it may have' }; }
    if (!v.gate_rule) {
        return v.ssl_preread_server_name ?
            { verdict: 'denied', code: 'name-not-listed', reason: 'no [[egress]] rule with tls = "passthrough" lists this name for this client' } :
            { verdict: 'denied', code: 'no-name', reason: 'no name in the TLS handshake (SNI), or no TLS' };
    }
    if (status === 200) { return { verdict: 'allowed' }; }
    const why = cause(v);
    return { verdict: 'failed', code: why.code, reason: why.reason };
}

// The answer to a request whose upstream failed.
function failure(r) {
    const v = r.variables, why = cause(v);
    const body = {
        error: why.code, client: v.gate_client, rule: v.gate_rule, reason: `${v.gate_upstream}: ${why.reason}`,
        mend: 'the gate never falls back to something weaker; see why the upstream is as it is',
    };
    return `${JSON.stringify(body)}\n`;
}

export default { of_request, of_session, upstream_ip, failure };
