# verdict.jq - lines of the record in, raw; what each says of its check out: fingerprint, verdict, severity and why.

include "fingerprint";

fromjson? | objects
| select(.event.outcome and .event.action != "run-finished")
| [fingerprint($check), .event.outcome, .event.severity, (.event.reason // "" | tostring | unnumbered | short)]
| join("\t")
