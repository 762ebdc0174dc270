# A command whose output nobody reads. Sourced by the worlds.
# shellcheck shell=bash

# The reader is gone before the command starts. One that leaves after a line is a race: what fits into the pipe is
# written before it leaves, and the test sees no fault.
to_nobody() {
  local pipe status=0
  exec {pipe}> >(exec true 3>&-)
  wait "$!"
  "$@" >&"$pipe" || status=$?
  exec {pipe}>&-
  return "$status"
}
