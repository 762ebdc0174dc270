# The steps of an agent's day, the same in both shapes. Loaded after agent/world.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # house, state and token are of world.bash and of the suite

readonly KEY=lab-model-key   # the one that tests/worlds/lab/model.py knows

give_key() { printf '%s' "$1" | ours sandboxctl secret put anthropic-key; }

# One question at the model's API, as the agent asks; prints the status, the times of first and last byte, then the answer.
ask_model() {
  in_cell curl -sS -m 30 -w '%{stderr}%{http_code} %{time_starttransfer} %{time_total}\n' -H 'x-api-key: of-the-agent' \
    -d '{"model":"x","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"hi"}]}' http://api.anthropic.com/v1/messages
}

# A browser that is new is turned away, approved by the guide's lines, and let in.
pairs_a_browser() {
  in_host timeout 150 "$house/tests/worlds/agent/page.py" control 8443 "$(key_of_the_vault)" "$token" >"$BATS_TEST_TMPDIR/page" 3>&- &
  eventually 60 grep -qx PAIRING_REQUIRED "$BATS_TEST_TMPDIR/page"
  run ! grep -qx hello-ok "$BATS_TEST_TMPDIR/page"     # so a token alone does not let it in
  follow Pairing
  [[ $output == *Approved* ]]
  wait $!
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/page")" = hello-ok ]
}

# The gate refuses yesterday's key in the model's name; today's, given by the guide's line, is in force with the next request.
has_a_new_key_in_force_at_once() {
  give_key of-yesterday
  run -0 --separate-stderr ask_model
  [[ $stderr == "401 "* ]]
  cd "$BATS_TEST_TMPDIR" || return
  printf '%s' "$KEY" >key
  follow "A model's key that the agent never holds"
  run -0 --separate-stderr ask_model
  [[ $stderr == "200 "* && $output == *spoken.* ]]
  # Eight events, 0.2 s apart: the first is there long before the last.
  awk '{ exit !($3 - $2 > 1) }' <<<"$stderr"
  model_was_asked 200 "$KEY"
  run ! model_was_asked 200 of-the-agent
}

# The model asks for a tool that writes and one that fetches. It repeats to its owner what the agent was told.
has_a_turn_that_calls_tools_and_streams() { # URL that is refused, how
  in_cell rm -f /sandbox/workspace/from-the-model.txt
  run -0 in_cell timeout 150 openclaw agent --agent main --model anthropic/claude-opus-5 --message "hi, fetch $1"
  echo "$output"
  [[ $output == *"The lab's model has spoken. The fetch brought: "*"$2"*"refused with "* ]]
  [ "$(in_cell cat /sandbox/workspace/from-the-model.txt)" = "written by a tool" ]
}

# A cell with no way out fails to connect too: it was the moat that refused the LAN's machine.
is_refused_the_lan_in_a_turn() {
  local before
  before=$(moat_count cell 192.168.77.10 80)
  has_a_turn_that_calls_tools_and_streams http://192.168.77.10/ 'Failed to connect'
  [ "$(moat_count cell 192.168.77.10 80)" -gt "$before" ]
}

# From npm's registry, by the guide's line.
installs_a_plugin() { # name
  publish_plugin "$1"
  in_cell npm config set registry https://registry.lab.test/
  # shellcheck disable=SC2034  # in the guide's line
  plugin=$1
  follow 'From a registry'
  [[ $output == *"Installed plugin: $1"* ]]
  eventually 60 agent_said "$1: registered, old"
  in_cell test -d /sandbox/home/.openclaw/npm
}

# What the agent writes and the engine knows is in the jail, and a tombstone in its place.
has_what_it_writes_jailed() { # name
  # shellcheck disable=SC2016  # nothing here is a variable
  printf '%s%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$' EICAR-STANDARD '-ANTIVIRUS-TEST-FILE!$H+H*' | in_cell tee "/sandbox/workspace/$1" >/dev/null
  eventually 30 in_cell grep -q 'taken away by the warden' "/sandbox/workspace/$1"
  run -0 ours scanwatch jail list
  jq -se --arg name "$1" 'any(.file.path // "" | endswith("/workspace/" + $name))' <<<"$output"
}

# The agent's own process is killed: it serves again, in the container that it was in.
is_back_by_itself() { # name of its process, as a pattern; command that says that it serves
  local before
  before=$(in_host docker inspect --format '{{.Id}} {{.State.StartedAt}}' cell)
  # shellcheck disable=SC2016  # the cell's shell expands it
  in_cell bash -c 'for process in /proc/[0-9]*; do
    [[ $(cat "$process/comm") != $1 ]] || kill -KILL "${process#/proc/}"; done' - "$1" || true   # it may end with the rest
  eventually 60 agent_said 'the agent ended with status 137; it is started again'
  eventually 90 "${@:2}"
  [ "$before" = "$(in_host docker inspect --format '{{.Id}} {{.State.StartedAt}}' cell)" ]
}
