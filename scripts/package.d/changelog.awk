# CHANGELOG.md (Keep a Changelog), as Debian writes one: `awk -v who="NAME <ADDRESS>" -f changelog.awk CHANGELOG.md`.
# What is not released yet is in no package.

function flush_item(   words, n, i, line) {
  if (item == "") return
  n = split(item, words, " ")
  line = "  *"
  for (i = 1; i <= n; i++) {
    if (length(line) + length(words[i]) > 76) { print line; line = "   " }
    line = line " " words[i]
  }
  print line
  item = ""
}

# Every version has a day and no hour: noon.
function end_entry(   command, when) {
  flush_item()
  if (version == "") return
  command = "date -u -R -d '" day " 12:00'"
  command | getline when
  close(command)
  printf "\n -- %s  %s\n", who, when
  version = ""
}

/^## \[[0-9]/ {
  end_entry()
  version = $2
  day = $4
  gsub(/[][]/, "", version)
  if (day !~ /^[0-9]+-[0-9]+-[0-9]+$/) { print "CHANGELOG.md:" NR ": expected ## [VERSION] - YYYY-MM-DD" >"/dev/stderr"; exit 1 }
  printf "%scellblock (%s) unstable; urgency=medium\n\n", (any++ ? "\n" : ""), version
  next
}
/^## /    { end_entry(); next }
/^\[/     { next }
/^- /     { flush_item(); if (version != "") item = substr($0, 3); next }
/^  +[^ ]/ { if (item != "") { sub(/^ +/, ""); item = item " " $0 }; next }
          { flush_item() }
END       { end_entry() }
