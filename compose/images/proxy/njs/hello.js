// The name that a TLS client asks for, out of its first message (ClientHello: RFC 8446, 4.1.2; the name: RFC 6066, 3).
//
// nginx reads it too (ssl_preread), but only after every script had its turn. What could be read in two ways, such as a
// second name, has no name here.

function make() {
    const HANDSHAKE = 22, CLIENT_HELLO = 1, SERVER_NAME = 0;
    // The pattern says its end twice: to njs, as to PCRE, `$` is also before a line break at the end.
    const PLAIN = /^([a-z0-9_-]{1,63}\.)+[a-z0-9-]{1,63}(?!\n)$/;

    // What the records at the beginning carry, put together.
    function carried(data) {
        const parts = [];
        for (let at = 0; at + 5 <= data.length && data[at] === HANDSHAKE;) {
            const end = at + 5 + data.readUInt16BE(at + 3);
            parts.push(data.slice(at + 5, end));
            at = end;
        }
        return Buffer.concat(parts);
    }

    // The content of each server_name extension.
    function extensions(hello) {
        let at = 4 + 2 + 32;                           // type and length, version, random
        at += 1 + hello[at];                           // session
        at += 2 + hello.readUInt16BE(at);              // ciphers
        at += 1 + hello[at];                           // compression
        const end = at + 2 + hello.readUInt16BE(at), found = [];
        for (at += 2; at + 4 <= end;) {
            const size = hello.readUInt16BE(at + 2);
            if (hello.readUInt16BE(at) === SERVER_NAME) { found.push(hello.slice(at + 4, at + 4 + size)); }
            at += 4 + size;
        }
        return found;
    }

    // A list of exactly one host name, in lower case and with no dot at its end.
    function only(list) {
        const size = list.readUInt16BE(3);
        if (list[2] !== 0 || list.length !== 5 + size || list.readUInt16BE(0) !== 3 + size) { return ''; }
        const name = list.slice(5).toString('utf8').toLowerCase().replace(/\.$/, '');
        return PLAIN.test(name) ? name : '';
    }

    // Undefined while more has to come; the empty string where there is no one name.
    function server_name(data) {
        if (data.length && data[0] !== HANDSHAKE) { return ''; }
        const hello = carried(data);
        if (hello.length < 4) { return undefined; }
        if (hello[0] !== CLIENT_HELLO) { return ''; }
        if (hello.length < 4 + hello.readUInt16BE(2) + hello[1] * 65536) { return undefined; }
        try {
            const names = extensions(hello);
            return names.length === 1 ? only(names[0]) : '';
        } catch (e) {
            return '';
        }
    }

    return { server_name };
}

export default make;
