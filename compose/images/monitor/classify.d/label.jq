# From a streamed answer to a label: one of three words and a number, or the reason why there is none.
def labels: ["routine", "unusual", "suspicious"];

[inputs] as $lines
| ([$lines[] | select(startswith("status:"))] | last // "status:000" | ltrimstr("status:")) as $status
# The text's pieces, in their order.
| ([$lines[] | select(startswith("data:")) | ltrimstr("data:") | fromjson? | objects | select(.type == "content_block_delta") | .delta.text? | strings] | add // "") as $said
# All of it is the object, bare or in a fence. An object in the midst of other words is somebody's quotation.
| ($said | sub("^\\s+"; "") | sub("\\s+$"; "") | sub("^```(json)?\\s+"; "") | sub("\\s+```$"; "") | try fromjson catch null) as $object
| ($object | if type == "object" then . else {} end) as $answer
| if $status != "200" then
    ([$lines[] | fromjson? | objects | .error | if type == "object" then .type else . end | strings] | first // "no answer") as $why
    | {name: null, confidence: null, reason: "the model was not reached: HTTP \($status), \($why[0:60])"}
  elif any(labels[]; . == $answer.label) | not then {name: null, confidence: null, reason: "what the model said is none of \(labels | join(", "))"}
  elif ($answer.confidence | type) != "number" or $answer.confidence < 0 or $answer.confidence > 1 then
    {name: $answer.label, confidence: null, reason: null}
  else {name: $answer.label, confidence: $answer.confidence, reason: null} end
| $change + .
