import check from 'check.js';
import fs from 'fs';
import where from 'where.js';

const RELAY = '/run/nginx/address-0123456789abcdef';

check.all('where.js', {
    'the relay that was taken last counts': () => {
        check.equal(where.relay_of('unix:/run/nginx/out-aa.sock, unix:/run/nginx/out-bb.sock'), 'bb');
        check.equal(where.relay_of('203.0.113.7:443'), '');
        check.equal(where.relay_of(undefined), '');
    },
    'an address that nobody noted is empty, and so is that of no relay': () => {
        check.equal(where.address('ffff', 'github.com'), '');
        check.equal(where.address('', 'github.com'), '');
    },
    'a relay of one name has one address, whatever it is asked for': () => {
        fs.writeFileSync(RELAY, '203.0.113.7');
        check.equal(where.address('0123456789abcdef', 'github.com'), '203.0.113.7');
    },
    'a relay of a wildcard gives an address to the name that it led, and to no other in the same place': () => {
        const relay = '0123456789abcdef-any';
        fs.writeFileSync(where.place(relay, 'a.example.org'), '203.0.113.9 a.example.org');
        check.equal(where.address(relay, 'a.example.org'), '203.0.113.9');
        fs.writeFileSync(where.place(relay, 'b.example.org'), '203.0.113.9 a.example.org');
        check.equal(where.address(relay, 'b.example.org'), '');
    },
});
