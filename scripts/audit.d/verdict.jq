# verdict.jq - lines of the record in, raw; what each says of its check out. A line that is no record ends it with an
# error: then nobody knows what the check says.

include "fingerprint";

fromjson | if type == "object" then . else error("no record") end | select(.event.outcome and .event.action != "run-finished") | verdict($check)
