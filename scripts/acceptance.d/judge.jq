# judge.jq - a criterion and all evidence make a verdict. Pure: nothing is asked of anybody here.
#
# Input: lines of criteria.tsv, raw. $evidence: every line of the record that may speak. $tried: were tries made?
# Output: one line of the record for each criterion, and run-finished.

def whole($pattern): test("^(?:" + $pattern + ")$");

# Who a line is about.
def target: .container.name // .network.name // "";

def source: ltrimstr(" ") | split(" ") | {tool: .[0], rule: .[1], target: (.[2] // "@.*" | ltrimstr("@"))};

# The name by which a line's maker stands in the criteria.
def maker: if .event.provider == "acceptance" then .event.action | rtrimstr("-evaluated") else .event.provider end;

# The lines that judge, by who made them: each source looks at its own alone. What must get through is a maker of its own.
def sorted: [$evidence[] | select(.event.outcome and .rule.id)] | group_by(maker) | map({(.[0] | maker): .}) | add // {}
  | .pass = [(.["egress-check"] // [])[] | select(.cellblock.probe.expect == "pass")];

def speaks($source): (.rule.id | whole($source.rule)) and (target | whole($source.target));

# What the sources of a criterion say, each for itself: none of them may be silent.
def heard($sources; $by): [$sources[] as $source | {$source, lines: [($by[$source.tool] // [])[] | select(speaks($source))]}];

def silent: .[] | select(.lines == []) | .source | if (.tool == "try" or .tool == "egress-check" or .tool == "pass") and $tried == 0 then "not tried: --try does" else "nothing of \(.tool) speaks for it (\(.rule))" end;

# The first that says so, and how many do: of one alone, its reason.
def telling($outcome; $word):
  [.[].lines[]] as $all | [$all[] | select(.event.outcome == $outcome)] as $such
  | ($such[0] | .event.reason // .message) as $why
  | if ($all | length) == 1 then $why
    else "\($such | length) of \($all | length) checks \($word): \([$such[0].rule.id, ($such[0] | target)] | map(select(. != "")) | join(" ")): \($why)" end
  | .[0:240];

def verdict:
  [.[].lines[].event.outcome] as $all
  | if any($all[]; . == "failure") then {outcome: "failure", reason: telling("failure"; "fail")}
    elif any(.[]; .lines == []) then {outcome: "unknown", reason: first(silent)}
    elif any($all[]; . == "unknown") then {outcome: "unknown", reason: telling("unknown"; "are unknown")}
    elif ($all | length) == 1 then {outcome: "success", reason: telling("success"; "")}
    else {outcome: "success", reason: "\($all | length) checks hold"} end;

# 48 bits of time and the rest from the line's place in this run: ids of one run are apart, and sort by time.
def id($number): (now * 1000 | floor) as $time | def hex($n; $digits): [range($digits)] | map($n / pow(16; $digits - 1 - .) | floor % 16 | "0123456789abcdef"[.:. + 1]) | add;
  hex($time; 12) as $t | "\($t[0:8])-\($t[8:12])-7\(hex($number; 3))-8\(hex($number * 7919 % 4096; 3))-\(hex((now * 1000000 | floor) % 281474976710656; 12))";

def severity: {success: 0, unknown: 47, failure: 73}[.];

def judged($number; $by):
  split("\t") as [$name, $sentence, $sources]
  | heard([$sources | split(";")[] | source]; $by) as $heard
  | ($heard | verdict) as $verdict
  | {"@timestamp": (now | strftime("%Y-%m-%dT%H:%M:%SZ")), ecs: {$version},
     event: {id: id($number), provider: "acceptance", action: "criterion-evaluated", kind: "state", category: ["configuration"], type: ["info"],
       outcome: $verdict.outcome, severity: ($verdict.outcome | severity), reason: $verdict.reason},
     message: "\($sentence) \($verdict.outcome): \($verdict.reason)", rule: {id: $name, description: $sentence, ruleset: "security architecture"},
     cellblock: {evidence: {sources: [$heard[].source | "\(.tool) \(.rule)"], checks: ([$heard[].lines[]] | length), ids: ([$heard[].lines[] | select(.event.outcome == $verdict.outcome) | .event.id] | unique | .[0:20])}}};

def finished:
  [.[].event.outcome] as $all
  | {"@timestamp": (now | strftime("%Y-%m-%dT%H:%M:%SZ")), ecs: {$version},
     event: {id: id(4000), provider: "acceptance", action: "run-finished", kind: "event", category: ["process"], type: ["end"], outcome: (if any($all[]; . == "failure") then "failure" elif any($all[]; . != "success") or $all == [] then "unknown" else "success" end), severity: 0},
     message: "acceptance finished.", cellblock: {counts: {checked: ($all | length), passed: ([$all[] | select(. == "success")] | length), failed: ([$all[] | select(. == "failure")] | length), unknown: ([$all[] | select(. == "unknown")] | length)}}};

sorted as $by | [., inputs] | to_entries | map(.key as $number | .value | judged($number; $by)) | .[], finished
