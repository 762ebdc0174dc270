# What only a benchmark needs: installed when it runs, from the machine's own apt sources, and no service is started.
# Sourced by the benchmarks that are shell. Whoever has a trap on EXIT sets it again afterwards.
# shellcheck source-path=SCRIPTDIR
# shellcheck source=../../scripts/say.bash
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/say.bash"
# shellcheck source=../../scripts/setup.d/packages.bash
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/setup.d/packages.bash"

# install_peers PACKAGE…: none is fine.
install_peers() {
  [ "$#" -gt 0 ] || return 0
  guard_services
  run env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
  unguard_services
}
