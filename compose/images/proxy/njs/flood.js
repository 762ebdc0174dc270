// A client that is refused over and over must not push the rest out of the log, which is bounded. The log has up
// to MOST refusals of each client in a WINDOW. The gate counts the others, and the next refusal in the log says
// how many. Each of the two workers counts for itself: did they share a count, one that was held up would put it
// back.
import fs from 'fs';

function make() {
    const WINDOW = 10000;      // milliseconds
    const MOST = 200;
    const WORKERS = 8;         // whose counts are told apart: two, and the ones that a reload left

    function read(place) {
        try {
            const parts = fs.readFileSync(place, 'utf8').split(' ').map(Number);
            return parts.length === 3 ? parts : [0, 0, 0];
        } catch (e) {
            return [0, 0, 0];
        }
    }

    // How many refusals before this one the log does not have; undefined when it shall not have this one either.
    function admit(client) {
        const place = `/run/nginx/told-${client || 'nobody'}-${process.pid % WORKERS}`, now = Date.now(), state = read(place);
        const is_new = now - state[0] >= WINDOW || now < state[0], told = is_new ? 0 : state[1];
        const tells = told < MOST;
        fs.writeFileSync(place, `${is_new ? now : state[0]} ${told + (tells ? 1 : 0)} ${tells ? 0 : state[2] + 1}`);
        return tells ? state[2] : undefined;
    }

    return { admit };
}

export default make;
