# finding.jq - lines of the record in, raw; what is not as it should be out: fingerprint, verdict, sentence, tab-separated.
# The fingerprint is the check that was asked, tool, rule and target: the same finding has the same one tomorrow.

include "plain";

def short: plain(300);

def target: [.container.name, .network.name, .host.name, .service.name, .file.path] | map(select(.)) | .[0] // "";

fromjson?
| select(.event.outcome == "failure" or .event.outcome == "unknown")
| select(.event.action != "run-finished")
| ([$check, .event.provider, .event.action, .rule.id // (.message | gsub("[0-9]+"; "N")), target] | map(short) | join(" ")) as $fingerprint
| [$fingerprint, .event.outcome,
   ([.rule.id, target] | map(select(. != null and . != "")) | join(" ") | short) + ": " + (.message | short) + (if .event.reason then " (\(.event.reason | short))" else "" end)
   + (if .cellblock.mend then " → \(.cellblock.mend | short)" else "" end)]
| join("\t")
