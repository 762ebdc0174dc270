#!/usr/bin/env bats
# The last good rules: a policy that cannot be read closes the bridges at a boot. It leaves what stands while something
# may run behind it. In three namespaces with no way out and no engine: a member on br-cell, the host, and the internet.
# shellcheck disable=SC2030,SC2031  # each test runs in a process of its own, and that is meant

bats_require_minimum_version 1.5.0
load ../worlds/netguard/world.bash

export WORLD=saved
load ../worlds/netguard/member.bash

setup_file() { make_namespaces; }
teardown_file() { leave_namespaces; }

setup() {
  FOLDER=$BATS_TEST_TMPDIR POLICY=$BATS_TEST_TMPDIR/policy.toml RULES=$BATS_TEST_TMPDIR/rules.jsonl
  cp "$BATS_TEST_DIRNAME/../../compose/policy.toml" "$POLICY"
  in_host nft delete table inet netguard 2>/dev/null || true
  PERMIT=$("${NETGUARD%/*}/sandboxctl" render paths --policy "$POLICY" --root "$FOLDER" | jq -r .permit)
}
teardown() {
  [ -z "${WATCHER:-}" ] || { kill -KILL "$WATCHER" 2>/dev/null && wait "$WATCHER"; } || true
  rm -rf "${PERMIT%/*}"
}

guard() { in_host env DOCKER_HOST=unix:///nowhere "$NETGUARD" --backend "${BACKEND:-auto}" --policy "$POLICY" --root "$FOLDER" "$@"; }
watches() { nsenter --net="/run/netns/$HOST" -- env DOCKER_HOST=unix:///nowhere "$NETGUARD" --policy "$POLICY" --root "$FOLDER" watch --keep "$RULES" --format jsonl >"$FOLDER/watch" 2>"$FOLDER/watch.err" 3>&- & WATCHER=$!; }
reaches_internet() { ip netns exec "$MEMBER" ping -c 1 -W 1 8.8.8.8 >/dev/null; }
host_reaches_member() { in_host ping -c 1 -W 1 172.30.1.9 >/dev/null; }
breaks() { echo 'nonsense = 1' >>"$POLICY"; }
boots() { in_host nft delete table inet netguard; rm -f "$PERMIT"; }
# As `verify --permit` does where all of it holds.
permitted() { mkdir -p "${PERMIT%/*}"; in_host readlink /proc/self/ns/net >"$PERMIT"; }
within() { local end=$((SECONDS + $1)); shift; until "$@"; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.1; done; }

@test "what was loaded is kept for root alone, with whose rules they are; a broken policy with none kept changes nothing" {
  run -0 guard apply --keep "$RULES" --format jsonl
  [ "$(stat -c %a "$RULES")" = 600 ]
  head -n 1 "$RULES" | jq -e --arg policy "$POLICY" --arg hash "$(sha256sum <"$POLICY" | cut -d ' ' -f 1)" \
    '.event.action == "rules-saved" and .file.path == $policy and .file.hash.sha256 == $hash'
  # What is kept is a plan, in the words of one.
  run -0 bash -c "tail -n +2 '$RULES' | ip netns exec '$HOST' '$NETGUARD' apply - --check"
  reaches_internet
  boots
  breaks
  run -2 guard apply --keep "$FOLDER/none"
  [[ $output == *"policy.toml:"*"nonsense"*"there are no last good rules in $FOLDER/none"* ]]
  run ! in_host nft list table inet netguard
  # A plan from elsewhere is nobody's policy, and a look changes nothing: neither is kept.
  run -2 guard apply --keep "$RULES" --check
  run -2 guard apply --keep "$RULES" -
  # Nor does one that others may have written count.
  chmod 0660 "$RULES"
  run -2 guard apply --keep "$RULES"
  [[ $output == *"others may have had a hand in it"* ]]
}

@test "a boot with a broken policy: the last good rules, closed, no permit, and the record says why and since when" {
  boot_with_a_broken_policy
}

@test "the same with iptables" {
  BACKEND=iptables boot_with_a_broken_policy
  in_host "$NETGUARD" --backend iptables remove --force >/dev/null
}

boot_with_a_broken_policy() {
  guard apply --keep "$RULES" >/dev/null
  reaches_internet
  host_reaches_member
  guard remove --force >/dev/null
  breaks
  run -1 guard apply --keep "$RULES" --format jsonl
  jq -e -s --arg policy "$POLICY" 'any(.[]; .event.action == "saved-rules-used" and .event.outcome == "failure" and .event.severity == 73
    and (.event.reason | test("policy.toml:[0-9]+:[0-9]+: ")) and (.event.reason | contains("those of " + $policy + ", saved at 20"))
    and (.message | contains("br-cell")))' <<<"$output"
  [ ! -e "$PERMIT" ]
  run ! reaches_internet
  run ! host_reaches_member
  # Mended, it is as before.
  cp "$BATS_TEST_DIRNAME/../../compose/policy.toml" "$POLICY"
  run -0 guard apply --keep "$RULES"
  reaches_internet
  host_reaches_member
}

@test "a policy that breaks while its rules stand leaves them as they are, and takes the permit" {
  guard apply --keep "$RULES" >/dev/null
  permitted
  breaks
  run -1 guard apply --keep "$RULES" --format jsonl
  jq -e -s 'any(.[]; .event.action == "saved-rules-used" and (.message | contains("the last good rules stay around br-cell")))' <<<"$output"
  [ ! -e "$PERMIT" ]
  reaches_internet
  # A network that the host joined since is denied all the same.
  ip -n "$HOST" address add 9.8.7.1/24 dev up0
  run -1 guard apply --keep "$RULES"
  ip -n "$HOST" address del 9.8.7.1/24 dev up0
  in_host nft get element inet netguard onlink4 '{ 9.8.7.10 }'
}

@test "a verify that only looks finds as much, and leaves the permit as it is" {
  guard apply >/dev/null
  permitted
  in_host nft flush chain inet netguard net-cell
  run -1 guard verify --look
  [ -e "$PERMIT" ]
  run -1 guard verify
  [ ! -e "$PERMIT" ]
}

@test "a rule is gone: verify says 1, and there is no permit; while all of them stand it stays" {
  local handle
  guard apply >/dev/null
  permitted
  run guard verify --format jsonl
  [ "$(jq -s '[.[] | select(.event.outcome == "failure")] | length' <<<"$output")" = 0 ]
  [ -e "$PERMIT" ]
  handle=$(in_host nft -a list chain inet netguard net-cell | sed -n 's/.*"cell\/host" # handle //p')
  in_host nft delete rule inet netguard net-cell handle "$handle"
  run -1 guard verify --format jsonl
  jq -e -s 'any(.[]; .event.action == "rule-verified" and .event.outcome == "failure" and .rule.id == "cell/host")' <<<"$output"
  [ ! -e "$PERMIT" ]
}

@test "remove: no permit, whether there was a moat or not; what refuses to remove leaves it" {
  guard apply >/dev/null
  permitted
  run -1 guard remove
  [ -e "$PERMIT" ]
  run -0 guard remove --force
  [ ! -e "$PERMIT" ]
  permitted
  run -0 guard remove
  [ ! -e "$PERMIT" ]
}

@test "a watch that begins with a broken policy keeps closed bridges closed, and opens them when it is mended" {
  guard apply --keep "$RULES" >/dev/null
  boots
  breaks
  watches
  await_line "$FOLDER/watch" '.event.action == "moat-watched"'
  jq -e -s 'any(.[]; .event.action == "saved-rules-used")' "$FOLDER/watch"
  run ! reaches_internet
  [ ! -e "$PERMIT" ]
  # It is a watch: what is taken away comes back, closed.
  in_host nft delete table inet netguard
  await_line "$FOLDER/watch" '.event.action == "moat-restored"'
  run ! reaches_internet
  # apply says what is wrong and leaves it to the watch.
  run -2 guard apply --keep "$RULES"
  [[ $output == *"nonsense"*"keeps the moat here"* ]]
  # Mended and stricter: taken by itself, kept for the next time, and permitted.
  sed 's/"on-link"\]/"on-link", "8.8.4.0\/24"]/' "$BATS_TEST_DIRNAME/../../compose/policy.toml" >"$POLICY"
  await_line "$FOLDER/watch" '.event.action == "policy-taken"'
  within 20 reaches_internet
  within 20 test -e "$PERMIT"
  # Behind the permit: the file goes to the disk first, which takes as long as the disk likes.
  within 20 grep -q '8.8.4.0/24' "$RULES"
  [ "$(told "$FOLDER/watch" saved-rules-used)" = 1 ]
}

@test "a policy that breaks under a watch, and a restart of that: the rules stay, the permit comes back with the policy" {
  watches
  await_line "$FOLDER/watch" '.event.action == "moat-watched"'
  within 20 test -e "$PERMIT"
  breaks
  await_line "$FOLDER/watch" '.event.action == "policy-refused" and .event.severity == 73'
  within 20 test ! -e "$PERMIT"
  reaches_internet
  kill -TERM "$WATCHER"
  wait "$WATCHER"
  watches
  await_line "$FOLDER/watch" '.event.action == "moat-watched"'
  jq -e -s 'any(.[]; .event.action == "saved-rules-used") and all(.[]; .event.action != "moat-applied")' "$FOLDER/watch"
  reaches_internet
  [ ! -e "$PERMIT" ]
  cp "$BATS_TEST_DIRNAME/../../compose/policy.toml" "$POLICY"
  within 20 test -e "$PERMIT"
  reaches_internet
}

@test "a permit that was taken away for a way past the moat is not given back by the watch while there is one" {
  rules() { in_host nft list chain inet netguard net-cell >/dev/null 2>&1; }
  touched() { in_host nft delete table inet netguard; within 20 rules; sleep 1; }
  looks() { echo "# $RANDOM" >>"$POLICY"; }
  watches
  await_line "$FOLDER/watch" '.event.action == "moat-watched"'
  within 20 test -e "$PERMIT"
  rm "$PERMIT"
  touched
  within 20 test -e "$PERMIT" # what is missing for no reason comes back (control)
  in_host ip link add odd0 type veth peer name odd1
  in_host ip addr add 172.30.1.77/24 dev odd0
  in_host ip link set odd0 up
  looks
  await_line "$FOLDER/watch" '.rule.id == "lan-over-bridge" and .event.outcome == "failure"'
  run -1 guard verify
  [ ! -e "$PERMIT" ]
  touched
  touched
  [ ! -e "$PERMIT" ]
  in_host ip link del odd0
  looks
  await_line "$FOLDER/watch" '.rule.id == "lan-over-bridge" and .event.outcome == "success"'
  touched
  within 20 test -e "$PERMIT"
}

@test "a watch that begins where there is a way past the moat permits nothing, until the way is gone" {
  in_host ip link add odd0 type veth peer name odd1
  in_host ip addr add 172.30.1.77/24 dev odd0
  in_host ip link set odd0 up
  watches
  await_line "$FOLDER/watch" '.rule.id == "lan-over-bridge" and .event.outcome == "failure"'
  sleep 1
  [ ! -e "$PERMIT" ]
  in_host ip link del odd0
  echo "# $RANDOM" >>"$POLICY"
  await_line "$FOLDER/watch" '.rule.id == "lan-over-bridge" and .event.outcome == "success"'
  in_host nft delete table inet netguard
  within 20 test -e "$PERMIT"
}

@test "without the last good rules a broken policy leaves a host that was booted with none (control)" {
  guard apply >/dev/null
  boots
  breaks
  run -2 guard apply
  reaches_internet
  run ! in_host nft list table inet netguard
}
