#!/usr/bin/env bats
# What compose.yaml promises of every service, before anything runs: read with Docker Compose's own eyes, alone
# and as scripts/up would start it in either shape. Needs no daemon, but for the one test that says so.

bats_require_minimum_version 1.5.0
load ../worlds/compose/world.bash

setup_file() {
  export FILES=$BATS_FILE_TMPDIR
  compose_alone config --format json >"$FILES/alone.json"
  composition open "$FILES/open" >"$FILES/open.json"
  composition proxied "$FILES/proxied" >"$FILES/proxied.json"
}

# Fails and names the services, unless the condition holds for each of them, in each of the three.
holds_for_all() {
  local file broken
  for file in alone open proxied; do
    [ "$(jq -r '.services | keys | join(" ")' "$FILES/$file.json")" = "$SERVICES" ]
    broken=$(breaking "$1" <"$FILES/$file.json")
    [ -z "$broken" ] || { echo "$file: not so for $broken"; return 1; }
  done
}

of() { jq -r "$2" "$FILES/$1.json"; } # composition filter

@test "every service drops all capabilities, and only the warden gets one back: DAC_OVERRIDE" {
  holds_for_all '.cap_drop == ["ALL"]'
  holds_for_all '(.cap_add // []) == [] or (.container_name == "warden" and .cap_add == ["DAC_OVERRIDE"])'
}

@test "no service can gain privileges, or has any: no-new-privileges, no privileged mode, no device, no host namespace" {
  holds_for_all '.security_opt[0] == "no-new-privileges:true"'
  holds_for_all '(.privileged // false) == false and (.devices // []) == [] and .ipc == "private"'
  holds_for_all '.pid == null and .userns_mode == null and .uts == null and .cgroup == null'
  holds_for_all '(.network_mode // "") | IN("", "none", "service:vault")'
}

@test "every service but the cell may call what our own list of calls has, and Compose makes it anew when that changes" {
  local list=$HOUSE/compose/seccomp.json
  holds_for_all '.security_opt[1:] == (if .container_name == "cell" then [] else ["seccomp:./seccomp.json"] end)'
  holds_for_all "(.labels[\"cellblock.seccomp\"] // \"\") == (if .container_name == \"cell\" then \"\" else \"$(sha256sum "$list" | cut -c1-16)\" end)"
  [ "$(jq -c '[.defaultAction, has("architectures"), [.archMap[].subArchitectures[]]]' "$list")" = '["SCMP_ACT_ERRNO",false,[]]' ]
}

@test "every root is read-only, and what can be written in memory is bounded, and runs and owns nothing" {
  holds_for_all '.read_only == true'
  holds_for_all '.tmpfs | length > 0 and all(test("size=") and test("noexec") and test("nosuid") and test("nodev"))'
}

@test "every service is bounded in memory without swap, in processors, processes, open files, and log" {
  holds_for_all '(.mem_limit | tonumber) > 0 and .mem_limit == .memswap_limit'
  holds_for_all '.cpus > 0 and .pids_limit > 0 and .ulimits.nofile > 0 and (.ulimits | has("core"))'
  holds_for_all '.logging.driver == "json-file" and .logging.options["max-size"] == "10m" and .logging.options["max-file"] == "3"'
}

@test "every service says how it is, and none starts by itself with the daemon" {
  holds_for_all '.healthcheck.test[0] == "CMD"'
  holds_for_all '.restart == "no"'
}

@test "every service runs as a number of its own, and as 0 only the cell and the warden" {
  holds_for_all '.user | test("^[0-9]+:[0-9]+$")'
  [ "$(of open '[.services[] | select(.user == "0:0") | .image] | sort | join(" ")')" = "cellblock/cell:local cellblock/warden:local" ]
  [ "$(of open '[.services[].user | select(. != "0:0")] | unique | length')" = 4 ]
}

@test "no service sees Docker's socket, or more of the host than share, jail, signatures, rendered gate and policy" {
  holds_for_all '[.volumes[]? | select(.type == "bind") | .source | select(test("docker[.]sock|^(/var)?/run/|^/var/lib/docker|^/$|^/etc")) | select(test("^/run/cellblock/[0-9a-f]{16}/moat$") | not)] == []'
  local targets
  targets=$(of open '[.services[].volumes[]? | select(.type == "bind") | .target] | unique | join(" ")')
  [ "$targets" = "/etc/cellblock/policy.toml /etc/nginx/gate /jail /run/cellblock/moat /sandbox /share /signatures" ]
  [ "$(of open '[.services.cell.volumes[] | "\(.source) \(.target)"] | join(" ")')" = "$FILES/open/sandbox_data/share/sandbox /sandbox" ]
}

@test "nothing but the cell, which needs the vault, can be started without the moat's permit" {
  [ "$(of open '[.services | to_entries[] | select(any(.value.volumes[]?; .target == "/run/cellblock/moat" and .read_only)) | .key] | sort | join(" ")')" = \
    "clamd monitor proxy vault warden" ]
  [ "$(of open '.services.cell.network_mode')" = service:vault ]
}

@test "a folder of the host that is missing is an error, not a new folder of root's" {
  holds_for_all '[.volumes[]? | select(.type == "bind") | .bind.create_host_path // false] | any | not'
}

@test "nothing is published but the vault, on 127.0.0.1" {
  [ "$(of alone '[.services[].ports // empty] | length')" = 0 ]
  local shape
  for shape in open proxied; do
    [ "$(of $shape '[.services | to_entries[] | select(.value.ports) | .key] | join(" ")')" = vault ]
    [ "$(of $shape '[.services.vault.ports[] | "\(.host_ip):\(.published)>\(.target)/\(.protocol)"] | join(" ")')" = "127.0.0.1:8443>443/tcp" ]
  done
}

@test "each service is on the networks of its shape and on no other, and all networks are somebody else's to make" {
  local memberships='[.services | to_entries[] | "\(.key):\((.value.networks // {} | keys | join(",")))"] | join(" ")'
  [ "$(of open "$memberships")" = "cell: clamd:warden monitor:monitor proxy:egress,monitor,warden vault:cell warden:" ]
  [ "$(of proxied "$memberships")" = "cell: clamd:warden monitor:monitor proxy:cell,egress,monitor,warden vault:cell,ingress warden:" ]
  [ "$(of proxied '[.networks[] | select(.external | not)] | length')" = 0 ]
  [ "$(of alone '.services.warden.network_mode')" = none ]
}

@test "the gate answers each client for the names that list it, and for no other client's" {
  [ "$(of proxied '.services.proxy.networks.monitor.aliases | join(" ")')" = github.com ]
  [ "$(of proxied '.services.proxy.networks.warden.aliases | join(" ")')" = database.clamav.net ]
  of proxied '.services.proxy.networks.cell.aliases[]' | grep -qx api.anthropic.com
  run ! grep -qx database.clamav.net <(of proxied '.services.proxy.networks.cell.aliases[]')
  [ "$(of open '.services.proxy.networks.egress.aliases // [] | length')" = 0 ]
}

@test "the vault's port is one that nobody can take once the cell has started" {
  [ "$(of open '.services.vault.ports[0].target')" -lt "$(of open '.services.cell.sysctls["net.ipv4.ip_unprivileged_port_start"]')" ]
  [ "$(of open '.services.vault.sysctls["net.ipv4.ip_unprivileged_port_start"]')" = 443 ]
  [ "$(of open '.services.cell.network_mode')" = service:vault ]
  [ "$(of open '.services.cell.depends_on.vault.condition')" = service_healthy ]
}

@test "the cell's limits are the policy's" {
  [ "$(of open '.services.cell | "\(.mem_limit) \(.memswap_limit) \(.cpus) \(.pids_limit)"')" = "2147483648 2147483648 2 512" ]
}

@test "no secret travels in a variable" {
  holds_for_all '[(.environment // {}) | keys[] | select(test("KEY|TOKEN|SECRET|PASS|CREDENTIAL"))] == []'
}

@test "no image of ours is ever pulled, and each starts from the one base image" {
  holds_for_all '.pull_policy == "never" and (.image | test("^cellblock/[a-z]+:local$"))'
  local file
  for file in "$HOUSE"/compose/images/*/Dockerfile; do
    [ "$(grep -c '^FROM' "$file")" = "$(grep -cE '^FROM \$\{BASE_IMAGE\}( AS [a-z]+)?$' "$file")" ]
    run ! grep -nE '^(ADD|# *syntax)|https?://' "$file"
  done
}

@test "every package of the agent and its Node is pinned by version and sha512, and no host is named" {
  local lock
  for lock in "$HOUSE"/compose/images/cell/{node,agents/*}/package-lock.json; do
    [ "$(jq '[.packages | to_entries[] | select(.key != "" and (.value.inBundle | not))
             | select((.value.integrity // "" | startswith("sha512-") | not) or .value.version == null)] | length' "$lock")" = 0 ]
    run ! grep -nE '"resolved"|https?://' "$lock"
    [ "$(jq -r '[.packages[""] | (.dependencies, .optionalDependencies // {})[] | select(test("^[0-9.]+$") | not)] | length' "$lock")" = 0 ]
  done
}

@test "nothing in this checkout is the EICAR file, or would be taken for it" {
  local eicar=EICAR-STANDARD
  run ! git -C "$HOUSE" grep -lI "$eicar-ANTIVIRUS-TEST-FILE!"
}

@test "a bare compose up finds no network and starts nothing (needs a daemon)" {
  docker info >/dev/null 2>&1
  if docker network inspect cellblock-cell >/dev/null 2>&1; then skip "a cellblock is up on this daemon: its networks are there"; fi
  local before
  before=$(docker ps -aq | sort)
  run ! compose_alone up -d --no-build
  [[ $output == *"network cellblock-"*"not found"* ]] || [[ $output == *"declared as external, but could not be found"* ]]
  [ "$(docker ps -aq | sort)" = "$before" ]
}

@test "up waits for a vault that was ill for want of a key, which compose takes for ill still" {
  # shellcheck disable=SC2016  # for the inner shell
  run -0 bash -c '
    set -euo pipefail
    source "$1/scripts/say.bash"; source "$1/scripts/up.d/services.bash"
    DRY_RUN=0 asked=$2
    sleep() { :; }
    docker() { printf . >>"$asked"; if [ "$(stat -c %s "$asked")" -lt 4 ]; then echo unhealthy; else echo healthy; fi; }
    await_vault' - "$BATS_TEST_DIRNAME/../.." "$BATS_TEST_TMPDIR/asked"
  [ -z "$output" ]
  [ "$(stat -c %s "$BATS_TEST_TMPDIR/asked")" = 4 ]
}

@test "the cell is built with the agent that CELL_AGENT names, with OpenClaw where nobody names one" {
  [ "$(of alone .services.cell.build.args.AGENT)" = openclaw ]
  # As scripts/build asks Compose, with the file that the manual names.
  cp "$HOUSE/compose/compose.yaml" "$BATS_TEST_TMPDIR/"
  echo CELL_AGENT=codex >"$BATS_TEST_TMPDIR/.env"
  docker compose --project-name cellblock --project-directory "$BATS_TEST_TMPDIR" -f "$BATS_TEST_TMPDIR/compose.yaml" config --format json >"$BATS_TEST_TMPDIR/named.json"
  [ "$(jq -r .services.cell.build.args.AGENT "$BATS_TEST_TMPDIR/named.json")" = codex ]
}

@test "each agent has a folder of its own, whole: exact versions, each package by its integrity; what all have names none" {
  local cell=$HOUSE/compose/images/cell agent
  for agent in "$cell"/agents/*/; do
    [ -x "$agent/start" ]
    [ -x "$agent/healthy" ]
    jq -e '.dependencies | length > 0 and all(test("^[0-9][0-9A-Za-z.+-]*$"))' "$agent/package.json"
    jq -e '.packages | del(.[""]) | length > 0 and all(.inBundle or ((.integrity // "") | startswith("sha512-")))' "$agent/package-lock.json"
    run -1 grep -rli "$(basename "$agent")" "$cell/enter" "$cell/healthy" "$cell/npmrc" "$cell/commands"
    [ "$output" = "" ]
  done
}
