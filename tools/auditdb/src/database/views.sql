-- What people ask of the record, by name: made anew, as temporary views, for each connection that reads.
-- auditdb(1) documents the columns. A line is somebody's text: TRY keeps one that is odd from failing the whole answer.

CREATE TEMP VIEW events AS
SELECT time, provider, action, kind, category, outcome, severity, container, message, reason, vouched, received, id, seq
FROM records;

CREATE TEMP VIEW alerts AS
SELECT time, provider, action, outcome, severity, container, message, reason, vouched, id, seq
FROM records WHERE kind = 'alert' OR severity >= 47;

CREATE TEMP VIEW requests AS
SELECT time, network, source_ip, method, url, destination_domain AS host, status, split_part(action, '-', 2) AS verdict,
    TRY(raw ->> '$.error.code') AS code, reason, id, seq
FROM records
WHERE provider = 'egress-proxy' AND action IN ('request-allowed', 'request-denied', 'request-failed',
    'connection-allowed', 'connection-denied', 'connection-failed');

CREATE TEMP VIEW denied_flows AS
SELECT time, network, container, source_ip, destination_ip, destination_port, transport, rule_id,
    TRY_CAST(TRY(raw ->> '$.network.packets') AS UBIGINT) AS packets,
    TRY_CAST(TRY(raw ->> '$.network.bytes') AS UBIGINT) AS bytes, reason, id, seq
FROM records WHERE provider = 'netguard' AND action IN ('flow-denied', 'flows-unrecorded');

CREATE TEMP VIEW files AS
SELECT time, action, file_path AS path, TRY_CAST(TRY(raw ->> '$.file.size') AS UBIGINT) AS size,
    TRY(raw ->> '$.file.hash.sha256') AS sha256, rule_name AS signature, outcome, severity,
    TRY(raw ->> '$.cellblock.scan.why') AS why,
    TRY_CAST(TRY(raw ->> '$.cellblock.scan.queued') AS UBIGINT) AS queued_ns, reason, id, seq
FROM records WHERE provider = 'scanwatch' AND file_path IS NOT NULL;

-- Every record with what it is about, and a fingerprint that is the same from run to run.
CREATE TEMP VIEW judged AS
SELECT *, substr(sha256(concat_ws(chr(31), provider, rule, coalesce(container, ''), subject)), 1, 16) AS fingerprint
FROM (SELECT *, coalesce(rule_id, rule_name, action) AS rule,
        coalesce(
            CASE WHEN action LIKE 'ref-%' THEN concat_ws(' ', url, TRY(raw ->> '$.cellblock.reference.name')) END,
            CASE WHEN action = 'segment-verified' THEN TRY(raw ->> '$.cellblock.spool.segment') END,
            file_path, url, destination_domain, concat_ws(':', destination_ip, destination_port), '') AS subject
    FROM records);

CREATE TEMP VIEW refs AS
SELECT time, url AS repo, TRY(raw ->> '$.cellblock.reference.name') AS name, substr(action, 5) AS happened,
    TRY(raw ->> '$.cellblock.reference.old.id') AS old_id, TRY(raw ->> '$.cellblock.reference.old.peeled') AS old_peeled,
    TRY(raw ->> '$.cellblock.reference.new.id') AS new_id, TRY(raw ->> '$.cellblock.reference.new.peeled') AS new_peeled,
    TRY_CAST(TRY(raw ->> '$.cellblock.reference.may_move') AS BOOLEAN) AS may_move, outcome, severity, id, seq
FROM records
WHERE provider = 'auditdb' AND action IN ('ref-first-seen', 'ref-created', 'ref-moved', 'ref-deleted');

-- One row for each thing that was ever found wrong or could not be checked, by its last verdict. What the gate and the
-- moat refused is no finding: they did as the policy says. Of segments that are as they were written no line is kept: the
-- failure of one is past once a whole run behind its own, or a verdict of complete, did not say it again (report/check.rs).
-- A ref that moved is mended once it is back where it belongs, or
-- a pin holds it where it is; a pin once a round does not call it broken.
CREATE TEMP VIEW findings AS
WITH whole AS (SELECT greatest(max(seq) FILTER (outcome = 'success'), max(seq, 2)[2]) AS seq
    FROM records WHERE provider = 'auditdb' AND action = 'record-verified'
), rounds AS (
    SELECT url, max(seq, 2)[2] AS before FROM records WHERE provider = 'auditdb' AND action = 'refs-read' GROUP BY url
), held AS (
    SELECT url, name, max(seq) AS seq
    FROM (SELECT url, seq, unnest(from_json(TRY(raw -> '$.cellblock.references.held'), '["VARCHAR"]')) AS name
        FROM records WHERE provider = 'auditdb' AND action = 'refs-read' AND contains(raw, '"held"'))
    GROUP BY ALL
), places AS (
    SELECT repo, name, max(seq) FILTER (outcome = 'failure') AS seq, arg_max({'id': new_id}, seq) AS here,
        coalesce(
            arg_max({'id': new_id}, seq) FILTER (outcome = 'success' AND old_id <> coalesce(new_id, '')),
            arg_min({'id': CASE WHEN outcome = 'failure' THEN old_id ELSE new_id END}, seq)) AS rightful
    FROM refs GROUP BY repo, name HAVING bool_or(outcome = 'failure')
), astray AS (
    SELECT repo, name FROM places WHERE here IS DISTINCT FROM rightful AND repo IS NOT NULL
        AND NOT EXISTS (FROM held WHERE held.url = repo AND held.name = places.name AND held.seq > places.seq)
), broken AS (
    SELECT subject FROM judged LEFT JOIN rounds USING (url)
    WHERE provider = 'auditdb' AND action = 'ref-pin-broken' AND (before IS NULL OR seq > before)
)
SELECT fingerprint,
    CASE WHEN provider = 'auditdb' AND CASE
            WHEN rule IN ('ref-created', 'ref-moved', 'ref-deleted')
                THEN subject NOT IN (SELECT concat_ws(' ', repo, name) FROM astray)
            WHEN rule = 'refs-moved' THEN subject NOT IN (SELECT repo FROM astray)
            WHEN rule = 'ref-pin-broken' THEN subject NOT IN (SELECT subject FROM broken) END THEN 'mended'
        WHEN rule = 'segment-verified' AND max(seq) < (SELECT whole.seq FROM whole) THEN 'mended'
        WHEN arg_max(outcome, seq) = 'failure' THEN 'open' WHEN arg_max(outcome, seq) = 'unknown' THEN 'unknown'
        ELSE 'mended' END AS state,
    provider, rule, container, subject, arg_max(severity, seq) AS severity,
    min(time) FILTER (outcome <> 'success') AS first_seen, max(time) FILTER (outcome <> 'success') AS last_seen,
    max(time) AS last_checked, count(*) FILTER (outcome <> 'success') AS times,
    arg_max(message, seq) AS message, arg_max(reason, seq) AS reason
FROM judged
WHERE outcome IS NOT NULL AND action NOT IN ('run-finished', 'flow-denied', 'flows-unrecorded')
    AND provider <> 'egress-proxy'
GROUP BY fingerprint, provider, rule, container, subject HAVING bool_or(outcome <> 'success');

-- What happened, across the tools, in an order that tells a story: tag moved, fetched, host contacted, file jailed.
CREATE TEMP VIEW timeline AS
SELECT time,
    CASE WHEN action LIKE 'ref-%' OR action LIKE 'refs-%' THEN 'monitor' WHEN provider = 'netguard' THEN 'moat'
        WHEN provider = 'egress-proxy' THEN 'gate' WHEN provider = 'scanwatch' THEN 'warden'
        WHEN provider = 'egress-check' THEN 'inspector' WHEN provider = 'sandboxctl' THEN 'cell'
        WHEN provider = 'auditdb' THEN 'record' ELSE provider END AS layer,
    provider, action,
    coalesce(
        CASE WHEN action LIKE 'ref-%' THEN concat_ws(' ', url, TRY(raw ->> '$.cellblock.reference.name')) END,
        file_path, url, destination_domain, nullif(concat_ws(':', destination_ip, destination_port), ''),
        container) AS subject,
    container, outcome, severity, message, id, seq
FROM records
WHERE kind = 'alert' OR severity >= 47
    OR (provider = 'auditdb' AND action IN ('ref-created', 'ref-moved', 'ref-deleted'))
    OR (provider = 'egress-proxy' AND (action LIKE 'request-%' OR action LIKE 'connection-%'))
    OR (provider = 'netguard' AND action IN ('flow-denied', 'moat-lost', 'moat-restored', 'moat-applied', 'moat-removed'))
    OR (provider = 'scanwatch' AND action IN ('file-infected', 'file-quarantined', 'file-neutralised', 'file-restored'))
    OR (provider = 'sandboxctl' AND action IN ('container-exited', 'cell-frozen', 'cell-thawed', 'secret-delivered'));

-- Times in which somebody saw or kept less than there was, and when that ended, where it did.
CREATE TEMP VIEW gaps AS
WITH ends(began, ended) AS (VALUES
    ('lines-lost', NULL), ('line-rejected', NULL), ('records-pruned', NULL), ('flows-unrecorded', NULL),
    ('queue-overflowed', 'rescan-finished'), ('watches-exhausted', 'rescan-finished'), ('directory-unread', NULL),
    ('scanner-unavailable', 'scanner-returned'), ('spool-filled', 'spool-freed'), ('moat-lost', 'moat-restored'),
    ('engine-silent', 'engine-heard'), ('engine-stopped', 'engine-started'), ('refs-unreachable', 'refs-read'))
SELECT r.time, (SELECT min(e.time) FROM records e
        WHERE e.provider = r.provider AND e.action = ends.ended AND e.time > r.time AND e.url IS NOT DISTINCT FROM r.url) AS ended,
    r.provider, r.action, coalesce(r.url, r.file_path, r.container) AS subject, r.message, r.reason, r.id, r.seq
FROM records r JOIN ends ON ends.began = r.action
WHERE r.provider IN ('auditdb', 'netguard', 'scanwatch', 'sandboxctl');
