# The agent's own WebSocket, behind the vault's certificate; the port stays the vault's.

readonly GATEWAY=wss://127.0.0.1:8443

pin_of() { ours sandboxctl cert fingerprint | jq -r 'select(.tls).tls.server.hash.sha256 | "sha256:" + .'; }

pinned() {
  local status=0 lines
  lines=$(ours egress-check pin --pin "$1" "$GATEWAY") || status=$?
  into_record egress-check <<<"$lines"
  jq -r 'select(.tls) | .message' <<<"$lines"
  return "$status"
}

the_vault_is_pinned() {
  local pin said status=0
  pin=$(pin_of)
  said=$(pinned "$pin") || status=$?
  judge 'the gateway answers a WebSocket, pinned' "$status" "${said:-$pin}"
  status=0
  said=$(pinned "sha256:$(printf '0%.0s' {1..64})") || status=$?
  if [ "$status" = 1 ]; then row 'a wrong pin fails' ok 'exit 1'; else row 'a wrong pin fails' FAILED "exit $status: $said"; fi
  the_port_stays_the_vaults "$pin"
}

# With the cell dead nobody answers as the agent, and whoever answers still shows the vault's certificate.
the_port_stays_the_vaults() {
  in_lab docker kill cell >/dev/null
  local shown
  shown=$(in_lab openssl s_client -connect 127.0.0.1:8443 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256 | tr -d : | tr '[:upper:]' '[:lower:]' | sed 's/.*=/sha256:/') || true
  if [ "$shown" = "$1" ]; then
    row 'the port stays the vault'"'"'s when the cell is killed' ok "$shown"
  else
    row 'the port stays the vault'"'"'s when the cell is killed' FAILED "shown: ${shown:-nothing}"
  fi
  # Back as it was: the same container, in the same vault.
  in_lab docker start cell >/dev/null
  within 90 healthy cell >/dev/null || row 'the cell comes back' FAILED 'not healthy within 90 s'
}

healthy() { in_lab docker inspect --format '{{.State.Health.Status}}' "$1" | grep -x healthy; }
