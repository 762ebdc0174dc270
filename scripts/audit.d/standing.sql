-- Controls that the record calls no pass, by a line that came from us within half a day. Readers go by a line's time or
-- by its place, so it is the newest by both. Whatever the view `findings` takes for the same rule counts, whoever said
-- it. What is taken together too widely here is told once more, and nothing else comes of it.
SELECT raw
FROM (SELECT raw, action, vouched, outcome, received,
        row_number() OVER (PARTITION BY coalesce(rule_id, rule_name, action), coalesce(container, '') ORDER BY time DESC, seq DESC) AS by_time,
        row_number() OVER (PARTITION BY coalesce(rule_id, rule_name, action), coalesce(container, '') ORDER BY seq DESC) AS by_place
    FROM records WHERE provider = 'sandboxctl' AND outcome IS NOT NULL)
WHERE by_time = 1 AND by_place = 1 AND action = 'control-evaluated' AND vouched AND outcome <> 'success'
    AND epoch_us(received) BETWEEN epoch_us(now()) - 43200000000 AND epoch_us(now())
