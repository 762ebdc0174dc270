import check from 'check.js';
import make from 'hello.js';

const hello = make();

function u16(n) { return [n >> 8, n & 255]; }

// njs 0.7 has no Array.from.
function bytes(text) {
    const all = [], buffer = Buffer.from(text);
    for (let at = 0; at < buffer.length; at++) { all.push(buffer[at]); }
    return all;
}

// A server_name extension whose list has these names.
function names(list) {
    const entries = list.reduce((all, name) => all.concat([0], u16(name.length), bytes(name)), []);
    return [0, 0].concat(u16(entries.length + 2), u16(entries.length), entries);
}

// A ClientHello with these extensions, as one handshake message.
function message(extensions) {
    const all = extensions.reduce((joined, one) => joined.concat(one), []);
    const body = [3, 3].concat(Array(32).fill(7), [0], u16(2), [0x13, 1], [1, 0], u16(all.length), all);
    return [1, 0].concat(u16(body.length), body);
}

// In records of at most `most` bytes.
function records(said, most) {
    let wire = [];
    for (let at = 0; at < said.length; at += most) {
        const part = said.slice(at, at + most);
        wire = wire.concat([22, 3, 1], u16(part.length), part);
    }
    return Buffer.from(wire);
}

const PLAIN = message([names(['GitHub.com.'])]);

check.all('hello.js', {
    'a name is read in lower case and with no dot at its end': () => {
        check.equal(hello.server_name(records(PLAIN, 16384)), 'github.com');
    },
    'so it is from a message in many records, whose lengths the client chooses': () => {
        check.equal(hello.server_name(records(PLAIN, 3)), 'github.com');
    },
    'more is waited for at every place where the client may pause': () => {
        const whole = records(PLAIN, 16384);
        for (let at = 0; at < whole.length; at++) {
            check.equal(hello.server_name(whole.slice(0, at)), undefined, `the name after ${at} bytes`);
        }
    },
    'what could be read in two ways has no name': () => {
        check.equal(hello.server_name(records(message([names(['a.org', 'b.org'])]), 16384)), '', 'two names in a list');
        check.equal(hello.server_name(records(message([names(['a.org']), names(['b.org'])]), 16384)), '', 'two lists');
        check.equal(hello.server_name(records(message([]), 16384)), '', 'none');
    },
    'no host name is taken that is not plain': () => {
        ['localhost', '10.0.0.1/', 'a..org', 'a.org\n', 'a b.org', `${'a'.repeat(64)}.org`].forEach((name) => {
            check.equal(hello.server_name(records(message([names([name])]), 16384)), '', name);
        });
    },
    'lengths that lead out of the message are no name, and end nothing': () => {
        const said = records(PLAIN, 16384);
        for (let at = 9; at < said.length; at++) {
            const broken = Buffer.from(said);
            broken[at] = 255;
            const name = hello.server_name(broken);
            if (name !== undefined && name !== '' && !/^[a-z0-9._-]+$/.test(name)) { throw new Error(`${at}: ${name}`); }
        }
    },
    'what is no TLS has no name': () => check.equal(hello.server_name(Buffer.from('GET / HTTP/1.1\r\n')), ''),
});
