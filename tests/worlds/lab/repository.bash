# The repository that the monitor watches, as its origin has it: a history, branches, release tags
# of both kinds, pull requests. Made in one go; `tests/worlds/lab/origin` changes it afterwards.

readonly REPOSITORIES=$DATA/git
readonly ORIGIN=$REPOSITORIES/openclaw/openclaw.git

repository_up() { [ -s "$ORIGIN/packed-refs" ]; }

repository_says() { echo "https://github.com/openclaw/openclaw"; }

# Nobody's own configuration has a say in what the lab's origin is.
origin_git() { env -i PATH="$PATH" HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 git -C "$ORIGIN" "$@"; }

repository_start() {
  rm -rf "$ORIGIN"
  mkdir -p "$ORIGIN"
  origin_git init -q --bare -b main .
  history | origin_git fast-import --quiet
  origin_git pack-refs --all
}

readonly AUTHOR='Lab Author <author@lab.test>'
readonly START=1780000000              # seconds since the epoch; each commit is an hour later

history() {
  local i
  for i in $(seq 1 12); do
    printf 'commit refs/heads/main\nmark :%s\ncommitter %s %s +0000\ndata <<END\nrelease step %s\nEND\n' "$i" "$AUTHOR" $((START + i * 3600)) "$i"
    printf 'M 100644 inline VERSION\ndata <<END\n2026.9.%s\nEND\n\n' "$i"
  done
  printf 'reset refs/heads/release/2026.9\nfrom :8\n\n'
  for i in 1 2 3; do printf 'reset refs/pull/%s/head\nfrom :%s\n\n' "$i" $((i + 2)); done
  for i in 1 2 3 4 5 6; do annotated "v2026.9.$i" "$i"; done
  for i in 7 8 9; do printf 'reset refs/tags/v2026.9.%s-beta\nfrom :%s\n\n' "$i" "$i"; done
  printf 'reset refs/tags/nightly\nfrom :12\n\n'
}

annotated() {
  printf 'tag %s\nfrom :%s\ntagger %s %s +0000\ndata <<END\nrelease %s\nEND\n' "$1" "$2" "$AUTHOR" $((START + $2 * 3600 + 60)) "$1"
}
