# news.jq - lines of the record in, raw; those out that end a run, pass and say what is not among the verdicts in $known, or are
# no pass and not, word for word, among the lines in $standing.

include "fingerprint";

def set: split("\n") | map({(.): true}) | add // {};

($known | set) as $said
| ($standing | set) as $stands
| inputs | fromjson? | objects
| select(.event.action == "run-finished"
    or (if .event.outcome == "success" then $said[verdict($check)] else $stands[words] end | not))
