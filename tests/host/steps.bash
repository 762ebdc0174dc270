# What the suites on a machine of its own share: how its tree is made and furnished, how it is driven, and how to print a
# row. Sourced by run, package, together and vm.
# shellcheck disable=SC2016,SC2034  # what the machine's own shell expands; what the suites use

# shellcheck source-path=SCRIPTDIR
# shellcheck source=../../scripts/say.bash
source "${BASH_SOURCE[0]%/*}/../../scripts/say.bash"
# shellcheck source=../../scripts/paths.bash
source "${BASH_SOURCE[0]%/*}/../../scripts/paths.bash"
# shellcheck source=../../scripts/setup.d/packages.bash
source "$HOUSE/scripts/setup.d/packages.bash"

readonly TREES=/var/cache/cellblock
TREE=${HOST_TREE:-$TREES/host-trixie}   # HOST_TREE: another tree of the same kind, so that two can run beside each other
ENGINE=docker                           # whose containers: docker, or podman
DEBIAN=trixie                           # which of Debian's suites it is
MACHINE=machine                         # what boots it: `machine` in namespaces, `qemu` as a virtual one
readonly INSTALLED=/opt/cellblock       # the checkout, in there
# What a tree has for the moat alone, and what the cellblock and its neighbours want beside it.
readonly BARE=systemd-sysv,dbus,docker.io,docker-cli,iptables,nftables,ufw,firewalld,iproute2,procps,jq,git,openssl,bsdextrautils,curl
PACKAGES=$BARE,passwd,uidmap,rootlesskit,slirp4netns,docker-compose,docker-buildx,man-db,$(packages_to_run | paste -sd, -)
readonly OURS='--policy compose/policy.toml --root .'
failed=0 neighbour=''

# The mirror that this machine's own Docker came from serves trixie as well.
trixie_mirror() {
  local mirror
  mirror=$(mirror_of "$(. /etc/os-release && echo "$VERSION_CODENAME")")
  [ -n "$mirror" ] || die "no apt source of this machine serves its own suite: cannot tell where trixie is"
  printf '%s\n' "$mirror"
}

# `make_tree TREE PACKAGES [SUITE]`: Debian 13, or another, with these, whole or not at all. A mirror's sid may be older than
# its signature is valid for.
make_tree() {
  local mirror
  mirror=$(trixie_mirror)
  run mkdir -p "$TREES"
  rm -rf "$1.new"
  run mmdebstrap --aptopt='Acquire::Check-Valid-Until "false"' --variant=minbase --mode=root --include="$2" "${3:-trixie}" "$1.new" "deb $mirror ${3:-trixie} main"
  : >"$1.new/etc/fstab"
  run rm -rf --one-file-system -- "$1"
  run mv -T "$1.new" "$1"
}

# Has a tree all of these packages? One that an older suite made has fewer.
tree_has() {
  local package
  for package in ${2//,/ }; do [ -e "$1/var/lib/dpkg/info/$package.list" ] || [ -e "$1/var/lib/dpkg/info/$package:amd64.list" ] || return 1; done
}

# A machine as new. What an earlier suite left, or one that was cut off, must not decide over this one.
# The firewalls in it wait until a suite starts them.
want_tree() {
  local made=$TREE.made
  machine stop 2>/dev/null || true
  tree_has "$made" "$PACKAGES" || make_tree "$made" "$PACKAGES" "$DEBIAN"
  run rm -rf --one-file-system -- "$TREE"
  run cp -a -- "$made" "$TREE"
  [[ ,$PACKAGES, = *,ufw,* ]] || return 0
  run chroot "$TREE" systemctl --quiet disable ufw firewalld nftables
  run sed -i 's/^ENABLED=yes/ENABLED=no/' "$TREE/etc/ufw/ufw.conf"
}

machine() { "$HOUSE/tests/host/$MACHINE" "$TREE" "$@"; }
inside() { machine run "export CARGO_TARGET_DIR=/opt/target; cd $INSTALLED && $*"; }

row() { printf '%-96s %s\n' "$1" "$2"; [ "$2" = ok ] || failed=1; }
# `holds SENTENCE COMMAND…`: what the command said is shown where it does not hold.
holds() {
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then row "$what" ok; else row "$what" FAILED; printf '%s\n' "$(tail -c 2000 <<<"$said")" >&2; fi
}
within() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.2; done; }

is() { local wanted=$1; shift; [ "$("$@")" = "$wanted" ]; }
not() { ! "$@"; }

# `faultless UNIT-FILE…`: what systemd warns of fails its look at a unit only where it is told whose warnings count.
faultless() {
  local look='systemd-analyze verify --man=no --recursive-errors=no'
  holds 'systemd finds no fault in the units' inside "$look $*"
  holds 'and it finds one in a unit with a word that it does not know (control)' inside "printf '[Service]\\nExecStart=/bin/true\\nNonsense=1\\n' >/run/nonsense.service && ! $look /run/nonsense.service"
}

# `each_unit QUESTION UNIT…`: systemctl itself is content with one of several.
each_unit() { inside "for unit in ${*:2}; do systemctl $1 --quiet \$unit || { echo \$unit; exit 1; }; done"; }
active() { each_unit is-active "$@"; }
enabled() { each_unit is-enabled "$@"; }
rules() { inside 'nft list chain inet netguard net-cell'; }
started() { inside "$ENGINE inspect --format '{{.State.StartedAt}} {{.State.Running}}' neighbour"; }
untouched() { [ "$(started)" = "$neighbour" ] && [[ $neighbour == *" true" ]]; }

# The checkout, the programs as they are built here, and an image for the neighbour.
furnish() {
  run git clone -q "$HOUSE" "$TREE$INSTALLED"
  run mkdir -p "$TREE/opt/target/release" "$TREE/opt/target/${DUCKDB_LIB_DIR##*/}"
  run cp "$PROGRAMS"/{netguard,egress-check,scanwatch,auditdb,sandboxctl,.built-from} "$TREE/opt/target/release/"
  run cp "$DUCKDB_LIB_DIR/libduckdb.so" "$TREE/opt/target/${DUCKDB_LIB_DIR##*/}/"
  run cp "$DUCKDB_LIB_DIR/libduckdb.so" "$TREE/opt/target/release/"
  save_base
}

save_base() {
  run docker save --output "$TREE/opt/base.tar" "$(docker images --format '{{.Repository}}:{{.Tag}}' 'cellblock/base' | head -n 1)"
}

begin() {
  boot
  settle_in
}

# A container of somebody else's runs there from now on.
settle_in() {
  inside "$ENGINE load --quiet --input /opt/base.tar && $ENGINE run -d --restart=always --name neighbour \"\$($ENGINE images -q | head -n 1)\" sleep infinity" >&2
  neighbour=$(started)
}

boot() {
  run machine boot
  within "${BOOT_PATIENCE:-60}" active docker || die "Docker did not start in the machine"
}

# As `up` makes the cell's network: what follows `docker network create`.
network_arguments() { inside "sandboxctl render networks $OURS | jq -r 'select(.name == \"cellblock-cell\").args | join(\" \")'"; }

# How far each service is exposed at most (systemd-analyze security, in tenths): what it is now, so that none gets worse. The
# goal is 20. Two cannot reach it: the probes enter networks and forge packets, and cellblock.service starts the rest.
readonly EXPOSED='cellblock-moat 18
cellblock-moat-watch 20
cellblock-collect@proxy 17
cellblock-collect@denied 20
cellblock-collect@events 20
cellblock-audit 14
cellblock-proof 14
cellblock-prune 14
cellblock-report 14
cellblock-check@netguard 17
cellblock-check@sandboxctl 18
cellblock-check@status 19
cellblock-check@scanwatch 14
cellblock-check@auditdb 14
cellblock-check@pin 19
cellblock-secret@x 14
cellblock-probes@egress-check-cell 31
cellblock 24'
scores() {
  local unit most
  while read -r -u 3 unit most; do
    holds "$unit is exposed by ${most:0:1}.${most:1} at most (systemd-analyze security)" inside "systemd-analyze security --no-pager --threshold=$most $unit"
  done 3<<<"$EXPOSED"
}
