// What became of a request or a connection, and why, in a word for programs and a sentence for people.
//
// Refusals are worded by the policy's configuration ($gate_refusal), why an upstream failed by nginx (trouble.js).
import make_codes from 'codes.js';
import make_relay from 'relay.js';
import where from 'where.js';
import make_trouble from 'trouble.js';

function make() {
    const codes = make_codes(), relay = make_relay(), trouble = make_trouble();
    const TROUBLE = '/run/nginx/trouble.log';

    // The causes that nginx words, as ours. The first that fits counts.
    const CAUSES = [
        [/certificate verify error: \(\d+:([^)]{1,100})\)/, 'certificate-refused', 'the certificate was not accepted: $'],
        [/SSL certificate does not match/, 'certificate-refused', 'the certificate was not accepted: it is for another name'],
        [/could not be resolved \(\d+: ([^)]{1,60})\)/, 'name-unresolved', 'the name did not resolve: $'],
        [/no resolver defined|no live upstreams/, 'name-unresolved', 'the name did not resolve'],
        [/timed out \(\d+: [^)]*\) while ([a-z SHL]{1,60}?)(?: to upstream| from upstream)?,/, 'upstream-timeout', 'it did not answer in time (while $)'],
        [/connect\(\)[^(]* failed \(\d+: ([^)]{1,60})\)/, 'upstream-unreachable', 'it could not be reached: $'],
        [/SSL_do_handshake\(\) failed/, 'tls-failed', 'no TLS 1.2 or later could be agreed with it'],
        // Which of the two nginx meets first, its own handshake or the plain text, is a race.
        [/upstream prematurely sent response/, 'tls-failed', 'no TLS 1.2 or later could be agreed with it: it spoke before the handshake'],
        [/peer closed connection in SSL handshake/, 'tls-failed', 'it broke off during the TLS handshake'],
        [/prematurely closed|Connection reset|Broken pipe/, 'upstream-broke-off', 'it broke the connection off'],
        [/upstream sent /, 'upstream-not-http', 'it sent what is no proper HTTP answer'],
    ];

    // The name that leads there, as a relay knows it.
    function name_of(v) {
        const asked = v.ssl_preread_server_name;
        return asked === undefined ? v.gate_upstream : asked.toLowerCase().replace(/\.$/, '');
    }

    function upstream_ip(v) { return where.address(where.relay_of(v.upstream_addr), name_of(v)); }

    // What a relay said just now: whoever took it saw no more than that it hung up.
    function said_by_relay(v) {
        const taken = where.relay_of(v.upstream_addr), said = taken && relay.said(taken, name_of(v));
        return said && Date.now() / 1000 - said.at < 3 ? said.words : '';
    }

    function said(v) {
        const own = trouble.of_connection(TROUBLE, v.connection), words = own ? own.words : '';
        const hung_up = !words || / while SSL handshaking to upstream| reading from upstream| while proxying /.test(words);
        return (hung_up && said_by_relay(v)) || words;
    }

    function cause(v) {
        const words = said(v), refused = /gate ([a-z-]{1,40}): (.{1,200}), name: [^,]{1,253}, client: unix:,/.exec(words);
        if (refused) { return { code: refused[1], reason: refused[2], leads_nowhere: true }; }
        const found = CAUSES.find((one) => one[0].test(words));
        const why = found ? found[2].replace('$', found[0].exec(words)[1] || '') : 'it could not be reached';
        return { code: found ? found[1] : 'upstream-failed', reason: why };
    }

    // A relay refuses too, a name that leads inside for one; all else is the upstream's fault.
    function of_cause(why) {
        why.verdict = codes.refused.indexOf(why.code) >= 0 ? 'denied' : 'failed';
        return why;
    }

    // allowed, denied or failed. An error that the upstream itself answered is not ours: the request was allowed.
    function of_request(r) {
        const v = r.variables, status = Number(v.status);
        if (v.gate_failed) { return of_cause(cause(v)); }
        if (v.gate_refusal) { return { verdict: 'denied', code: v.gate_error, reason: v.gate_refusal }; }
        if (status === 499) { return { verdict: 'failed', code: 'client-left', reason: 'the client left before the answer' }; }
        // nginx takes what is no HTTP for HTTP/0.9, a status of 9, and passes it on.
        if (status === 9) { return { verdict: 'failed', code: 'upstream-not-http', reason: 'it sent what is no HTTP answer' }; }
        if (!v.gate_upstream) { return { verdict: 'denied', code: 'not-http', reason: 'the connection carried no whole request' }; }
        return { verdict: 'allowed' };
    }

    function denied(code, reason) { return { verdict: 'denied', code: code, reason: reason }; }

    function not_listed(v) {
        return v.ssl_preread_server_name ?
            denied('name-not-listed', 'no [[egress]] rule with tls = "passthrough" or "inspect" lists this name for this client') :
            denied('no-name', 'no name in the TLS handshake (SNI), or no TLS');
    }

    // Nothing for a connection to port 80 that went on: each of its requests has a line.
    function of_session(s) {
        const v = s.variables, status = Number(v.status);
        if (status === 403) { return denied('not-a-client', 'the source address is not one of this network\'s clients'); }
        if (status === 503) { return denied('too-many-connections', 'this client has as many connections as it may have'); }
        if (v.server_port === '80') { return status === 200 ? undefined : of_cause(cause(v)); }
        if (!v.gate_rule) { return not_listed(v); }
        if (/refuse/.test(v.upstream_addr)) { return denied('name-not-plain', 'the name is no host name'); }
        const is_silent = v.upstream_bytes_received === '0' && said_by_relay(v);
        return status === 200 && !is_silent ? { verdict: 'allowed' } : of_cause(cause(v));
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

    return { of_request, of_session, upstream_ip, failure };
}

export default make;
