# What of cellblock-agent(7) nobody has executed. Loaded by agent.bats.
# shellcheck shell=bash
# shellcheck disable=SC2154  # house is world.bash's

# The headings that have a block of lines to be run, and were not followed (agent/world.bash's `follow`), one a line.
not_followed() { # page, file with what was followed
  comm -23 <(awk '/^\.S[sh] / { heading = substr($0, 5) } /^\.Bd -literal/ { print heading }' "$1" | sort -u) <(sort -u "$2")
}

# Commands that the page names outside its blocks, one a line, without the words that lead into the cell. What begins
# otherwise is no command that stands for itself.
commands_named_in() { # page
  sed -nE 's/^\.(Pq )?(Ql|Dl) //p' "$1" | sed -E 's/( [.,;:])+$//; s/^docker exec (-i )?cell //' |
    grep -E '^(openclaw|devices|codex|npm|npx|pip3?|apt|apt-get|echo|scripts\/.*)( |$)' | sort -u
}

# Those that no line of these suites has; a word in capitals stands for any. Titles, comments and
# checks execute nothing.
not_executed() { # page, file…
  local page=$1 command pattern
  shift
  while read -r command; do
    pattern=$(sed -E 's/[]\/.*^$[+?(){}|]/\\&/g; s/\b[A-Z]{2,}\b/[^ ]+/g' <<<"$command")
    grep -hvE '^(@test|[[:space:]]*(#|\[))' "$@" | grep -qE "(^|[ ;'\"])$pattern([ ;)'\"]|\$)" || echo "$command"
  done < <(commands_named_in "$page")
}
