# alert.jq - a line of the record in, raw; what a person needs of it out, if it is severe enough: what, where, what to do.
# Bounded, and without a character that could move a cursor: much of it was chosen by the prisoner.

include "plain";

def place: [.container.name, .network.name, .file.path, .destination.address // .destination.ip, .rule.id] | map(select(.) | plain(200)) | join(", ");

fromjson?
| select(type == "object" and (.event.severity // 0 | type == "number" and . >= $severity) and (.event.id | type == "string"))
| {id: (.event.id | gsub("[^0-9A-Za-z-]"; "") | .[0:64]), severity: .event.severity, time: (.["@timestamp"] // "" | plain(40)),
   what: (.message // .event.action // "" | plain(300)), where: place, why: (.event.reason // "" | plain(300)),
   do: (.cellblock.mend // "auditdb events --since 1h shows what came before" | plain(300))}
| select(.id != "")
