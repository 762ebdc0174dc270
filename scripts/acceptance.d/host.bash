# What is looked at from this host, and changes nothing. Each look is one line, with what was seen.

readonly OURS=(vault cell proxy monitor warden clamd)
readonly STALE=1200   # seconds after which refs that were read last are old news: four rounds of the monitor

seen() { line acceptance host-evaluated "$@"; }

readonly LOOKS=(compose-project listeners published image-history compose-drift remote refs secret-places moat-watched gateway vault-pin vault-key base-image risks)

# All at once. A look stands before `||`, so `set -e` does not hold in it: whatever it asks, it must look at the answer, and
# end with 1 where there is none. Each waits for the engine most of the time, and its line is shorter than what a pipe takes whole.
ask_this_host() {
  local check
  for check in "${LOOKS[@]}"; do
    if rests_on host "$check"; then { "look_at_${check//-/_}" || seen unknown "$check" 'it could not be looked at; see above'; } & fi
  done
  wait
}

# The first process of a container of ours.
first_process() { docker inspect --format '{{if .State.Running}}{{.State.Pid}}{{end}}' "$1" 2>/dev/null | grep .; }

# A command of this host in a container's network namespace.
within_network_of() {
  local pid
  pid=$(first_process "$1") || return 1
  shift
  nsenter "--net=/proc/$pid/ns/net" -- "$@"
}

look_at_compose_project() {
  local name project missing=()
  for name in "${OURS[@]}"; do
    project=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.project"}}' "$name" 2>/dev/null) || project=''
    [ "$project" = cellblock ] || missing+=("$name")
  done
  if [ "${#missing[@]}" = 0 ]; then seen success compose-project "${#OURS[@]} containers, each made by compose"
  else seen failure compose-project "not made by compose: ${missing[*]}"; fi
}

# Who listens where, beside loopback: the vault on 443, the gate on 80 and 443 of its own addresses.
look_at_listeners() {
  local name found odd=()
  for name in vault proxy monitor clamd warden; do
    found=$(within_network_of "$name" ss -Hltn) || { seen unknown listeners "$name does not run"; return 0; }
    while read -r found; do odd+=("$name $found"); done < <(awk '{ print $4 }' <<<"$found" | grep -vE "^(127\.|\[::1\])" | grep -vE "$(expected_of "$name")")
  done
  if [ "${#odd[@]}" = 0 ]; then seen success listeners 'vault 443, gate 80 and 443, nobody else'
  else seen failure listeners "${#odd[@]} also listen: ${odd[*]:0:5}"; fi
}

expected_of() { case "$1" in vault) echo ':443$' ;; proxy) echo ':(80|443)$' ;; *) echo '^$' ;; esac; }

look_at_published() {
  local all open
  all=$(published) || return 1
  open=$(grep -vE '^(127\.|::1:|$)' <<<"$all" | paste -sd, -) || true
  if [ -n "$open" ]; then seen failure published "published beyond loopback: ${open:0:200}"
  else seen success published "on loopback only: $(paste -sd, - <<<"$all")"; fi
}

# The documented beginnings of keys; a value never gets into a line.
look_at_image_history() {
  local name image steps found=()
  for name in "${OURS[@]}"; do
    image=$(docker inspect --format '{{.Image}}' "$name" 2>/dev/null) || { seen unknown image-history "there is no $name"; return 0; }
    steps=$(docker history --no-trunc --format '{{.CreatedBy}}' "$image") && [ -n "$steps" ] || { seen unknown image-history "the steps of $name's image are not known"; return 0; }
    if grep -qE 'sk-(ant-|proj-)?[A-Za-z0-9_-]{16}|gh[pousr]_[A-Za-z0-9]{20}|github_pat_|xox[abprs]-|AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY' <<<"$steps"; then found+=("$name"); fi
  done
  if [ "${#found[@]}" = 0 ]; then seen success image-history "no step of ${#OURS[@]} images holds a key"
  else seen failure image-history "a step holds what looks like a key: the images of ${found[*]}"; fi
}

# What compose would make now, and what runs: the digests that compose itself keeps.
look_at_compose_drift() {
  local service wanted has drifted=() hashes
  hashes=$(compose -f <(joined_to_the_vault) config --hash '*') && [ -n "$hashes" ] || return 1
  while read -r service wanted; do
    has=$(docker inspect --format '{{index .Config.Labels "com.docker.compose.config-hash"}}' "$(container_of "$service")" 2>/dev/null) || has=''
    [ "$has" = "$wanted" ] || drifted+=("$service")
  done <<<"$hashes"
  if [ "${#drifted[@]}" = 0 ]; then seen success compose-drift "$(wc -l <<<"$hashes") services are as compose would make them"
  else seen failure compose-drift "not as compose would make them: ${drifted[*]}; scripts/up does"; fi
}

# Compose writes down, by the vault's id, whose network the cell shares. So a cell in an older vault's has drifted
# too.
joined_to_the_vault() { printf 'services: {cell: {network_mode: "container:%s"}}\n' "$(docker inspect --format '{{.Id}}' vault)"; }

container_of() { if [ "$1" = cell ]; then setting .cell.container; else echo "$1"; fi; }

# What scripts/remote says in its last line, which is about all of it.
look_at_remote() {
  local said
  said=$("$here/remote" --policy "$POLICY" --root "$ROOT" --format jsonl check) || true
  said=$(jq -c 'select(.rule.id == "remote")' <<<"$said" | grep .) || return 1
  seen "$(jq -r .event.outcome <<<"$said")" remote "$(jq -r .event.reason <<<"$said")"
}

look_at_refs() {
  local answer age count
  answer=$(auditdb query "SELECT count(*) AS n, coalesce(date_diff('second', max(time), make_timestamp(epoch_us(now()))), -1) AS age FROM records WHERE action = 'refs-read' AND provider = 'auditdb'" \
    --policy "$POLICY" --root "$ROOT" --format jsonl) || return 1
  count=$(jq .n <<<"$answer") age=$(jq .age <<<"$answer")
  [[ $count =~ ^[0-9]+$ && $age =~ ^-?[0-9]+$ && ! ($count != 0 && $age = -*) ]] || return 1
  if [ "$count" = 0 ]; then seen failure refs 'no round of the monitor is in the record'
  elif [ "$age" -gt "$STALE" ]; then seen failure refs "the last of $count rounds was $age s ago"
  else seen success refs "$count rounds in the record, the last $age s ago"; fi
}

# Where keys are put is memory, by the kernel's word; the vault's own stays with root.
look_at_secret_places() {
  local name pid wrong=()
  for name in vault proxy; do
    pid=$(first_process "$name") || { seen unknown secret-places "$name does not run"; return 0; }
    awk '$5 == "/run/secrets" && / - tmpfs / { found = 1 } END { exit !found }' "/proc/$pid/mountinfo" || wrong+=("$name: /run/secrets is no tmpfs")
  done
  [ "$(stat -c '%a %u' "$ROOT/vault/key.pem" 2>/dev/null)" = '600 0' ] || wrong+=("$ROOT/vault/key.pem is not root's alone")
  if [ "${#wrong[@]}" = 0 ]; then seen success secret-places 'vault and gate keep theirs in a tmpfs, given through exec'"'"'s stdin'
  else seen failure secret-places "${wrong[*]}"; fi
}

# Whoever keeps the moat of this network holds its lock (netguard(1), watch): the lock is asked, not a name.
look_at_moat_watched() {
  local lock
  lock=/run/cellblock/watch.$(stat -Lc %i /proc/self/ns/net) || return 1
  if [ -e "$lock" ] && ! flock --nonblock --shared "$lock" true; then
    seen success moat-watched "netguard watch ($(head -c 300 "$lock")) puts back what is taken away"
  else
    seen failure moat-watched 'nobody watches the rules: scripts/collect start, or scripts/install --units'
  fi
}

look_at_gateway() {
  local found port open
  port=$(setting .vault.upstream)
  port=${port##*:}
  [[ $port =~ ^[0-9]+$ ]] || return 1
  found=$(within_network_of vault ss -Hltn) || { seen unknown gateway 'the vault does not run'; return 0; }
  open=$(awk '{ print $4 }' <<<"$found" | grep -vE '^(127\.|\[::1\])' | grep -v ':443$' | paste -sd' ' -) || true
  if [ -n "$open" ]; then seen failure gateway "in the cell's network somebody listens on ${open:0:200}"
  elif grep -qE "(127\.0\.0\.1|\[::1\]):$port " <<<"$found"; then seen success gateway "127.0.0.1:$port, in the cell's network"
  else seen unknown gateway "nobody listens on port $port: does the agent run?"; fi
}

# The right pin is taken, and the same with one digit changed is not. An agent that is busy lets a WebSocket wait, which
# says nothing about the pin: hence the time.
look_at_vault_pin() {
  local pin wrong address said status=0
  pin=$(vault_pin) address=wss://$(setting .vault.listen)
  wrong=${pin%?}$(tr '0-9a-f' '1-9a-f0' <<<"${pin: -1}")
  said=$(egress-check pin --pin "$pin" "$address" --policy "$POLICY" --root "$ROOT" --format jsonl) || status=$?
  said=$(jq -r 'select(.event.action != "run-finished") | .event.reason // .message' <<<"$said")
  case "$status" in 0) ;; 1) seen failure vault-pin "$address, pinned $pin: $said"; return 0 ;; *) seen unknown vault-pin "$address: $said"; return 0 ;; esac
  status=0
  egress-check pin --pin "$wrong" "$address" --policy "$POLICY" --root "$ROOT" --format jsonl >/dev/null || status=$?
  if [ "$status" = 1 ]; then seen success vault-pin "$pin, and one digit changed is refused"
  else seen failure vault-pin "a pin with one digit changed ends with $status, not with 1"; fi
}

look_at_vault_key() {
  local shown
  shown=$(timeout 10 openssl s_client -connect "$(setting .vault.listen)" </dev/null 2>/dev/null | openssl x509 -noout -text 2>/dev/null) || { seen unknown vault-key 'the vault shows no certificate'; return 0; }
  if grep -q 'rsaEncryption' <<<"$shown" && grep -qE 'Public-Key: \(2048 bit\)' <<<"$shown"; then seen success vault-key 'RSA, 2048 bits'
  else seen failure vault-key "$(grep -E 'Public Key Algorithm|Public-Key' <<<"$shown" | tr -s ' \n' ' ')"; fi
}

# Every image says what it was made from, and begins with that image's layers.
look_at_base_image() {
  local name image base first odd=() bases=()
  for name in "${OURS[@]}"; do
    image=$(docker inspect --format '{{.Image}}' "$name" 2>/dev/null) || { seen unknown base-image "there is no $name"; return 0; }
    base=$(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.base.name"}} {{index .Config.Labels "org.opencontainers.image.base.digest"}}' "$image")
    first=$(docker image inspect --format '{{index .RootFS.Layers 0}}' "$image")
    case "$base" in "cellblock/base:"*" $first") bases+=("${base% *}") ;; *) odd+=("$name") ;; esac
  done
  if [ "${#odd[@]}" = 0 ]; then seen success base-image "$(printf '%s\n' "${bases[@]}" | sort -u | paste -sd' ' -): Debian without documentation, recommended packages or services"
  else seen failure base-image "not made from the base image, or nobody knows from what: ${odd[*]}"; fi
}

look_at_risks() {
  local count
  count=$(sed -n '/^## What is not held/,/^## /p' "$HOUSE/SECURITY.md" 2>/dev/null | grep -c '^- \*\*') || count=0
  if [ "$count" -gt 0 ]; then seen success risks "$count in SECURITY.md, \"What is not held\""
  else seen unknown risks 'there is no SECURITY.md here'; fi
}
