# Waits for what comes true by itself. Sourced by the worlds.
# shellcheck shell=bash

# Until a command succeeds; at the end it is run once more, and seen.
eventually() { # seconds command…
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { "$@"; return; }
    sleep 0.2
  done
}
