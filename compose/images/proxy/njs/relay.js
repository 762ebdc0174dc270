// The end of a way out (relay.rs): which address a name is reached at, asked anew for every connection. The gate
// connects to the very address that it judged. So a name whose second answer differs gains nothing by it.
import fs from 'fs';
import make_hello from 'hello.js';
import make_slots from 'slots.js';
import where from 'where.js';
import make_trouble from 'trouble.js';

function make() {
    const hello = make_hello(), slots = make_slots(), trouble = make_trouble();
    const LOOK = 'http://unix:/run/nginx/look.sock:/';
    const LOOKED = '/run/nginx/look.log', TROUBLE = '/run/nginx/trouble.log';
    const AVOID = 60;          // seconds in which an address that failed is passed over while there is another

    function value(address) { return address.split('.').reduce((n, part) => n * 256 + Number(part), 0); }

    function holds(range, address) {
        const parts = range.split('/'), first = value(parts[0]), size = Math.pow(2, 32 - Number(parts[1]));
        return address >= first && address < first + size;
    }

    // Whether no name of the internet leads there. The ranges and holes are the policy's ($gate_never, $gate_holes).
    function is_inside(v, address) {
        if ((v.gate_holes || '').split(' ').indexOf(address) >= 0) { return false; }
        const number = value(address);
        return (v.gate_never || '').split(' ').some((range) => range && holds(range, number));
    }

    function inside_words(address) { return `the name resolved to ${address}, which is no address of the internet`; }

    function remember(relay, name, chosen) { fs.writeFileSync(where.place(relay, name), where.is_any(relay) ? `${chosen} ${name}` : chosen); }

    // What a relay said last of a name: with many on one relay, what names it or the address where it leads.
    function said(relay, name) {
        const led = where.is_any(relay) ? where.address(relay, name) : '';
        return trouble.of_relay(TROUBLE, relay, (words) => {
            const named = /, name: ([a-z0-9._-]{1,253}), client: unix:,/.exec(words);
            return !where.is_any(relay) || (named ? named[1] === name : led && words.indexOf(`upstream: "${led}:443"`) > 0);
        });
    }

    // Answers a question of `look`: nginx has just tried every address that the name has (see relay.rs).
    function addresses(r) {
        const found = (r.variables.upstream_addr || '').split(/[, ]+/).map((one) => one.replace(/:\d+$/, '')).filter((one) => /^[0-9.]+$/.test(one));
        const said = found.length ? undefined : trouble.of_connection(LOOKED, r.variables.connection);
        const why = said && /could not be resolved \(\d+: ([^)]{1,60})\)/.exec(said.words);
        r.return(200, JSON.stringify({ addresses: found, why: why ? `: ${why[1]}` : '' }));
    }

    async function look(name) {
        const reply = await ngx.fetch(LOOK + name, { headers: { Host: 'look' } });
        return reply.status === 200 ? reply.json() : { addresses: [], why: ': the gate could not ask' };
    }

    // The one of before as long as the name still has it: so the log can say where a kept connection leads.
    function choose(relay, name, found) {
        const before = where.address(relay, name);
        const words = found.length > 1 ? trouble.of_relay(TROUBLE, relay, () => true) : undefined;
        const failed = words && Date.now() / 1000 - words.at < AVOID && /upstream: "([0-9.]+):\d+"/.exec(words.words);
        const good = failed ? found.filter((one) => one !== failed[1]) : found;
        if (good.indexOf(before) >= 0) { return before; }
        const chosen = good[0] || found[0];
        remember(relay, name, chosen);
        return chosen;
    }

    // No: here and now. Who looks for the words finds them in the error log (trouble.js).
    function refuse(s, name, code, reason) {
        s.error(`gate ${code}: ${reason}, name: ${name || '-'}, client: unix:, server: unix:/run/nginx/out-${s.variables.gate_relay}.sock`);
        s.deny();
    }

    async function lead_to(s, name) {
        const v = s.variables;
        let found;
        try {
            found = await look(name);
        } catch (e) {
            found = { addresses: [], why: ': the gate could not ask' };
        }
        if (!found.addresses.length) { refuse(s, name, 'name-unresolved', `the name did not resolve${found.why}`); return; }
        const inside = found.addresses.filter((one) => is_inside(v, one));
        if (inside.length) { refuse(s, name, 'address-not-public', inside_words(inside[0])); return; }
        v.gate_address = choose(v.gate_relay, name, found.addresses);
        if (where.is_any(v.gate_relay)) { slots.claim(v.gate_relay, name, Number(v.gate_slots)); }
        s.allow();
    }

    // A relay with a name of its own.
    async function lead(s) { await lead_to(s, s.variables.gate_name); }

    // A relay of a wildcard: `$gate_below` is what its names end in. Whoever leads here has held the name against the policy
    // already; this is the name that the upstream will be asked for.
    function lead_any(s) {
        s.on('upstream', async (data) => {
            const name = hello.server_name(data);
            if (name === undefined) { return; }
            s.off('upstream');
            if (!name.endsWith(s.variables.gate_below)) {
                refuse(s, name, 'name-not-plain', 'the TLS handshake asks for no one name below the wildcard');
                return;
            }
            await lead_to(s, name);
        });
    }

    // What `http` is to connect to for a name below a wildcard: its slot, or the relay itself, which keeps nothing.
    function way(r) {
        const v = r.variables, slot = slots.of(v.gate_relay, v.gate_upstream, Number(v.gate_slots));
        return slot === undefined ? `unix:/run/nginx/out-${v.gate_relay}.sock` : `gate-${v.gate_relay}-${slot}`;
    }

    return { lead, lead_any, way, addresses, said };
}

export default make;
