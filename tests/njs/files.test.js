// The modules that keep something between two requests: in files, because njs keeps nothing.
import check from 'check.js';
import fs from 'fs';
import lines from 'lines.js';
import make_flood from 'flood.js';
import make_slots from 'slots.js';
import where from 'where.js';

const flood = make_flood(), slots = make_slots();
const MOST = 200, SLOTS = 8;

check.all('lines.js, flood.js, slots.js', {
    'lines are numbered from one on, in one run': () => {
        const first = lines.next().split('-'), second = lines.next().split('-');
        check.equal([first[1], second[1]], ['1', '2']);
        check.equal(/^[0-9a-f]{12}$/.test(first[0]) && first[0] === second[0], true, 'one name of the run');
    },
    'a number that was lost begins a run of another name': () => {
        const before = lines.next().split('-')[0];
        fs.writeFileSync(`/run/nginx/line-${process.pid}`, 'torn');
        const after = lines.next().split('-');
        check.equal(after[1], '1');
        check.equal(after[0] === before, false, 'the same run');
    },
    'refusals are told up to a bound, and those behind it are counted': () => {
        for (let n = 0; n < MOST; n++) { check.equal(flood.admit('cell'), 0, `refusal ${n}`); }
        check.equal([flood.admit('cell'), flood.admit('cell')], [undefined, undefined]);
        check.equal(flood.admit('monitor'), 0, 'another client');
    },
    'the next that is told says how many were not': () => {
        const place = `/run/nginx/told-cell-${process.pid % 8}`, state = fs.readFileSync(place, 'utf8').split(' ');
        fs.writeFileSync(place, `${Number(state[0]) - 10001} ${state[1]} ${state[2]}`);
        check.equal(flood.admit('cell'), 2);
        check.equal(flood.admit('cell'), 0);
    },
    'a slot belongs to one name for good': () => {
        check.equal(slots.of('relay', 'a.example.org', SLOTS), undefined);
        slots.claim('relay', 'a.example.org', SLOTS);
        const slot = slots.of('relay', 'a.example.org', SLOTS);
        check.equal(slot, where.sum('a.example.org') % SLOTS);
        slots.claim('relay', 'a.example.org', SLOTS);
        check.equal(slots.of('relay', 'a.example.org', SLOTS), slot);
    },
    'no two names share one, and those that find none free have none': () => {
        const given = [];
        for (let n = 0; n < 40; n++) {
            const name = `n${n}.example.org`;
            slots.claim('crowd', name, SLOTS);
            const slot = slots.of('crowd', name, SLOTS);
            if (slot !== undefined) { given.push(slot); }
        }
        check.equal(given.length <= SLOTS && given.every((slot, at) => given.indexOf(slot) === at), true, `${given}: each once`);
    },
});
