# verdict.jq - lines of the record in, raw; what each says of its check out.

include "fingerprint";

fromjson? | objects | select(.event.outcome and .event.action != "run-finished") | verdict($check)
