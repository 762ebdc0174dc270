# What has to be installed, and how: with the machine's own apt sources and no other.

# shellcheck source-path=SCRIPTDIR/..
# shellcheck source=../house.bash
source "${BASH_SOURCE[0]%/*}/../house.bash"
# shellcheck source=../build.d/cargo.bash
source "${BASH_SOURCE[0]%/*}/../build.d/cargo.bash"

readonly PIN_FILE=/etc/apt/preferences.d/cellblock-docker
readonly PIN_SOURCE=/etc/apt/sources.list.d/cellblock-docker.sources
readonly GUARD=/usr/sbin/policy-rc.d
readonly GUARD_MARK='# cellblock setup: installing starts no service'

# One a line: what the tools and the scripts of a cellblock call. The Debian package depends on these.
packages_to_run() { printf '%s\n' nftables jq openssl iproute2 procps e2fsprogs mount ca-certificates bsdextrautils; }

# What the lab calls besides.
packages_of_the_lab() { printf '%s\n' git python3 iputils-ping curl; }

# What is needed besides to build all of it, and to test it.
packages_to_build() {
  printf '%s\n' iptables ipset conntrack clamav-daemon clamav-freshclam clamav-testfiles forensics-samples-files \
    nginx libnginx-mod-http-js libnginx-mod-stream libnginx-mod-stream-js dnsmasq-base \
    bats shellcheck mandoc mmdebstrap socat g++ tmux cron njs
}

# The browser that the report's page is tried in, where a distribution has it as a package: Ubuntu has none.
packages_of_the_page() {
  ! apt-cache show chromium-headless-shell >/dev/null 2>&1 || echo chromium-headless-shell
}

# One a line. LAB=1: the lab is meant.
wanted_packages() {
  packages_to_run
  if is_checkout; then packages_of_the_lab; packages_to_build; packages_of_the_page; elif [ "${LAB:-0}" = 1 ]; then packages_of_the_lab; fi
}

# Rust is the one thing that setup leaves to you: which toolchain is yours to choose.
missing_commands() { ! is_checkout || cargo_program >/dev/null || echo "cargo (Rust 1.95 or newer)"; }

missing_packages() {
  if ! command -v dpkg-query >/dev/null; then wanted_packages; return; fi
  local have
  # dpkg-query fails when it knows nothing of one of the names; what it prints still counts.
  # shellcheck disable=SC2016  # dpkg-query's own fields, not the shell's
  have=$(wanted_packages | xargs dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null || true)
  comm -23 <(wanted_packages | sort) <(sed -n 's/^installed //p' <<<"$have" | sort)
}

distribution() { (. /etc/os-release && printf '%s %s\n' "${ID:-unknown}" "${VERSION_CODENAME:-unknown}"); }

# Engine, client, Compose v2 and (BASE=0: no image is built) buildx, under the names this distribution has for them.
missing_docker() {
  local ours compose='docker-compose' buildx='docker-buildx'
  ours=$(distribution)
  case "$ours" in ubuntu*) compose='docker-compose-v2' ;; esac
  if [ -e /usr/share/doc/docker-ce ]; then compose='docker-compose-plugin' buildx='docker-buildx-plugin'; fi
  command -v dockerd >/dev/null || echo docker.io
  command -v docker >/dev/null || echo docker-cli
  docker compose version >/dev/null 2>&1 || echo "$compose"
  [ "${BASE:-1}" = 0 ] || docker buildx version >/dev/null 2>&1 || echo "$buildx"
}

# "URI" of the mirror that serves a suite of this name, from the sources the machine has.
mirror_of() {
  # shellcheck disable=SC2016  # apt-get's own fields, not the shell's
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v suite="$1" '$1 == suite && $2 == "main" { print $3; exit }'
}

# Debian 12 ships engine 20.10 and Compose 1; Debian 13's four packages install on it unchanged.
# The pin holds back all the rest of Debian 13, so that no other package ever changes suite.
pin_docker_from_trixie() {
  local mirror
  mirror=$(mirror_of bookworm)
  [ -n "$mirror" ] || die "no apt source serves bookworm main: cannot tell where Debian 13's Docker is; install Docker with Compose v2 yourself, then run setup again"
  say "Docker comes from Debian 13 (its four packages only, pinned in $PIN_FILE)"
  printf '%s\n' 'Package: *' 'Pin: release n=trixie' 'Pin-Priority: -1' '' \
    'Package: docker.io docker-cli docker-compose docker-buildx' 'Pin: release n=trixie' 'Pin-Priority: 990' >"$PIN_FILE"
  printf '%s\n' 'Types: deb' "URIs: $mirror" 'Suites: trixie' 'Components: main' \
    'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >"$PIN_SOURCE"
}

# Debian asks policy-rc.d before a package starts its service; 101 means no.
guard_services() {
  [ ! -e "$GUARD" ] || grep -qF "$GUARD_MARK" "$GUARD" || return 0
  printf '#!/bin/sh\n%s\nexit 101\n' "$GUARD_MARK" >"$GUARD"
  chmod 0755 "$GUARD"
  trap unguard_services EXIT
}

unguard_services() { if grep -qsF "$GUARD_MARK" "$GUARD"; then rm -f "$GUARD"; fi; }

# Each that is there: an older package has fewer.
disable_units() {
  local unit
  for unit in "$@"; do
    if systemctl cat "$unit" >/dev/null 2>&1; then systemctl disable --quiet "$unit" >&2 || say "could not disable $unit at boot"; fi
  done
}

# A service that came with a package just now is not to start at the next boot either.
disable_new_services() {
  command -v systemctl >/dev/null || return 0
  local package
  for package in "$@"; do
    case "$package" in
      nginx | cron) systemctl disable --quiet "$package" >&2 || say "could not disable $package at boot" ;;
      # Its other units fetch at every boot, and leave the system degraded where there is no mirror.
      clamav-freshclam) disable_units clamav-freshclam.service clamav-freshclam-once.service clamav-freshclam-once.timer ;;
      clamav-daemon) systemctl disable --quiet clamav-daemon.service clamav-daemon.socket >&2 || say "could not disable $package at boot" ;;
    esac
  done
}

install_missing() {
  local packages release docker
  mapfile -t packages < <(missing_packages)
  mapfile -t docker < <(missing_docker)
  packages+=("${docker[@]}")
  [ -z "$(missing_commands)" ] || say "missing, and not installed by this script: $(missing_commands)"
  [ "${#packages[@]}" -gt 0 ] || return 0
  release=$(distribution)
  case "$release" in
    debian* | ubuntu*) ;;
    *) die "this is ${release% *}, and setup installs on Debian and Ubuntu only. Please install what these packages hold: ${packages[*]}" ;;
  esac
  need_root "installing ${packages[*]}"
  guard_services
  if [ "$release" = "debian bookworm" ] && [ "${#docker[@]}" -gt 0 ]; then pin_docker_from_trixie; fi
  # One unreachable source must not stop an installation that does not need it.
  run apt-get -q update || say "apt-get update failed; going on with the package lists that are here"
  run env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends install "${packages[@]}" ||
    die "apt-get could not install: ${packages[*]}"
  disable_new_services "${packages[@]}"
  unguard_services
}
