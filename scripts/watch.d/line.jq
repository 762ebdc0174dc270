# line.jq - a line of the record in, raw; one short line for a person out: local time, mark, what happened.

include "plain";

def at: (.["@timestamp"] // "" | .[0:19] + "Z" | fromdateiso8601? // 0 | strflocaltime("%H:%M:%S"));

def mark: if .event.outcome == "failure" then "FAIL" elif .event.outcome == "unknown" then "??" elif (.event.severity // 0) >= 73 then "!!" else "" end;

def flow: "\(.source.ip // .container.name // "?") → \(.destination.address // .destination.ip // "?")\(if .destination.port then ":\(.destination.port)" else "" end)\(if .network.transport then "/" + .network.transport else "" end)\(if .source.packets then " ×\(.source.packets)" else "" end)";

def request: "\(.http.response.status_code // .error.code // "-") \(.http.request.method // "") \(.url.domain // .destination.domain // .destination.address // "")\(.url.path // "") \(.error.code // "")";

def said:
  if .event.action == "flow-denied" then flow + "  " + (.rule.description // .event.reason // "" | ltrimstr("Refused: "))
  elif .event.provider == "egress-proxy" then request
  elif .event.provider == "scanwatch" and .file.path then "\(.event.action) \(.file.path)\(if .rule.name then " " + .rule.name else "" end)"
  else .message end;

fromjson?
| select(.event.action != "run-finished")
| [at, mark, (said | plain(200))] | map(select(. != "")) | join(" ")
