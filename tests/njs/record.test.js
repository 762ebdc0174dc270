import check from 'check.js';
import make from 'record.js';

const record = make();

// A request that went well, but for what is given.
function request(given) {
    const v = Object.assign({
        status: '200', server_protocol: 'HTTP/1.1', proxy_protocol_addr: '172.30.2.4', proxy_protocol_port: '40000',
        request_method: 'GET', request_time: '0.250', request_id: '0123456789abcdef0123456789abcdef', request_length: '90',
        bytes_sent: '700', body_bytes_sent: '500', gate_client: 'monitor', gate_rule: 'egress-1', gate_upstream: 'github.com',
    }, given);
    const raw = { host: Buffer.from(given.host || 'github.com'), gate_asked: Buffer.from(given.asked || ''), gate_path: Buffer.from(given.path || '/openclaw/') };
    return { variables: v, rawVariables: raw };
}

// A TLS connection that went on to this place.
function session(place) {
    const v = {
        status: '200', server_port: '443', upstream_addr: place, upstream_bytes_received: '7', session_time: '0.250',
        remote_addr: '172.30.1.4', remote_port: '40000', bytes_sent: '7', bytes_received: '90', gate_client: 'cell',
        gate_rule: 'egress-1-github.com', ssl_preread_server_name: 'github.com', ssl_preread_protocol: 'TLSv1.3',
    };
    return JSON.parse(record.session({ variables: v, rawVariables: { ssl_preread_server_name: Buffer.from('github.com') } }));
}

function told(given) { return JSON.parse(record.request(request(given))); }

check.all('record.js', {
    'a request that was let through is told in the fields of ECS': () => {
        const line = told({});
        check.equal([line.event.action, line.event.outcome, line.event.severity], ['request-allowed', 'success', 0]);
        check.equal(line.event.duration, 250000000);
        check.equal(line.source, { ip: '172.30.2.4', port: 40000 });
        check.equal(line.url, { scheme: 'https', domain: 'github.com', path: '/openclaw/' });
        check.equal(line.http.response.status_code, 200);
        check.equal(line.error, undefined);
    },
    'what was asked by the door of a host is told of the host, and what no rule lists by the name that was asked': () => {
        const door = told({ host: 'github.com.gate.internal', asked: 'github.com' });
        check.equal([door.url.domain, door.message], ['github.com', 'GET github.com/openclaw/: 200']);
        check.equal(told({ host: 'evil.example', gate_refusal: 'x', gate_upstream: '' }).url.domain, 'evil.example');
    },
    'an id is a UUID of version 7, of the time now': () => {
        const id = told({}).event.id, at = parseInt(id.replace('-', '').slice(0, 12), 16);
        check.equal(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id), true, id);
        check.equal(Math.abs(Date.now() - at) < 60000, true, 'its time');
    },
    'a refusal says why, in a code and in words': () => {
        const line = told({ gate_refusal: 'no rule lists it', gate_error: 'name-not-listed', status: '403', gate_upstream: '' });
        check.equal([line.event.action, line.error.code, line.event.reason], ['request-denied', 'name-not-listed', 'no rule lists it']);
        check.equal(line.destination, undefined);
    },
    // Whether the handshake there came about is in no variable of the front: an alert counts as bytes too.
    'of a connection that the gate opens it is told where it was led, not that it was opened': () => {
        const line = session('unix:/run/nginx/tls-cell.sock');
        check.equal(line.message, "TLS to github.com, led to the gate's own TLS: allowed");
        check.equal(session('unix:/run/nginx/out-0.sock').message, 'TLS to github.com: allowed');
    },
    'bytes that are no UTF-8 and quotes of a client leave the line JSON': () => {
        const r = request({});
        r.rawVariables.gate_path = Buffer.from([0x2f, 0xff, 0x22, 0x0a, 0x5c]);
        check.equal(JSON.parse(record.request(r)).url.path, '/\ufffd"\n\\');
        check.equal(record.request(r).indexOf('\n'), -1, 'a line break');
    },
});
