# What systemd does for a cellblock: the boot units that scripts/install --units makes, and the share's mount, which is made
# when the share is. Sourced after paths.bash. The lab has a network of its own, where no unit is.
# shellcheck shell=bash

readonly UNIT_FOLDER=/etc/systemd/system
readonly SHARE_OPTIONS=loop,nosuid,nodev   # of mount(8)
readonly MADE_HERE='# Made by Cellblock for the share of this host.'

# shellcheck disable=SC2034  # for install and uninstall
readonly PROFILE=/etc/apparmor.d/cellblock-record   # of apparmor_parser(8), for what reads the record by itself

# Does the kernel enforce profiles, and is there what loads one?
has_apparmor() { [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] && [ -d /sys/kernel/security/apparmor ] && command -v apparmor_parser >/dev/null; }

# The moat, its watch, and what reads the streams; then the checks of each hour, day and week.
readonly AT_BOOT=(cellblock-moat.service cellblock-moat-watch.service cellblock-collect.target)
readonly TIMERS=(cellblock-audit.timer cellblock-proof.timer cellblock-prune.timer cellblock-report.timer)

# Are there units for this very policy and root? All of it is read: grep -q stops at the line that it wants. That may
# end systemctl before it has printed the drop-ins, and pipefail takes that for a no.
has_boot_units() {
  [ -d /run/systemd/system ] && ! in_the_lab || return 1
  systemctl cat cellblock.service 2>/dev/null | grep -F -- "--boot --policy $POLICY --root $ROOT" >/dev/null
}

# The units that a package brought sleep until the first `up`, and one that an upgrade brings until the next. Who wants one
# asleep masks it.
wake_units() {
  local unit asleep=() wanted=()
  has_boot_units || return 0
  for unit in "${AT_BOOT[@]}" "${TIMERS[@]}"; do
    case "$(systemctl is-enabled "$unit" 2>/dev/null)" in masked*) continue ;; disabled) asleep+=("$unit") ;; esac
    wanted+=("$unit")
  done
  [ "${#asleep[@]}" = 0 ] || run systemctl enable "${asleep[@]}"
  [ "${#wanted[@]}" = 0 ] || run systemctl start "${wanted[@]}"
}

# Did somebody stop Docker? Its socket starts it for whoever asks, and a check must not be the one who does.
engine_is_stopped() {
  [ -d /run/systemd/system ] && ! in_the_lab && [ -z "${DOCKER_HOST:-}" ] || return 1
  case "$(systemctl is-active docker.service 2>/dev/null)" in inactive | failed | deactivating) systemctl cat docker.service >/dev/null 2>&1 ;; *) return 1 ;; esac
}

mount_unit() { systemd-escape --path --suffix=mount "$1"; }

# systemd.mount(5). It is there before the services, and they do not start without it.
share_unit() {
  printf '%s\n' "$MADE_HERE" '[Unit]' 'Description=Cellblock: the share' 'Documentation=man:cellblock(7)' \
    'Before=cellblock.service' "ConditionPathExists=$1" \
    '[Mount]' "What=$1" "Where=$2" 'Type=ext4' "Options=$SHARE_OPTIONS" \
    '[Install]' 'RequiredBy=cellblock.service'
}

# Those that were made, as files.
share_units() { find "$UNIT_FOLDER" -maxdepth 1 -name '*.mount' -exec grep -lxF "$MADE_HERE" {} +; }

# `keep_share_mounted IMAGE MOUNT`: now, and at each boot. What was mounted by hand stays as it is.
keep_share_mounted() {
  local unit file
  unit=$(mount_unit "$2") file=$UNIT_FOLDER/$unit
  if ! cmp -s "$file" <(share_unit "$1" "$2"); then
    run_to "$file" share_unit "$1" "$2"
    run systemctl daemon-reload
  fi
  systemctl is-enabled --quiet "$unit" 2>/dev/null || run systemctl enable "$unit"
  mountpoint -q "$2" || run systemctl start "$unit"
}

leave_share_unmounted() {
  local unit
  unit=$(mount_unit "$1")
  [ -e "$UNIT_FOLDER/$unit" ] || return 0
  run systemctl disable "$unit"
  run rm -f -- "$UNIT_FOLDER/$unit"
  run systemctl daemon-reload
}

# From `up` on the services come back at each boot, until `down`.
up_at_boot() {
  [ "${DRY_RUN:-0}" = 0 ] && has_boot_units || return 0
  keep_share_mounted "$(setting .share.image)" "$(setting .share.mount)"
  systemctl is-enabled --quiet cellblock.service || run systemctl enable cellblock.service
}

# What scripts/seal keeps, into the memory of a gate that just started. At boot systemd does it itself, behind the start.
deliver_sealed() {
  local unit
  has_boot_units || return 0
  while IFS= read -r unit; do
    run systemctl restart "$unit" || say "$unit could not deliver its secret: systemctl status $unit"
  done < <(sealed_secrets)
}

# Those that scripts/seal put enabled.
sealed_secrets() { find "$UNIT_FOLDER/cellblock.service.wants" -name 'cellblock-secret@*.service' -printf '%f\n' 2>/dev/null || true; }

down_at_boot() {
  has_boot_units && systemctl is-enabled --quiet cellblock.service || return 0
  run systemctl disable cellblock.service
}
