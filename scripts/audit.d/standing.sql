-- Controls that the record calls no pass, by a line that came from us within half a day. Readers go by a line's time or by its
-- place, so it is the newest by both.
SELECT raw
FROM (SELECT raw, vouched, outcome, received,
        row_number() OVER (PARTITION BY rule_id, container, file_path ORDER BY time DESC, seq DESC) AS by_time,
        row_number() OVER (PARTITION BY rule_id, container, file_path ORDER BY seq DESC) AS by_place
    FROM records WHERE provider = 'sandboxctl' AND action = 'control-evaluated')
WHERE by_time = 1 AND by_place = 1 AND vouched AND outcome <> 'success'
    AND epoch_us(received) BETWEEN epoch_us(now()) - 43200000000 AND epoch_us(now())
