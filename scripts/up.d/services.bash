# Configuration from the policy, then the services: the vault first. It owns the cell's network
# namespace, and must have its key before anything else may take its port.

readonly START_PATIENCE=240   # seconds until every service is healthy; the agent takes some 15

render_all() {
  run install -d -m 0755 "$RENDERED" "$RENDERED/gate" "$RENDERED/inspect"
  run_to "$RENDERED/gate/nginx.conf" sandboxctl render nginx --policy "$POLICY" --root "$ROOT"
  run_to "$RENDERED/gate/trusted-ca.pem" cat "$(trusted_ca)"
  run_to "$RENDERED/compose.policy.yaml" sandboxctl render compose --policy "$POLICY" --root "$ROOT"
}

# In the lab the internet is signed by the lab's own CA, and by no other.
trusted_ca() { if [ "$INSIDE" = 1 ]; then echo "$LAB_STATE/ca.pem"; else echo /etc/ssl/certs/ca-certificates.crt; fi; }

start_services() {
  [ -e "$ROOT/vault/key.pem" ] || run sandboxctl cert create --policy "$POLICY" --root "$ROOT"
  run compose up -d --no-build vault
  part_with_a_stranded_cell
  run sandboxctl cert deliver --policy "$POLICY" --root "$ROOT"
  await_vault
  open_tls
  run compose up -d --no-build --wait --wait-timeout "$START_PATIENCE"
  # A gate that ran before has the old configuration still: it takes up the new one without dropping a request.
  run docker exec proxy reload
}

# Only where the policy says tls = "inspect", or did: certificates for the gate, made anew by each start, from an authority
# whose key is gone before this returns. A cell of before trusts another authority, and is made anew too.
open_tls() {
  [ -e "$RENDERED/inspect/ca.pem" ] || inspects || return 0
  say "tls = \"inspect\": the gate reads what the cell asks of names that the policy lists so"
  run compose up -d --no-build proxy
  run sandboxctl cert inspect --policy "$POLICY" --root "$ROOT"
  run compose rm --stop --force cell
}

inspects() { jq -e '.services.cell.environment.NODE_EXTRA_CA_CERTS' "$RENDERED/compose.policy.yaml" >/dev/null 2>&1; }

readonly VAULT_PATIENCE=60   # seconds; one that had no key for long is looked at every 30

# Compose reads what its health was last: of a vault that had no key until now, that it is ill.
await_vault() {
  local _
  [ "$DRY_RUN" = 0 ] || return 0
  for ((_ = 0; _ < VAULT_PATIENCE; _++)); do
    [ "$(docker inspect --format '{{.State.Health.Status}}' vault)" != healthy ] || return 0
    sleep 1
  done
  say "the vault is not healthy a minute after it was given its key: docker logs vault"
}

# A vault that was started again, after a crash say, has a new network namespace. Compose leaves a cell of before
# where it is: in the old one, alone (tried). Only a new container gets into the new one. The same goes for a cell that
# has another file system than the share's: it was started while that was not mounted.
part_with_a_stranded_cell() {
  local cell vault
  [ "$DRY_RUN" = 0 ] || return 0
  cell=$(compose ps --quiet cell)
  [ -n "$cell" ] || return 0
  vault=$(docker inspect --format '{{.State.StartedAt}}' vault)
  if [[ $(docker inspect --format '{{.State.StartedAt}}' "$cell") > $vault ]] && has_the_share "$cell"; then return 0; fi
  run compose rm --stop --force cell
}

# By the kernel's word: the device that is mounted in the cell is the one that is mounted here.
has_the_share() {
  local pid here
  pid=$(docker inspect --format '{{.State.Pid}}' "$1")
  # The boot unit's own mount namespace has it twice, once for what the unit may write to.
  read -r here < <(findmnt -rno MAJ:MIN --mountpoint "$(setting .share.mount)") || return 1
  awk -v device="$here" '$5 == "/sandbox" && $3 == device { found = 1 } END { exit !found }' "/proc/$pid/mountinfo" 2>/dev/null
}

# A unit's start wakes no units: what systemd is at cannot wait for itself. The streams it begins, for renew may have ended them.
start_collecting() {
  if [ "$DRY_RUN" = 0 ] && [ "$BOOT" = 0 ]; then wake_units; fi
  run "$here/collect" --policy "$POLICY" --root "$ROOT" start
}

# A start that failed leaves nothing running that was not running before: services first, moat last.
# What ran before this run is left as it is: a mistake in a policy must not cost a cellblock that is up.
begin_start() {
  STARTING=1
  [ -z "$(docker ps -q --filter label=com.docker.compose.project=cellblock 2>/dev/null)" ] || STARTING=0
  trap 'undo_a_half_start $?' EXIT
}

# What the containers that did not become healthy said last: it is gone with them.
last_words() {
  local name
  while read -r name; do
    say "$name said last:"
    docker logs --tail 8 "$name" >&2 || true
  done < <(docker ps -a --filter label=com.docker.compose.project=cellblock --format '{{.Names}} {{.Status}}' | awk '!/\(healthy\)/ { print $1 }')
}

undo_a_half_start() {
  local status=$1
  trap - EXIT
  [ "$status" != 0 ] && [ "$DRY_RUN" = 0 ] && [ "$STARTING" = 1 ] || exit "$status"
  last_words
  say "not up: taking back what was started"
  exec 9>&-
  # At boot all else stays, and the unit tries again.
  if [ "$BOOT" = 1 ]; then "$here/down" --halt --policy "$POLICY" --root "$ROOT" || true; exit 2; fi
  "$here/down" --undo --policy "$POLICY" --root "$ROOT" || say "scripts/down could not finish either; see above"
  exit 2
}
