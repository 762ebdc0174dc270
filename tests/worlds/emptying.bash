# What a world leaves on its engine. Sourced by the worlds and the lab.
# shellcheck shell=bash

# `remove_all KIND FILTER ENGINE…`: every container, network or volume that the filter finds, by this engine's docker. An
# empty filter finds all.
remove_all() {
  local kind=$1 filter=$2 list=(ls -q) force=(-f) found
  shift 2
  case "$kind" in container) list+=(-a) ;; network) force=() ;; esac
  [ -z "$filter" ] || list+=(--filter "$filter")
  mapfile -t found < <("$@" "$kind" "${list[@]}")
  [ "${#found[@]}" -eq 0 ] || "$@" "$kind" rm "${force[@]}" "${found[@]}" >/dev/null
}
