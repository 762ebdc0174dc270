// The slots of a wildcard: upstreams of nginx (relay.rs). Each has connections and TLS sessions of its own, and serves
// one name as long as the container runs. Nginx keeps what it keeps by upstream and not by name: were a slot given to a
// second name, that would be led where the first one leads. So there are as many names with kept connections as there
// are slots; those that come later are served on connections of their own.
import fs from 'fs';
import where from 'where.js';

function make() {
    const TRIES = 4;           // slots that a name may have, from the one that its letters choose

    function place(relay, slot) { return `/run/nginx/slot-${relay}-${slot}`; }

    // Undefined: nobody's.
    function owner(relay, slot) {
        try {
            return fs.readFileSync(place(relay, slot), 'utf8');
        } catch (e) {
            return undefined;
        }
    }

    // `wx` fails where the file is: of two workers one wins.
    function take(relay, slot, name) {
        try {
            fs.writeFileSync(place(relay, slot), name, { flag: 'wx' });
            return true;
        } catch (e) {
            return false;
        }
    }

    // The slot of a name, or undefined when it has none.
    function of(relay, name, count) {
        for (let n = 0, first = where.sum(name); n < TRIES; n++) {
            const slot = (first + n) % count;
            if (owner(relay, slot) === name) { return slot; }
        }
        return undefined;
    }

    // Gives a name a slot if it has none and one of its own is free.
    function claim(relay, name, count) {
        if (of(relay, name, count) !== undefined) { return; }
        for (let n = 0, first = where.sum(name); n < TRIES; n++) {
            const slot = (first + n) % count;
            if (owner(relay, slot) === undefined && take(relay, slot, name)) { return; }
        }
    }

    return { of, claim };
}

export default make;
