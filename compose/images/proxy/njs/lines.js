// Numbers the lines of the log, for each worker by itself: who reads the log can tell then that some are gone. Written in
// the same breath as the line, so that their order is the log's. Nothing is kept between two requests but files.
import fs from 'fs';

function random() { return Math.floor(Math.random() * 0x1000000).toString(16).padStart(6, '0'); }

// Which line of which run comes next; nothing where that cannot be kept.
function next() {
    const place = `/run/nginx/line-${process.pid}`;
    let last = [];
    try { last = fs.readFileSync(place, 'utf8').split('-'); } catch (e) { /* the first line of this worker */ }
    const run = last.length === 2 ? last[0] : random() + random(), line = `${run}-${last.length === 2 ? Number(last[1]) + 1 : 1}`;
    try {
        fs.writeFileSync(place, line);
    } catch (e) {
        return '';
    }
    return line;
}

export default { next };
