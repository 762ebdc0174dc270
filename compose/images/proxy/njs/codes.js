// The codes of the gate (tools/record/src/gate.rs, held equal by its tests), by what they prove: that it kept a request,
// or only that what it let through failed.
function make() {
    return {
        refused: [
            'address-not-public', 'bad-request', 'body-too-large', 'credential-not-delivered', 'credential-of-your-own',
            'headers-too-large', 'http-version', 'method-never-allowed', 'method-not-listed', 'name-misdirected',
            'name-not-listed', 'name-not-plain', 'no-name', 'not-a-client', 'not-http', 'path-not-listed', 'path-not-plain',
            'too-many-connections', 'too-many-requests', 'transfer-encoding-unknown', 'uri-too-long',
        ],
        passed_on: [
            'certificate-refused', 'client-left', 'name-unresolved', 'tls-failed', 'upstream-broke-off', 'upstream-failed',
            'upstream-not-http', 'upstream-timeout', 'upstream-unreachable',
        ],
    };
}

export default make;
