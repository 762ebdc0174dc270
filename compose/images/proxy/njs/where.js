// Where a request went: which relay it took (relay.rs, relay.js), and the address behind it.
//
// Every request asks this, and njs makes every function of every module anew for each request. So there is little here.
// The other modules are one function each (`make`), and only who needs what is in it calls it. No split() either: its
// expression would be compiled each time.
import fs from 'fs';

const PLACES = 256;        // addresses remembered for the names below one wildcard

// The relay that was taken last, by itself or by what stands in front of it (relay.rs, `told`).
function relay_of(tried) {
    let at = tried ? tried.lastIndexOf('/out-') : -1;
    if (at >= 0) { return tried.slice(at + 5, tried.indexOf('.sock', at)); }
    at = tried ? tried.lastIndexOf('/hop-') : -1;
    return at < 0 ? '' : tried.slice(at + 5, tried.indexOf('.sock', at));
}

// A relay of a wildcard takes its name from the handshake, and remembers where each led (relay.rs names it so).
function is_any(relay) { return relay.endsWith('-any'); }

function sum(name) {
    let found = 0;
    for (let at = 0; at < name.length; at++) { found = (found * 31 + name.charCodeAt(at)) % 65521; }
    return found;
}

function place(relay, name) { return `/run/nginx/address-${relay}${is_any(relay) ? `-${sum(name) % PLACES}` : ''}`; }

// Where a name led last: the address of the connections that are kept for it. Empty when nobody remembers, and for a
// name that did not resolve.
function address(relay, name) {
    if (!relay) { return ''; }
    try {
        const said = fs.readFileSync(place(relay, name), 'utf8');
        return !is_any(relay) ? said : said.endsWith(` ${name}`) ? said.slice(0, said.indexOf(' ')) : '';
    } catch (e) {
        return '';
    }
}

export default { relay_of, is_any, sum, place, address };
