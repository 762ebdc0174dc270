// The last leg of a way out (leg.rs): which address a name is reached at, asked anew for every connection. The address
// that was judged is the one that is connected to, so a name whose second answer differs gains nothing by it.
import fs from 'fs';
import trouble from 'trouble.js';

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

function place(leg) { return `/run/nginx/address-${leg}`; }

// Where a leg led last: the address of the connections that it keeps.
function address(leg) {
    try {
        return fs.readFileSync(place(leg), 'utf8');
    } catch (e) {
        return '';
    }
}

// Answers a question of `look`: nginx has just tried every address that the name has (see leg.rs).
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
function choose(leg, found) {
    const before = address(leg);
    const said = found.length > 1 ? trouble.of_leg(TROUBLE, leg) : undefined;
    const failed = said && Date.now() / 1000 - said.at < AVOID && /upstream: "([0-9.]+):\d+"/.exec(said.words);
    const good = failed ? found.filter((one) => one !== failed[1]) : found;
    if (good.indexOf(before) >= 0) { return before; }
    const chosen = good[0] || found[0];
    fs.writeFileSync(place(leg), chosen);
    return chosen;
}

// No: here and now. Who looks for the words finds them in the error log (trouble.js).
function refuse(s, code, reason) {
    s.error(`gate ${code}: ${reason}, client: unix:, server: unix:/run/nginx/out-${s.variables.gate_leg}.sock`);
    s.deny();
}

async function lead(s) {
    const v = s.variables;
    let found;
    try {
        found = await look(v.gate_name);
    } catch (e) {
        found = { addresses: [], why: ': the gate could not ask' };
    }
    if (!found.addresses.length) { refuse(s, 'name-unresolved', `the name did not resolve${found.why}`); return; }
    const inside = found.addresses.filter((one) => is_inside(v, one));
    if (inside.length) { refuse(s, 'address-not-public', inside_words(inside[0])); return; }
    v.gate_address = choose(v.gate_leg, found.addresses);
    s.allow();
}

export default { lead, addresses, address, is_inside, inside_words };
