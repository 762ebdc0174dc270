// nginx-1.22.1.log is what Debian 12's nginx wrote of servers on loopback that each failed in a way of their own.
import check from 'check.js';
import fs from 'fs';
import make_codes from 'codes.js';
import make from 'verdict.js';

const verdict = make(), codes = make_codes();
fs.writeFileSync('/run/nginx/trouble.log', fs.readFileSync('nginx-1.22.1.log'));

function failed(connection) {
    return JSON.parse(verdict.failure({ variables: { connection: String(connection), gate_upstream: 'a.test', gate_client: 'cell' } }));
}

function of_request(variables) { return verdict.of_request({ variables: variables }); }

const RECORDED = [
    [1, 'upstream-unreachable', 'it could not be reached: Connection refused'],
    [3, 'upstream-timeout', 'it did not answer in time (while reading response header)'],
    [5, 'tls-failed', 'no TLS 1.2 or later could be agreed with it'],
    [7, 'upstream-broke-off', 'it broke the connection off'],
    [9, 'tls-failed', 'it broke off during the TLS handshake'],
    [11, 'upstream-not-http', 'it sent what is no proper HTTP answer'],
    [15, 'upstream-timeout', 'it did not answer in time (while SSL handshaking)'],
    [17, 'upstream-not-http', 'it sent what is no proper HTTP answer'],
    [21, 'certificate-refused', 'the certificate was not accepted: self-signed certificate'],
    [23, 'certificate-refused', 'the certificate was not accepted: it is for another name'],
    [25, 'name-unresolved', 'the name did not resolve: Operation timed out'],
];

check.all('verdict.js', {
    'every way in which an upstream failed nginx has its own code and words': () => {
        RECORDED.forEach((one) => {
            const answer = failed(one[0]);
            check.equal([answer.error, answer.reason], [one[1], `a.test: ${one[2]}`], `connection ${one[0]}`);
        });
    },
    'a connection of which nginx said nothing could not be reached, whatever is said of others': () => {
        check.equal(failed(2).error, 'upstream-failed');
        check.equal(failed(100).error, 'upstream-failed');
    },
    'what an upstream did is a failure, and no refusal of the gate': () => {
        RECORDED.forEach((one) => {
            const judged = of_request({ gate_failed: '1', connection: String(one[0]) });
            check.equal([judged.verdict, judged.code], ['failed', one[1]]);
        });
    },
    'a refusal that the policy words is denied': () => {
        const judged = of_request({ gate_refusal: 'no rule lists it', gate_error: 'name-not-listed', status: '403' });
        check.equal(judged, { verdict: 'denied', code: 'name-not-listed', reason: 'no rule lists it' });
    },
    'an error that the upstream itself answered is allowed': () => {
        check.equal(of_request({ gate_upstream: 'a.test', status: '503' }), { verdict: 'allowed' });
    },
    'a client that left, half a request and HTTP/0.9 are told apart': () => {
        check.equal(of_request({ gate_upstream: 'a.test', status: '499' }).code, 'client-left');
        check.equal(of_request({ status: '400' }).code, 'not-http');
        check.equal(of_request({ gate_upstream: 'a.test', status: '009' }).code, 'upstream-not-http');
    },
    'a connection without a name, and one of an unlisted name, are denied': () => {
        const of = (variables) => verdict.of_session({ variables: variables }).code;
        check.equal(of({ status: '500', server_port: '443' }), 'no-name');
        check.equal(of({ status: '500', server_port: '443', ssl_preread_server_name: 'a.test' }), 'name-not-listed');
        check.equal(of({ status: '403' }), 'not-a-client');
        check.equal(of({ status: '503' }), 'too-many-connections');
    },
    'no code proves two things': () => {
        check.equal(codes.refused.filter((code) => codes.passed_on.indexOf(code) >= 0), []);
    },
});
