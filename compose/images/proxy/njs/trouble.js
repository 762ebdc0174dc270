// nginx's last words: why an upstream failed it tells in its error log only. It goes to bounded files in memory, and
// the line of a connection is looked up there.
import fs from 'fs';

function make() {
    const TAIL = 32768;        // bytes looked through
    const BOUND = 1048576;     // bytes after which a file begins anew; nginx appends, so it may

    // The end of an error log, in lines, and the log itself cut when it has grown.
    function lines(file) {
        let fd;
        try {
            const size = fs.statSync(file).size, length = Math.min(size, TAIL);
            fd = fs.openSync(file, 'r');
            const buffer = Buffer.alloc(length);
            const read = fs.readSync(fd, buffer, 0, length, size - length);
            fs.closeSync(fd);
            if (size > BOUND) { fs.writeFileSync(file, ''); }
            return buffer.slice(0, read).toString('utf8').split('\n');
        } catch (e) {
            return [];
        }
    }

    // The words of a line such as `2026/11/22 07:40:00 [error] 29#29: *17 words`, and its time in seconds. A client can't
    // write a line of its own: there is no line break in a request line, a header or a server name.
    function read(line) {
        const parts = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d):(\d\d) \[[a-z]+\] [^*]{1,40}: \*\d+ (.*)$/.exec(line);
        if (!parts) { return undefined; }
        return { at: Date.UTC(parts[1], parts[2] - 1, parts[3], parts[4], parts[5], parts[6]) / 1000, words: parts[7] };
    }

    function last(found) { return found.length ? read(found[found.length - 1]) : undefined; }

    // The last on one connection.
    function of_connection(file, connection) {
        const mark = `: *${connection} `;
        return last(lines(file).filter((line) => line.indexOf(mark) > 0 && line.indexOf(mark) < 60));
    }

    // The last on one relay (relay.js), whose connections have numbers that nobody else knows, that `fits`. Nginx names the
    // server, ours, before all that comes from outside, which stands in quotes.
    function of_relay(file, relay, fits) {
        const mark = `, client: unix:, server: unix:/run/nginx/out-${relay}.sock`;
        return last(lines(file).filter((line) => line.split('"')[0].indexOf(mark) > 0 && fits(line)));
    }

    return { of_connection, of_relay };
}

export default make;
