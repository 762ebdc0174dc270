# What the suites with the Debian package share: how it is made and put onto the machine. Sourced after steps.bash.
# shellcheck shell=bash disable=SC2016  # what the machine's own shell expands

# What the package brings to be woken by `up`, but for cellblock.service itself.
# shellcheck disable=SC2034  # for those who source this
readonly UNITS='cellblock-moat.service cellblock-moat-watch.service cellblock-collect.target cellblock-audit.timer cellblock-proof.timer cellblock-prune.timer cellblock-report.timer'

# The checkout is not in there: what steps.bash asks goes without it, too.
inside() { machine run "$*"; }

apt_like() { inside "DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io --force-confdef --force-confold $*"; }

# `printed WORDS`: the one line of README.md that begins so, without its comment. What people type is what is tried.
printed() {
  local lines
  mapfile -t lines < <(awk -v begins="$1" 'index($0, begins) == 1 { sub(/ *#.*/, ""); print }' "$HOUSE/README.md")
  [ "${#lines[@]}" = 1 ] || die "README.md has ${#lines[@]} lines that begin with '$1', and not one"
  printf '%s\n' "${lines[0]}"
}

# A line of README.md for apt, as somebody types it in a folder. He says yes, and keeps a policy that he changed.
readonly APT_SETTINGS=/opt/apt.conf
apt_settings() { printf 'Dpkg::Options { "--force-unsafe-io"; "--force-confdef"; "--force-confold"; };\n'; }
typed() { inside "cd $1 && yes | DEBIAN_FRONTEND=noninteractive APT_CONFIG=$APT_SETTINGS $2"; }

# The images of this machine, as the file that `cellblock up --images` reads, once: they are written while it reads, for a
# gigabyte need not lie on the disk in between. Where nobody did, `withdraw_images` ends it.
offering=''
offer_images() {
  local images
  mapfile -t images < <(docker images --format '{{.Repository}}:{{.Tag}}' | grep '^cellblock/.*:local$')
  run mkfifo "$TREE/opt/images.tar"
  (exec docker save "${images[@]}" >"$TREE/opt/images.tar") &
  offering=$!
}
withdraw_images() {
  [ -z "$offering" ] || kill "$offering" 2>/dev/null || true
  rm -f -- "$TREE/opt/images.tar"
}

# The lab's internet is signed by its own CA.
trust_the_lab() {
  run cp "/run/$LAB_NAME-lab/ca.pem" "$TREE/usr/local/share/ca-certificates/lab.crt"
  run chroot "$TREE" update-ca-certificates
}

# Who asks fifty times a second whether the rules stand.
witness_the_rules() { inside 'rm -f /run/open; systemd-run --quiet --unit=witness bash -c "while sleep 0.02; do nft list chain inet netguard net-cell >/dev/null 2>&1 || echo open >>/run/open; done"' >&2; }

# `quick_package FILE`: the package of this checkout. The suites want the same one: a new one is made when the
# programs or what git knows have changed, and the last one stays.
quick_package() {
  local kept=$CARGO_TARGET_DIR/package-quick state
  run "$HOUSE/scripts/build" --tools-only
  state=$({ cat "$PROGRAMS/.built-from"; git -C "$HOUSE" rev-parse HEAD; git -C "$HOUSE" diff HEAD; } | sha256sum | cut -c1-16)
  if [ ! -e "$kept/$state" ]; then
    run rm -rf -- "$kept"
    run "$HOUSE/scripts/package" --quick "$kept"
    touch "$kept/$state"
  fi
  run cp "$kept"/cellblock_*.deb "$1"
}

# `package_before NEW OLD`: the same with a lower number; a command with the unpacked folder as its argument may change more.
package_before() { package_like "$1" "$2" 0.0.9 "${@:3}"; }

# `package_like PACKAGE OTHER VERSION`: unpacked, and packed again with no compression.
package_like() {
  local new=$1 old=$2 version=$3 unpacked
  shift 3
  unpacked=$(mktemp -d)
  run dpkg-deb -R "$new" "$unpacked/tree"
  sed -i "s/^Version: .*/Version: $version/" "$unpacked/tree/DEBIAN/control"
  [ "$#" = 0 ] || "$@" "$unpacked/tree"
  run dpkg-deb -Znone --root-owner-group -b "$unpacked/tree" "$old"
  rm -rf "$unpacked"
}

# `packed_again PACKAGE VERSION FILE`: an installed package of Debian's with its own scripts, as a later version. So its
# upgrade is tried with nothing fetched.
packed_again() {
  local again script info=$TREE/var/lib/dpkg/info/$1
  again=$(mktemp -d)
  run mkdir -p "$again/DEBIAN"
  sed 's/^/./' "$info.list" | tar -C "$TREE" --no-recursion -T - -c | tar -C "$again" -x
  for script in preinst postinst prerm postrm conffiles; do [ ! -e "$info.$script" ] || run cp -a "$info.$script" "$again/DEBIAN/$script"; done
  dpkg-query --admindir="$TREE/var/lib/dpkg" -s "$1" |
    sed -e '/^Conffiles:/,/^[^ ]/{/^Conffiles:/d; /^ /d}' -e '/^Status:/d' -e "s/^Version: .*/Version: $2/" >"$again/DEBIAN/control"
  run dpkg-deb -Znone --root-owner-group -b "$again" "$3"
  rm -rf "$again"
}
