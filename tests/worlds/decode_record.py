#!/usr/bin/env python3
"""Decode record lines, strictly and without any code of Cellblock's.

usage: … | decode_record.py [--run] [--foreign]

Reads JSON lines on stdin and holds each against the contract of DESIGN §3. That stands here a second
time, after the Elastic Common Schema and not our own structs. So a mistake in the Rust types cannot
excuse itself. Lines that pass are printed unchanged. The first that does not ends it: exit 1, with
the line's number and the reason on stderr.

  --run       the lines are one whole run of one tool: the last one, and only that, is `run-finished`,
              and its counts add up
  --foreign   lines of another program (the gate): any provider, any id; no `cellblock` needed
"""

import base64
import ipaddress
import json
import re
import sys

MAX_LINE = 1 << 20
PROVIDERS = {"netguard", "egress-check", "scanwatch", "auditdb", "sandboxctl"}
SEVERITIES = {0, 21, 47, 73, 99}
OUTCOMES = {"success", "failure", "unknown"}
KINDS = {"alert", "asset", "enrichment", "event", "metric", "state", "pipeline_error", "signal"}
CATEGORIES = {
    "api", "authentication", "configuration", "database", "driver", "email", "file", "host", "iam",
    "intrusion_detection", "library", "malware", "network", "package", "process", "registry", "session",
    "threat", "vulnerability", "web",
}
TYPES = {
    "access", "admin", "allowed", "change", "connection", "creation", "deletion", "denied", "device", "end",
    "error", "group", "indicator", "info", "installation", "protocol", "start", "user",
}
TIME = re.compile(r"\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z\Z")
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z")
KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
SHA256 = re.compile(r"[0-9a-f]{64}\Z")


class Refused(Exception):
    """Why a line is no record."""


def need(truth, reason):
    if not truth:
        raise Refused(reason)


# What a leaf may hold: each takes the value and says whether it fits.
def text(value):
    if not isinstance(value, str):
        return False
    need(not any("\ud800" <= c <= "\udfff" for c in value), "half of a surrogate pair is no text")
    return True


def word(value):
    return text(value) and value != ""


def boolean(value):
    return isinstance(value, bool)


def number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def long(value):
    return number(value) and 0 <= value < 2**63


def port(value):
    return number(value) and 0 <= value <= 65535


def status(value):
    return number(value) and 100 <= value <= 599


def address(value):
    try:
        return text(value) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


def base64_text(value):
    try:
        return text(value) and base64.b64encode(base64.b64decode(value, validate=True)).decode() == value
    except ValueError:
        return False


def sha256(value):
    return text(value) and bool(SHA256.match(value))


def time(value):
    return text(value) and bool(TIME.match(value))


def rfc3339(value):
    return text(value) and bool(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z", value))


def listed(leaf):
    return lambda value: isinstance(value, list) and value != [] and all(leaf(item) for item in value)


def one_of(words):
    return lambda value: text(value) and value in words


HASH = {"sha256": sha256, "sha1": word, "md5": word, "sha512": word}
BODY = {"bytes": long, "content": text}
END = {
    "address": word, "ip": address, "port": port, "domain": word, "bytes": long, "packets": long, "mac": word,
    "nat": {"ip": address, "port": port}, "registered_domain": word, "subdomain": word, "top_level_domain": word,
}
X509 = {
    "subject": {"common_name": listed(word), "distinguished_name": word, "organization": listed(word)},
    "issuer": {"common_name": listed(word), "distinguished_name": word, "organization": listed(word)},
    "not_before": rfc3339, "not_after": rfc3339, "serial_number": word, "alternative_names": listed(word),
    "public_key_algorithm": word, "public_key_size": long, "signature_algorithm": word, "version_number": word,
}
TLS_END = {
    "hash": HASH, "subject": word, "issuer": word, "not_before": rfc3339, "not_after": rfc3339, "certificate": word,
    "certificate_chain": listed(word), "x509": X509,
}
PROCESS = {
    "pid": long, "name": word, "executable": word, "exit_code": number, "args": listed(text), "args_count": long,
    "command_line": word, "entity_id": word, "title": word, "uptime": long, "working_directory": word,
    "start": rfc3339, "end": rfc3339, "user": {"id": word, "name": word}, "group": {"id": word, "name": word},
}

# The field sets of ECS 9 that Cellblock uses. A name that is not here is not ECS, or not ours to use.
SCHEMA = {
    "@timestamp": time,
    "message": text,
    "ecs": {"version": one_of({"9.2.0"})},
    "event": {
        "id": word, "provider": lambda value: word(value) and bool(KEBAB.match(value)),
        "action": lambda value: word(value) and bool(KEBAB.match(value)), "kind": one_of(KINDS),
        "category": listed(one_of(CATEGORIES)), "type": listed(one_of(TYPES)), "outcome": one_of(OUTCOMES),
        "severity": lambda value: number(value) and value in SEVERITIES, "reason": word, "start": time, "end": time,
        "duration": long, "created": time, "ingested": time, "dataset": word, "module": word, "code": word,
        "hash": word, "original": text, "reference": word, "risk_score": number, "sequence": long, "url": word,
        "timezone": word,
    },
    "file": {
        "path": word, "size": long, "inode": word, "device": word, "mode": word, "uid": word, "gid": word,
        "owner": word, "group": word, "target_path": word, "name": word, "directory": word, "extension": word,
        "mime_type": word, "accessed": rfc3339, "created": rfc3339, "ctime": rfc3339, "mtime": rfc3339,
        "type": one_of({"file", "dir", "symlink", "fifo", "socket", "device"}), "hash": HASH,
    },
    "rule": {
        "id": word, "name": word, "category": word, "description": word, "reference": word, "ruleset": word,
        "version": word, "license": word, "uuid": word, "author": listed(word),
    },
    "container": {
        "id": word, "name": word, "runtime": word, "image": {"name": word, "tag": listed(word), "hash": {"all": listed(word)}},
    },
    "source": END,
    "destination": END,
    "network": {
        "name": word, "type": one_of({"ipv4", "ipv6"}), "transport": word, "protocol": word, "iana_number": word,
        "direction": word, "bytes": long, "packets": long, "community_id": word, "application": word,
        "forwarded_ip": address,
    },
    "dns": {
        "question": {"name": word, "type": word, "class": word, "registered_domain": word, "subdomain": word},
        "response_code": word, "resolved_ip": listed(address), "id": word, "type": word, "op_code": word,
        "header_flags": listed(word),
    },
    "tls": {
        "version": word, "version_protocol": word, "cipher": word, "established": boolean, "resumed": boolean,
        "next_protocol": word, "curve": word, "client": {**TLS_END, "server_name": word}, "server": TLS_END,
    },
    "url": {
        "full": word, "original": word, "scheme": word, "domain": word, "port": port, "path": text, "query": text,
        "fragment": text, "extension": word, "username": word, "registered_domain": word, "subdomain": word,
        "top_level_domain": word,
    },
    "http": {
        "version": word,
        "request": {"id": word, "method": word, "body": BODY, "bytes": long, "mime_type": word, "referrer": text},
        "response": {"status_code": status, "body": BODY, "bytes": long, "mime_type": word},
    },
    "host": {
        "name": word, "hostname": word, "id": word, "ip": listed(address), "architecture": word, "uptime": long,
        "os": {"name": word, "version": word, "kernel": word, "type": word, "family": word, "full": word},
        "cpu": {"usage": number},
    },
    "process": {**PROCESS, "parent": PROCESS},
    "error": {"message": word, "code": word, "type": word, "id": word, "stack_trace": word},
    "vulnerability": {
        "id": word, "description": word, "severity": one_of({"Low", "Medium", "High", "Critical"}), "reference": word,
        "category": listed(word), "classification": word, "enumeration": word, "report_id": word,
        "scanner": {"vendor": word}, "score": {"base": number, "version": word},
    },
}
REQUIRED = ["@timestamp", "message", "ecs", "event"]
REQUIRED_EVENT = ["id", "provider", "action", "kind", "severity"]


def no_repeats(pairs):
    seen = {}
    for name, value in pairs:
        need(name not in seen, f"the name {name!r} stands twice in one object")
        seen[name] = value
    return seen


def no_constant(name):
    raise Refused(f"{name} is no JSON")


def parse(line):
    need(len(line) <= MAX_LINE, f"longer than {MAX_LINE} bytes")
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=no_repeats, parse_constant=no_constant)
    except UnicodeDecodeError as error:
        raise Refused(f"no UTF-8 at byte {error.start + 1}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise Refused(f"no JSON: {error}") from error
    need(isinstance(value, dict), "no JSON object")
    return value


def hold(value, schema, path):
    """Holds an object against its part of the schema."""
    need(isinstance(value, dict), f"{path or 'the line'} is no object")
    need(value != {}, f"{path or 'the line'} is empty: what does not apply is absent")
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        if here == "cellblock":
            own(inner, here)
            continue
        need(name in schema, f"{here} is no name of ECS that Cellblock uses")
        need(inner is not None, f"{here} is null: what does not apply is absent")
        part = schema[name]
        if isinstance(part, dict):
            hold(inner, part, here)
        else:
            need(part(inner), f"{here} does not fit its type: {json.dumps(inner)[:200]}")


def own(value, path):
    """`cellblock.*`: names of ours, snake_case, never null, never empty; base64 where the name says so."""
    need(isinstance(value, dict) and value != {}, f"{path} is no object, or empty")
    for name, inner in value.items():
        here = f"{path}.{name}"
        need(bool(SNAKE.match(name)), f"{here} is not snake_case")
        need(inner is not None and inner != [] and inner != {}, f"{here} is null or empty")
        if name.endswith("_base64"):
            need(base64_text(inner), f"{here} is no base64")
        for item in inner if isinstance(inner, list) else [inner]:
            if isinstance(item, dict):
                own(item, here)


def counts_of(event, record):
    counts = record.get("cellblock", {}).get("counts")
    need(isinstance(counts, dict), "run-finished has no cellblock.counts")
    need(set(counts) == {"checked", "passed", "failed", "unknown"}, "cellblock.counts has other names than the four")
    need(all(long(number) for number in counts.values()), "cellblock.counts holds what is no count")
    need(counts["checked"] == counts["passed"] + counts["failed"] + counts["unknown"], f"the counts do not add up: {counts}")
    verdict = "failure" if counts["failed"] else "unknown" if counts["unknown"] else "success"
    # Whoever judges and checked nothing knows nothing; whoever lists has no verdict then. Neither is a pass.
    fits = event.get("outcome") in ({None, "unknown"} if counts["checked"] == 0 else {verdict})
    need(fits, f"run-finished says {event.get('outcome')}, its counts say {verdict}")


def check(record, foreign):
    hold(record, SCHEMA, "")
    for name in REQUIRED:
        need(name in record, f"{name} is missing")
    event = record["event"]
    for name in REQUIRED_EVENT:
        need(name in event, f"event.{name} is missing")
    if foreign:
        return
    need(event["provider"] in PROVIDERS, f"event.provider {event['provider']!r} is none of the tools")
    need(bool(UUID7.match(event["id"])), f"event.id {event['id']!r} is no UUIDv7")
    need("-" in event["action"], f"event.action {event['action']!r} is not an object and a verb")
    need(record["message"] != "", "message is empty")
    if event["action"] == "run-finished":
        counts_of(event, record)
    elif event.get("outcome") == "unknown":
        need("reason" in event, "the outcome is unknown and event.reason does not say why")


def main(arguments):
    if any(argument in ("-h", "--help") for argument in arguments):
        print(__doc__.strip())
        return 0
    odd = [argument for argument in arguments if argument not in ("--run", "--foreign")]
    if odd:
        print(f"decode_record: no such option: {odd[0]}", file=sys.stderr)
        return 2
    run, foreign = "--run" in arguments, "--foreign" in arguments
    number, finished, providers = 0, False, set()
    try:
        for number, line in enumerate(sys.stdin.buffer, 1):
            need(line.endswith(b"\n"), "the last line has no end")
            record = parse(line[:-1])
            check(record, foreign)
            if run:
                need(not finished, "there is a line behind run-finished")
                finished = record["event"]["action"] == "run-finished"
                providers.add(record["event"]["provider"])
                need(len(providers) == 1, f"lines of several tools in one run: {sorted(providers)}")
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        need(finished or not run, "the run has no run-finished at its end")
    except Refused as refused:
        print(f"decode_record: line {number}: {refused}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
