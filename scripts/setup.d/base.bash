# The image every image of ours starts from: Debian slim, pulled or home-made, under one tag.

readonly PULL_PATIENCE=45     # seconds a registry gets before the image is made here

# Bookworm, unless this machine's C library is newer than bookworm's 2.36: we build our binaries here
# and run them in there. A program linked against a newer glibc does not start on an older one.
base_suite() {
  local host
  host=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{ print $2 }')
  if [ -n "$host" ] && [ "$(printf '%s\n2.36\n' "$host" | sort -V | tail -n 1)" != 2.36 ]; then echo trixie; else echo bookworm; fi
}

base_tag() { printf 'cellblock/base:%s\n' "$(base_suite)"; }

base_present() { docker image inspect "$(base_tag)" >/dev/null 2>&1; }

ensure_base() {
  base_present || pull_base || make_base
  base_present || die "the base image $(base_tag) could neither be pulled nor made"
}

pull_base() {
  local image
  image=debian:$(base_suite)-slim
  say "asking the registry for $image (at most $PULL_PATIENCE s)"
  run timeout "$PULL_PATIENCE" docker pull --quiet "$image" || return 1
  run docker tag "$image" "$(base_tag)"
}

# What Debian's slim images leave out: pages nobody reads in a container. Licences stay.
slimming() {
  local path
  for path in doc info linda lintian locale man; do printf '%s\n' "--dpkgopt=path-exclude=/usr/share/$path/*"; done
  printf '%s\n' '--dpkgopt=path-include=/usr/share/doc/*/copyright'
}

# The suite's sources as this machine has them; none (then mmdebstrap knows where) on another suite.
base_sources() {
  # shellcheck disable=SC2016  # apt-get's own fields, not the shell's
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$1" '($3 == suite || index($3, suite "-") == 1) && $4 == "main"' | sort -u
}

make_base() {
  local suite work options
  suite=$(base_suite)
  need_root "making the base image"
  command -v mmdebstrap >/dev/null || die "no registry has the base image, and mmdebstrap is not there to make it: apt-get install mmdebstrap"
  say "no registry: making $(base_tag) from Debian packages"
  work=$(mktemp -d)
  mapfile -t options < <(slimming)
  base_sources "$suite" >"$work/sources.list"
  options+=(--variant=minbase --mode=root "$suite" "$work/base.tar")
  [ ! -s "$work/sources.list" ] || options+=("$work/sources.list")
  run mmdebstrap "${options[@]}" || { rm -rf "$work"; return 1; }
  run docker import --change 'CMD ["bash"]' "$work/base.tar" "$(base_tag)" || { rm -rf "$work"; return 1; }
  rm -rf "$work"
}
