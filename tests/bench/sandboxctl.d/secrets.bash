# How many of the samples that nobody wrote for our rules are found, beside gitleaks. Sourced by ../sandboxctl.
# shellcheck shell=bash disable=SC2154  # work and the helpers are its own

# gitleaks of this machine, or Debian's in a folder that goes with the bench.
gitleaks_here() {
  local found
  if found=$(command -v gitleaks); then
    echo "$found"
    return
  fi
  (cd "$work" && apt-get -qq download gitleaks/trixie >/dev/null 2>&1) || (cd "$work" && apt-get -qq download gitleaks >/dev/null 2>&1) || return 1
  dpkg-deb -x "$work"/gitleaks_*.deb "$work/gitleaks" && echo "$work/gitleaks/usr/bin/gitleaks"
}

# Each sample a file NUMBER.env; what it is stands in the list: NUMBER LABEL.
samples() {
  local label coded number=0 rest
  mkdir "$work/samples"
  while IFS=$'\t' read -r label rest rest coded; do
    [[ $label != \#* ]] || continue
    number=$((number + 1))
    base64 -d <<<"$coded" >"$work/samples/$number.env"
    echo "$number $label" >>"$work/labels"
  done <"$house/tools/sandboxctl/src/audit/leak/unseen.tsv"
}

# `score NAME FILE TIME`: the numbers in the file are those that were found.
score() {
  sort -u "$2" | awk -v name="$1" -v ms="$3" 'NR == FNR { found[$1] = 1; next }
    { if ($2 == "secret") { all++; hit += found[$1] } else wrong += found[$1] }
    END { printf "secrets: %-12s %d of %d found, %d false; recall %.3f, precision %.3f; %s ms\n", name, hit, all, wrong, hit / all, hit / (hit + wrong), ms }' - "$work/labels"
}

bench_secrets() {
  local peer round
  samples
  tar -C "$work/samples" -c . | on_host docker import - bench-secrets:1 >/dev/null
  on_host docker create --name bench-secrets --network none bench-secrets:1 true >/dev/null
  for ((round = 0; round < TIMES; round++)); do timed ours kept audit --only cellblock-layer-secret bench-secrets; done
  kept audit --only cellblock-layer-secret bench-secrets >"$work/told" || [ $? = 1 ]
  jq -r 'select(.rule.id == "cellblock-layer-secret") | .cellblock.cell.control.found' "$work/told" | grep -oE '[0-9]+\.env' | cut -d. -f1 >"$work/ours.found"
  score sandboxctl "$work/ours.found" "$(median "$work/ours")"
  on_host docker rm bench-secrets >/dev/null
  peer=$(gitleaks_here) || { echo 'secrets: gitleaks is not to be had here'; return; }
  for ((round = 0; round < TIMES; round++)); do timed peer "$peer" detect --no-git --no-banner -s "$work/samples" -f json -r "$work/peer.json"; done
  jq -r '.[].File' "$work/peer.json" | grep -oE '[0-9]+\.env' | cut -d. -f1 >"$work/peer.found"
  score gitleaks "$work/peer.found" "$(median "$work/peer")"
}
