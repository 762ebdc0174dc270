# What an image of ours is made of, as one hash: a label of the image when it is built, and held against it before a start.
#
# A version's number would be no truer: a checkout changes without it, and a version that left an image's sources as
# they were needs no new image. The base, Debian's packages and our tools in it are in no hash. Those of another day are
# as good: tools agree by the record's lines and the policy. A boot after a small upgrade must not wait for a person.

# `image_sources IMAGE [AGENT]`: what its .dockerignore lets in, and its Dockerfile.
image_sources() {
  local folder=$HOUSE/compose/images/$1 agent=${2:-openclaw} inside
  mapfile -t inside < <(sed -n "s/^!//; t keep; d; :keep; \|^bin|d; s|^agents\$|agents/$agent|; p" "$folder/.dockerignore")
  (cd "$folder" && find -L Dockerfile "${inside[@]}" -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum) | sha256sum | cut -c1-16
}
