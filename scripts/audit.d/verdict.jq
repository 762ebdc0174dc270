# verdict.jq - lines of the record in, raw; what each says of its check out: fingerprint, verdict, and why where it is no pass.

include "fingerprint";

fromjson?
| select(.event.outcome and .event.action != "run-finished")
| [fingerprint($check), .event.outcome, (select(.event.outcome != "success").event.reason // "" | unnumbered | short)]
| join("\t")
