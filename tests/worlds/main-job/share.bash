# The cell writes; the warden finds, jails, and leaves a tombstone. All of it as the prisoner would.

readonly ARCHIVES=/usr/share/clamav-testfiles
readonly SOON=1000   # milliseconds from the write to the jail

in_cell() { in_lab docker exec -i cell "$@"; }

# In two halves, so that no file of this repository is taken for the test virus itself.
eicar() { printf '%s%s' "X5O!P%@AP[4\\PZX54(P^)7CC)7}\$EICAR-STANDARD" "-ANTIVIRUS-TEST-FILE!\$H+H*"; }

now_ms() { date +%s%3N; }

# Milliseconds until the name holds a tombstone in place of what was written.
until_tombstone() {
  local path=$1 began
  began=$(now_ms)
  while [ $(($(now_ms) - began)) -lt 10000 ]; do
    if grep -q 'the warden of this share' "$path" 2>/dev/null; then echo $(($(now_ms) - began)); return 0; fi
    sleep 0.02
  done
  return 1
}

jailed_as_promised() {
  local what=$1 name=$2 took
  if ! took=$(until_tombstone "$SHARE/workspace/$name"); then
    row "$what is jailed within a second" FAILED 'no tombstone within 10 s'
  elif [ "$took" -gt "$SOON" ]; then
    row "$what is jailed within a second" FAILED "it took $took ms"
  else
    row "$what is jailed within a second" ok "tombstone after $took ms"
  fi
}

what_is_found_is_jailed() {
  SHARE=$(ours sandboxctl render paths | jq -r .share.folder)
  local archive
  archive=$(find "$ARCHIVES" -name '*.zip' | sort | head -n 1)
  in_cell mkdir -p /sandbox/workspace
  # What an earlier run left: a tombstone may be written by nobody.
  in_cell rm -f /sandbox/workspace/eicar.com /sandbox/workspace/sample.zip /sandbox/workspace/rootme
  echo 'nothing to see' | in_cell tee /sandbox/workspace/clean.txt >/dev/null
  eicar | in_cell tee /sandbox/workspace/eicar.com >/dev/null
  jailed_as_promised 'an EICAR file' eicar.com
  in_cell tee /sandbox/workspace/sample.zip <"$archive" >/dev/null
  jailed_as_promised "an archive ($(basename "$archive"))" sample.zip
  a_clean_file_stays
  a_set_uid_bit_is_lost
}

a_clean_file_stays() {
  if [ "$(cat "$SHARE/workspace/clean.txt")" = 'nothing to see' ]; then
    row 'a clean file stays' ok 'its content is what was written'
  else
    row 'a clean file stays' FAILED 'it is not what was written'
  fi
}

a_set_uid_bit_is_lost() {
  in_cell sh -c 'cp /bin/true /sandbox/workspace/rootme; chmod 4755 /sandbox/workspace/rootme'
  local mode
  if mode=$(within 5 plain_mode "$SHARE/workspace/rootme"); then
    row 'a set-uid file loses its bit' ok "mode $mode"
  else
    row 'a set-uid file loses its bit' FAILED "mode $(stat -c %a "$SHARE/workspace/rootme")"
  fi
}

plain_mode() { [ -e "$1" ] && [ ! -u "$1" ] && stat -c %a "$1"; }
