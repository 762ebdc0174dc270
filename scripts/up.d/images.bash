# The images: built here, or taken from a file that somebody has built.

# build makes this machine ready by itself, and with it the lab's packages in a checkout.
ready_images() {
  if [ -n "$IMAGES" ]; then
    run "$here/setup" "${SETUP[@]}" || die "this machine could not be made ready: see above"
    run docker load --quiet --input "$IMAGES"
    all_images_there
    ! is_checkout || run "$here/build" --tools-only
  else
    is_checkout || [ "$LAB" = 0 ] || run "$here/setup" "${SETUP[@]}" || die "this machine could not be made ready: see above"
    run "$here/build" || die "the images could not be built, see above: nothing was started"
  fi
}

image_names() { sed -n 's|^ *image: *cellblock/\([a-z]*\):local.*|\1|p' "$HOUSE/compose/compose.yaml" | sort -u; }

# A file with five of six would end in a start that fails halfway.
all_images_there() {
  [ "$DRY_RUN" = 0 ] || return 0
  local name missing=()
  while read -r name; do
    docker image inspect "cellblock/$name:local" >/dev/null 2>&1 || missing+=("cellblock/$name:local")
  done < <(image_names)
  [ "${#missing[@]}" = 0 ] || die "$IMAGES does not hold ${missing[*]}; where it was made: docker save --output FILE with all six, built by scripts/build"
}

# The configuration is this version's. A gate of another, after an upgrade and a boot, looked healthy and led nowhere: a cell
# that is not started is better. Nothing is built here, for a boot waits for no network.
images_fit() {
  [ "$DRY_RUN" = 0 ] || return 0
  local name wrong=()
  while read -r name; do
    image_fits "$name" || wrong+=("cellblock/$name:local")
  done < <(image_names)
  [ "${#wrong[@]}" = 0 ] || die "${wrong[*]}: not there, or made of other sources than this version's, whose configuration would lead nowhere in it.\
 Nothing was started. Run 'cellblock up' (scripts/up), which builds it, or give a file of this version's images: up --images FILE"
}

image_fits() {
  local labels made agent
  labels=$(docker image inspect --format '{{index .Config.Labels "cellblock.sources"}} {{index .Config.Labels "cellblock.agent"}}' "cellblock/$1:local" 2>/dev/null) || return 1
  read -r made agent <<<"$labels"
  [ -n "$made" ] && [ "$made" = "$(image_sources "$1" "$agent")" ]
}
