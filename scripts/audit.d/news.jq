# news.jq - lines of the record in, raw; out those that end a run, and those that are new. A pass is new if it says what
# is not among the verdicts in $known. What is no pass is new if it is not, word for word, among the lines in $standing.

include "fingerprint";

def set: split("\n") | map({(.): true}) | add // {};

($known | set) as $said
| ($standing | set) as $stands
| inputs | fromjson? | objects
| select(.event.action == "run-finished"
    or (if .event.outcome == "success" then $said[verdict($check)] else $stands[words] end | not))
