# plain.jq - text for a terminal or a message. The prisoner chooses names, paths and words: no control character of C0 or
# C1, and no mark that turns the direction of writing, gets through.

def plain: tostring | gsub("[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]"; "?");

# The same, and not longer than this.
def plain($most): plain | if length > $most then .[0:$most] + "…" else . end;
