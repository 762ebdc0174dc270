# The commands' words: what the help lists is all there is, so that no second list can differ from it.

# `NAME<tab>WHAT`, one a line.
commands() { help_of "$here/cellblock" | sed -n 's/^  \([a-z]\{1,\}\)\( [a-z]\{1,\}\)\{0,1\}  \{1,\}\(.*\)/\1\t\3/p'; }

# What may follow a command: its options, and the words that its help explains.
follows() {
  "$here/cellblock" "$1" --help | grep -oE '^Usage: scripts/.*|^ {2,6}(-[A-Za-z], )?--[a-z-]+|^  [a-z]+  ' |
    grep -oE -- '--[a-z-]+|^  [a-z]+  ' | tr -d ' ' | sort -u
}

# The known command that the fewest changes of a letter lead to.
nearest() {
  commands | cut -f 1 | awk -v word="$1" '
    function least(a, b, c) { if (b < a) a = b; return c < a ? c : a }
    function distance(from, to,   i, j, at) {
      for (i = 0; i <= length(from); i++) at[i, 0] = i
      for (j = 0; j <= length(to); j++) at[0, j] = j
      for (i = 1; i <= length(from); i++)
        for (j = 1; j <= length(to); j++)
          at[i, j] = least(at[i - 1, j] + 1, at[i, j - 1] + 1, at[i - 1, j - 1] + (substr(from, i, 1) != substr(to, j, 1)))
      return at[length(from), length(to)]
    }
    { found = distance(word, $1); if (NR == 1 || found < best) { best = found; name = $1 } }
    END { print name }'
}
