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
    run "$here/build"
  fi
}

# A file with five of six would end in a start that fails halfway.
all_images_there() {
  [ "$DRY_RUN" = 0 ] || return 0
  local image missing=()
  while read -r image; do
    docker image inspect "$image" >/dev/null 2>&1 || missing+=("$image")
  done < <(sed -n 's|^ *image: *\(cellblock/[a-z]*:local\).*|\1|p' "$HOUSE/compose/compose.yaml" | sort -u)
  [ "${#missing[@]}" = 0 ] || die "$IMAGES does not hold ${missing[*]}; where it was made: docker save --output FILE with all six, built by scripts/build"
}
