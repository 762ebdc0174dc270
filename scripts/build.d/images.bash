# The images. Four need nothing of cargo's and are made while it works.

# What they are made from: a checkout's own folder, or what build.d/package.bash says.
IMAGES_FROM=${IMAGES_FROM:-$HOUSE/compose}

readonly IMAGES_COMPOSE=(docker compose --project-name cellblock --project-directory "$IMAGES_FROM" -f "$IMAGES_FROM/compose.yaml")
readonly PLAIN_IMAGES=(proxy vault clamd cell)
readonly TOOL_IMAGES=(monitor warden)

# Copied only when it changed, so that Docker's cache holds.
stage() {
  local file=$1 image=$2 to
  to=$IMAGES_FROM/images/$image/bin
  mkdir -p "$to"
  cmp -s "$file" "$to/${file##*/}" || run install -m 0755 "$file" "$to/${file##*/}"
}

stage_tools() {
  stage "$PROGRAMS/auditdb" monitor
  if [ -e "$DUCKDB_LIBRARY" ]; then stage "$DUCKDB_LIBRARY" monitor; fi
  stage "$PROGRAMS/scanwatch" warden
}

# Each image's hash of its sources, for its label; Compose knows which agent the cell has.
export_sources() {
  local image agent
  agent=$("${IMAGES_COMPOSE[@]}" config --format json | jq -r .services.cell.build.args.AGENT)
  for image in "$@"; do declare -gx "${image^^}_SOURCES=$(image_sources "$image" "$agent")"; done
}

# The line on the terminal says what is made; what Docker prints stands in its own lines.
build_images() {
  [ "${DRY_RUN:-0}" = 1 ] || export_sources "$@"
  run "${IMAGES_COMPOSE[@]}" build "$@"
}
