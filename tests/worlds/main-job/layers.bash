# Each layer of the lab's cellblock taken away by itself, and given back: what acceptance must see. Loaded by
# main-job.bats after world.bash; nothing is built.
# shellcheck shell=bash disable=SC2154  # world.bash has set house and root

# What acceptance says, with its options: one `id outcome` a line, sorted.
accepted() {
  in_host env "PATH=$house/tests/worlds/lab/stand-in:$PATH" "$house/scripts/acceptance" --policy "$root/policy.toml" --root "$root" --format jsonl "$@" |
    tee >(jq -r 'select(.event.outcome != "success") | .message' >"$BATS_TEST_TMPDIR/reasons") |
    jq -r 'select(.event.action == "criterion-evaluated") | "\(.rule.id) \(.event.outcome)"' | sort
}

# The lines that are not as they were with nothing taken away; the same kind of run is asked for once and kept.
turned() {
  local before=$BATS_FILE_TMPDIR/accepted${1:-}
  accepted "$@" >"$BATS_TEST_TMPDIR/now" || true
  comm -13 "$before" "$BATS_TEST_TMPDIR/now" | cut -d' ' -f1 | paste -sd' ' -
}

# `turns LAYER [--try] -- LINE…`: with the layer taken away exactly these lines turn. It is given back then.
turns() {
  local layer=$1 try=() found
  shift
  [ "$1" != --try ] || { try=(--try); shift; }
  shift
  "take_$layer"
  found=$(turned "${try[@]}")
  "give_$layer"
  [ "$found" = "$*" ] || { printf 'turned: %s\nwanted: %s\n' "$found" "$*" >&2; tail -n 40 "$BATS_TEST_TMPDIR/reasons" >&2; return 1; }
}

# The watch would put it back; it sleeps meanwhile.
take_rule() {
  pkill_in_host -STOP -f 'netguard watch'
  local handle
  handle=$(in_host nft -a list chain inet netguard net-cell | sed -n 's/.*"cell\/special4" # handle //p')
  in_host nft delete rule inet netguard net-cell handle "$handle"
}
give_rule() {
  pkill_in_host -CONT -f 'netguard watch'
  for _ in {1..50}; do ! in_host nft list chain inet netguard net-cell | grep -q '"cell/special4"' || return 0; sleep 0.1; done
  return 1
}

take_masquerade() { in_host iptables -t nat -D POSTROUTING -s 172.30.1.0/24 ! -o br-cell -j MASQUERADE; }
give_masquerade() { in_host iptables -t nat -A POSTROUTING -s 172.30.1.0/24 ! -o br-cell -j MASQUERADE; }

take_seal() { in_host docker network create astray >/dev/null && in_host docker network connect astray monitor; }
give_seal() { in_host docker network disconnect astray monitor && in_host docker network rm astray >/dev/null; }

# A container of somebody else's, as strict as ours but for the caller's options.
stranger() {
  in_host docker run -d --name stranger --cap-drop ALL --security-opt no-new-privileges:true --memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 20 \
    "$@" --entrypoint sleep cellblock/vault:local 600 >/dev/null
}
take_neighbours() { stranger --network cellblock-monitor --read-only --user 10009; }
give_neighbours() { in_host docker rm -f stranger >/dev/null; }
take_read_only() { stranger --network cellblock-monitor --user 10009; }
give_read_only() { give_neighbours; }
take_user() { stranger --network cellblock-monitor --read-only --user 0; }
give_user() { give_neighbours; }
take_mounts() { stranger --network cellblock-monitor --read-only --user 10009 -v /etc:/conf:ro; }
give_mounts() { give_neighbours; }
take_secrecy() { stranger --network cellblock-monitor --read-only --user 10009 -e API_TOKEN=not-a-real-secret-0123456789; }
give_secrecy() { give_neighbours; }
take_loopback() { stranger --read-only --user 10009 -p 0.0.0.0:9999:80; }
give_loopback() { give_neighbours; }

# The gate's own configuration, changed under it.
gate_with() {
  cp "$root/rendered/gate/nginx.conf" "$BATS_FILE_TMPDIR/nginx.conf"
  "$@" <"$BATS_FILE_TMPDIR/nginx.conf" >"$BATS_TEST_TMPDIR/changed"
  if cmp -s "$BATS_TEST_TMPDIR/changed" "$BATS_FILE_TMPDIR/nginx.conf"; then echo "the gate's configuration did not change" >&2; return 1; fi
  cat "$BATS_TEST_TMPDIR/changed" >"$root/rendered/gate/nginx.conf"
  in_host docker exec proxy reload
}
gate_as_it_was() {
  cat "$BATS_FILE_TMPDIR/nginx.conf" >"$root/rendered/gate/nginx.conf"
  in_host docker exec proxy reload
}
take_log() { gate_with sed 's/access_log \/dev\/stdout .*;/access_log off;/'; }
give_log() { gate_as_it_was; }
take_verification() { gate_with sed 's/proxy_ssl_verify on;/proxy_ssl_verify off;/'; }
give_verification() { gate_as_it_was; }
take_rate() { gate_with sed -E '/^ *limit_req zone/d'; }
give_rate() { gate_as_it_was; }

# What a wider policy would make of the gate: example.com for the monitor too.
wider() {
  { cat "$root/policy.toml"; printf '\n[[egress]]\nhost = "example.com"\nclients = ["monitor"]\ntls = "verify"\n'; } >"$BATS_TEST_TMPDIR/policy.toml"
  in_host sandboxctl render nginx --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$root"
}
take_list() { gate_with wider; }
give_list() { gate_as_it_was; }

take_files() { cp "$root/rendered/compose.policy.yaml" "$BATS_FILE_TMPDIR/compose.yaml" && sed -i 's/2147483648/3221225472/' "$root/rendered/compose.policy.yaml"; }
give_files() { cp "$BATS_FILE_TMPDIR/compose.yaml" "$root/rendered/compose.policy.yaml"; }

take_limits() { in_host docker update --memory 3g --memory-swap 3g cell >/dev/null; }
give_limits() { in_host docker update --memory 2g --memory-swap 2g cell >/dev/null; }

take_capabilities() { in_host docker exec -d --privileged cell sleep 301; }
give_capabilities() { pkill_in cell -x -f 'sleep 301'; }

take_gateway() { in_host docker exec -d cell python3 -c 'import socket, time; s = socket.socket(); s.bind(("0.0.0.0", 9000)); s.listen(); time.sleep(302)' && sleep 0.5; }
give_gateway() { pkill_in cell -f 'time.sleep\(302\)'; }

# Another pair than the one that the vault was given.
take_pin() { cp -a "$root/vault" "$BATS_FILE_TMPDIR/vault" && rm "$root/vault"/*.pem && ours sandboxctl cert create >/dev/null; }
give_pin() { rm "$root/vault"/* && cp -a "$BATS_FILE_TMPDIR/vault/." "$root/vault/"; }

take_warden() { in_host docker pause warden >/dev/null; }
give_warden() { in_host docker unpause warden >/dev/null; }

# Who would begin another sleeps meanwhile.
take_watch() {
  pkill_in_host -STOP -f 'scripts/collect.* run'
  pkill_in_host -KILL -f 'netguard watch'
  sleep 0.2
}
give_watch() {
  local lock
  lock=/run/cellblock/watch.$(in_host stat -Lc %i /proc/self/ns/net)
  pkill_in_host -CONT -f 'scripts/collect.* run'
  for _ in {1..50}; do flock --nonblock --shared "$lock" true || return 0; sleep 0.2; done
  return 1
}
