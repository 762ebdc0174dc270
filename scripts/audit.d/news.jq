# news.jq - lines of the record in, raw; those out that are no pass, end a run, or say what is not among the verdicts in $known.

include "fingerprint";

($known | split("\n") | map({(.): true}) | add) as $said
| inputs | fromjson? | objects
| select(.event.outcome != "success" or .event.action == "run-finished" or ($said[verdict($check)] | not))
