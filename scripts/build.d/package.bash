# Where a package installed the house: the tools are there, and only images are made. Nothing below /usr is written.

readonly DUCKDB_LIBRARY=$DUCKDB_LIB_DIR/libduckdb.so
# A copy of compose/ that our tools are put into. It is away when the images are made.
IMAGES_FROM=/var/cache/cellblock/images

tools_are_built() { tools_are_there; }

build_tools() { die "a program is missing in $PROGRAMS: install the package again (apt-get install --reinstall cellblock)"; }

begin_images() {
  trap 'rm -rf -- "$IMAGES_FROM"' EXIT
  run rm -rf -- "$IMAGES_FROM"
  run mkdir -p "$IMAGES_FROM"
  run cp -R -- "$HOUSE/compose/." "$IMAGES_FROM"
}

# The images without a word of cargo's.
build_packaged() {
  tools_are_built || build_tools
  step 1 'packages, Docker, the base image'
  prepare
  begin_images
  step 2 "images that need no tool of ours: ${PLAIN_IMAGES[*]}"
  build_images "${PLAIN_IMAGES[@]}"
  step 3 'the tools: they are installed'
  step 4 "images with our tools: ${TOOL_IMAGES[*]}"
  stage_tools
  build_images "${TOOL_IMAGES[@]}"
  say "all is built, in $(elapsed)"
}
