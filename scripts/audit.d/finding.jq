# finding.jq - lines of the record in, raw; what is not as it should be out: fingerprint, verdict, sentence, tab-separated.

include "fingerprint";

fromjson?
| select(.event.outcome == "failure" or .event.outcome == "unknown")
| select(.event.action != "run-finished")
| [fingerprint($check), .event.outcome,
   ([.rule.id, target] | map(select(. != null and . != "")) | join(" ") | short) + ": " + (.message | short) + (if .event.reason then " (\(.event.reason | short))" else "" end)
   + (if .cellblock.mend then " → \(.cellblock.mend | short)" else "" end)]
| join("\t")
