// The access log: one ECS record a request, one a TLS connection.
//
// A record is built here and not by `log_format`: only so is every line JSON, whatever bytes a client sends.
// (`escape=json` lets bytes from 0x80 on through as they are.) What does not apply is absent, not empty. Where there
// is nothing to tell, the record is the empty string, and no line is written. What is plain nginx writes by itself
// (log.rs), with what `traced` knows: the fields are the same.
import make_flood from 'flood.js';
import lines from 'lines.js';
import make_verdict from 'verdict.js';

function make() {
    const flood = make_flood(), verdict = make_verdict();
    const OUTCOMES = {
        allowed: { outcome: 'success', severity: 0, type: ['connection', 'allowed'] },
        denied: { outcome: 'failure', severity: 47, type: ['connection', 'denied'] },
        failed: { outcome: 'failure', severity: 21, type: ['connection', 'error'] },
    };

    // UUIDv7 (RFC 9562): 48 bits of milliseconds, then 74 that nobody guesses: nginx's own random request id where
    // there is one. An id tells records apart and guards nothing.
    function uuid(now, request_id) {
        const hex = request_id || `${random()}${random()}${random()}`, time = now.toString(16).padStart(12, '0');
        return `${time.slice(0, 8)}-${time.slice(8)}-7${hex.slice(0, 3)}-${'89ab'[parseInt(hex[16], 16) & 3]}${hex.slice(3, 6)}-${hex.slice(6, 18)}`;
    }

    function random() { return Math.floor(Math.random() * 0x1000000).toString(16).padStart(6, '0'); }

    // Any bytes as text: what is no UTF-8 becomes U+FFFD. Nothing is absent.
    function text(bytes) { return bytes && bytes.length ? bytes.toString('utf8') : undefined; }

    function number(value) { const n = Number(value); return value !== undefined && n >= 0 ? n : undefined; }

    // nginx counts in seconds with three decimals, ECS in nanoseconds.
    function nanoseconds(seconds) { return Math.round((parseFloat(seconds) || 0) * 1000) * 1000000; }

    // An object without what is undefined; undefined when nothing is left.
    function some(object) {
        const names = Object.keys(object).filter((name) => object[name] !== undefined);
        return names.length ? object : undefined;
    }

    function head(what, judged, v, seconds, untold) {
        const now = Date.now(), as = OUTCOMES[judged.verdict];
        return {
            '@timestamp': new Date(now).toISOString().replace('Z', '000Z'),
            ecs: { version: '9.2.0' },
            event: {
                id: uuid(now, v.request_id), provider: 'egress-proxy', action: `${what}-${judged.verdict}`, kind: 'event',
                category: ['network', 'web'], type: as.type, outcome: as.outcome, severity: as.severity,
                reason: reason(judged, untold), duration: nanoseconds(seconds),
            },
            error: some({ code: judged.code || undefined }),
            cellblock: some({ line: lines.next() || undefined }),
            rule: some({ id: v.gate_rule || undefined }),
            // Requests come from the front, which says in the PROXY protocol who sent them.
            source: { ip: v.proxy_protocol_addr || v.remote_addr, port: number(v.proxy_protocol_port || v.remote_port) },
        };
    }

    function reason(judged, untold) {
        const more = untold ? `; ${untold} refusals of this client before it were not told` : '';
        return judged.reason ? judged.reason + more : undefined;
    }

    // The address that was tried last. A request on a kept connection: where that leads, unless the name changed its
    // address in the minute that it may be kept.
    function end(variables, name, judged) {
        const ip = judged.leads_nowhere ? '' : verdict.upstream_ip(variables);
        return { address: name || undefined, ip: ip || undefined, port: ip ? 443 : undefined };
    }

    // The line of a refusal; nothing for one too many. All else always has a line.
    function admitted(judged, v) { return judged.verdict === 'denied' ? flood.admit(v.gate_client) : 0; }

    // Of a request line that nginx did not take for one.
    function method_of(line) { return (/^([A-Za-z-]{1,32}) /.exec(line) || [])[1]; }

    // A request. The path is as the client sent it, without the query, where people put tokens.
    function request(r) {
        const v = r.variables, raw = r.rawVariables, judged = verdict.of_request(r), untold = admitted(judged, v);
        if (untold === undefined) { return ''; }
        const status = number(v.status), host = text(raw.gate_asked) || text(raw.host), path = text(raw.gate_path), method = v.request_method || method_of(text(raw.request) || '');
        const record = head('request', judged, v, v.request_time, untold);
        record.message = `${method || '?'} ${host || '?'}${path || ''}: ${v.status}`;
        // Of half a request, whose client hung up, nginx never comes to know.
        record.network = { name: v.gate_client || undefined, protocol: 'http', transport: 'tcp' };
        record.http = {
            version: (/^HTTP\/(\d\.\d)$/.exec(v.server_protocol || '') || [])[1],
            request: { id: v.request_id, method: method, bytes: number(v.request_length) },
            response: {
                status_code: status >= 100 && status <= 599 ? status : undefined, bytes: number(v.bytes_sent),
                body: { bytes: number(v.body_bytes_sent) },
            },
        };
        record.url = some({ scheme: v.gate_upstream ? 'https' : undefined, domain: host, path: path });
        record.destination = some(end(v, v.gate_upstream, judged));
        // The client's own TLS, which the gate opened (inspected.rs).
        if (v.ssl_protocol) { record.tls = { client: some({ server_name: text(raw.ssl_server_name) }), version: tls_version(v.ssl_protocol) }; }
        return JSON.stringify(record);
    }

    function tls_version(protocol) { return (/^TLSv([\d.]+)$/.exec(protocol || '') || [])[1]; }

    // A TLS connection that the client opened itself: the gate sees the name it asks for, and how much goes each way.
    function session(s) {
        const v = s.variables, name = text(s.rawVariables.ssl_preread_server_name), judged = verdict.of_session(s);
        const untold = judged && admitted(judged, v);
        if (untold === undefined) { return ''; }
        const record = head('connection', judged, v, v.session_time, untold);
        const is_tls = v.server_port === '443';
        // The front sees where it led, and not whether the handshake there came about.
        const led = /\/tls-/.test(v.upstream_addr) ? ', led to the gate\'s own TLS' : '';
        record.message = `${is_tls ? `TLS to ${name || 'no name'}${led}` : 'connection to port 80'}: ${judged.verdict}`;
        record.network = { name: v.gate_client || undefined, protocol: is_tls ? 'tls' : 'http', transport: 'tcp' };
        record.source.bytes = number(v.bytes_received);
        record.tls = some({
            client: name ? { server_name: name } : undefined,
            version: tls_version(v.ssl_preread_protocol),
        });
        const destination = judged.verdict === 'denied' ? { address: name } : end(v, name, judged);
        destination.bytes = number(v.bytes_sent);
        record.destination = some(destination);
        return JSON.stringify(record);
    }

    return { request, session };
}

export default make;
