# status.jq - one run of `sandboxctl status`, slurped raw: a screen of few lines, what is wrong first. A pane of 80
# columns has seven rows. So what is well of a container has its name in the first line, and no line of its own.

include "plain";

def mark: if .event.outcome == "failure" then "FAIL" elif .event.outcome == "unknown" then "??" else "ok" end;

[split("\n")[] | fromjson? | select(.event.action != "run-finished")] as $all
| ([$all[] | select(.event.action == "service-reported" and .event.outcome == "success") | .container.name]) as $well
| "\u001b[H\u001b[2J" + (now | strflocaltime("%H:%M:%S"))
  + (if $all == [] then " ?? sandboxctl status said nothing" elif $well == [] then "" else "  healthy: " + ($well | join(" ") | plain) end),
  ($all | sort_by(.event.outcome == "success") | .[] | select((.container.name and .event.outcome == "success") | not)
   | "\(mark) \(.message | plain(200))")
