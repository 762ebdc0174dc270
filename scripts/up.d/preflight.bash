# What `up` can find wrong before it changes anything.

# Below it, an internal network forwards DNS (CVE-2024-29018). `sandboxctl audit` demands the same: tests/suites/lints.bats.
readonly ENGINE_FLOOR=25.0.5
readonly ENGINE_NAT66=27       # from it on, Docker masquerades IPv6 without being asked to

preflight() {
  [ "$DRY_RUN" = 1 ] || need_root "bringing the cellblock up"
  if is_checkout; then "$here/build" --check || need_cargo; fi
  [ -z "$IMAGES" ] || [ -r "$IMAGES" ] || die "there is no file of images at $IMAGES"
  "$here/setup" --check "${SETUP[@]}" || say "setup will mend what is missing"
  # No tool is built yet, or an older one does not know this policy: then the port is asked about when they are built.
  local port
  [ "$LAB" = 1 ] || ! port=$(vault_port 2>/dev/null) || check_port "$port"
}

# Reads the policy with the tool that enforces it, so that a mistake costs nothing that was there.
check_policy() {
  if [ "$DRY_RUN" = 1 ] && [ ! -x "$PROGRAMS/netguard" ]; then
    say "the tools are not built yet: the policy is checked when they are"
    return 0
  fi
  netguard plan --policy "$POLICY" --root "$ROOT" --format jsonl >/dev/null || die "the policy is not usable; nothing was changed"
  check_engine
  local port
  port=$(vault_port) || die "the policy does not say where the vault listens; nothing was changed"
  check_port "$port"
}

# After a boot Docker takes its time.
await_engine() {
  local end=$((SECONDS + WAIT))
  until docker version >/dev/null 2>&1 || [ "$SECONDS" -ge "$end" ]; do sleep 1; done
}

check_engine() {
  local version
  [ "$WAIT" = 0 ] || await_engine
  version=$(docker version --format '{{.Server.Version}}' 2>/dev/null) ||
    { warn_k3s; [ "$DRY_RUN" = 1 ] && return 0; die "no Docker daemon answers at ${DOCKER_HOST:-unix:///var/run/docker.sock}: run scripts/setup, or start it"; }
  refuse_rootless
  [ "$(printf '%s\n' "$ENGINE_FLOOR" "${version%%[+~-]*}" | sort -V | head -n 1)" = "$ENGINE_FLOOR" ] ||
    die "Docker engine $version forwards DNS out of internal networks (CVE-2024-29018): $ENGINE_FLOOR or newer is needed"
  warn_ipv4_only "${version%%.*}"
  docker compose version >/dev/null 2>&1 || die "Docker Compose v2 is not there: run scripts/setup"
}

# Its bridges lie in a network namespace of its own, where no rule of the moat is.
refuse_rootless() {
  ! docker info --format '{{.SecurityOptions}}' 2>/dev/null | grep 'name=rootless' >/dev/null ||
    die "this Docker is rootless: no rule of the moat reaches its bridges, so it is not supported. Use the system's: docker context use default, and unset DOCKER_HOST"
}

warn_k3s() {
  [ ! -e /run/k3s/containerd/containerd.sock ] ||
    say "k3s runs here, and is no Docker engine: what it runs is not supported. scripts/setup installs Docker beside it"
}

# No fault, but nobody should look for it: the cell then reaches the internet over IPv4 alone. On a kernel without IPv6
# Docker makes no network that has it; sandboxctl knows that kernel, and renders for it.
warn_ipv4_only() {
  local networks
  networks=$(sandboxctl render networks --engine "$ENGINE_FLOOR" --policy "$POLICY" --root "$ROOT") || die "the networks could not be made from the policy"
  if [[ $networks != *'"--ipv6"'* ]]; then
    say "this kernel has no IPv6 (ipv6.disable=1): every network is made with IPv4 alone, and the cell is IPv4-only"
    return 0
  fi
  [ "$1" -lt "$ENGINE_NAT66" ] || return 0
  [ "$(docker version --format '{{.Server.Experimental}}')" = true ] ||
    say "this Docker engine masquerades no IPv6: the cell is IPv4-only. Start dockerd with --experimental --ip6tables, or use $ENGINE_NAT66 or newer"
}

# Of `listen` of [vault], by the tool that reads the policy.
vault_port() { setting '.vault.listen | capture(":(?<port>[0-9]+)$").port'; }

# `check_port PORT`. It is ours already when our vault publishes it.
check_port() {
  local port=$1 holder
  holder=$(ss -Hltnp "sport = :$port" 2>/dev/null | head -n 1) || true
  [ -n "$holder" ] || return 0
  [ -z "$(docker ps -q --filter name='^vault$' --filter "publish=$port" 2>/dev/null)" ] || return 0
  die "port $port is taken: $holder. Stop that program, or change [vault] listen in $POLICY"
}

# Two at once would undo each other's work. The lock is on the project root, and ends with this process.
only_one_at_a_time() {
  [ "$DRY_RUN" = 0 ] || return 0
  local lock
  lock=/run/lock/cellblock-$(printf '%s' "$ROOT" | sha256sum | cut -c1-16)
  exec 9>"$lock"
  flock -n 9 || die "another up or down is at work on $ROOT; wait for it to end"
}
