# table.jq - the verdicts as rows: line, verdict, sentence, evidence. Evidence quotes what the prisoner chose: no control
# character and no bidirectional override gets through.

include "plain";

select(.event.action == "criterion-evaluated")
| [.rule.id, {success: "ok", failure: "FAILED", unknown: "unknown"}[.event.outcome], .rule.description, .event.reason]
| map(plain) | @tsv
