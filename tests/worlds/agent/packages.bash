# Packages for npm that the suite makes, in the lab's registry (tests/worlds/lab/registry.py). Loaded after world.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # state is world.bash's

# The integrity of an archive, as npm writes it.
integrity_of() { printf 'sha512-%s\n' "$(openssl dgst -sha512 -binary "$1" | base64 -w0)"; }

# A plugin of OpenClaw's that says so when OpenClaw registers it. In its archive is a dependency that is no ES module.
# More of its package.json may be given.
publish_plugin() { # name, JSON
  local work archive=$state/registry/$1-1.0.0.tgz
  work=$(mktemp -d)
  mkdir -p "$work/package/node_modules/older" "$state/registry"
  jq -n --arg name "$1" --argjson more "${2:-{\}}" '{$name, version: "1.0.0", type: "module",
    dependencies: {older: "1.0.0"}, bundleDependencies: ["older"],
    openclaw: {extensions: ["./index.js"], compat: {pluginApi: ">=2026.9.0"}}} + $more' >"$work/package/package.json"
  jq -n --arg id "$1" '{$id, name: $id, description: "a test", enabledByDefault: true, activation: {onStartup: true},
    configSchema: {type: "object"}}' >"$work/package/openclaw.plugin.json"
  printf 'import old from "older";\nexport default { id: "%s", register() { console.error("%s: registered, " + old.word); } };\n' "$1" "$1" >"$work/package/index.js"
  echo '{"name": "older", "version": "1.0.0", "exports": {"import": "./index.mjs"}}' >"$work/package/node_modules/older/package.json"
  echo 'import old from "./old.js"; export default old;' >"$work/package/node_modules/older/index.mjs"
  echo 'module.exports = { word: "old" };' >"$work/package/node_modules/older/old.js"
  tar -czf "$archive" -C "$work" package
  jq --arg hash "$(integrity_of "$archive")" '. as $package | {name, "dist-tags": {latest: .version}, versions: {(.version):
    ($package + {dist: {integrity: $hash, tarball: "https://registry.lab.test/\(.name)/-/\(.name)-\(.version).tgz"}})}}' \
    "$work/package/package.json" >"$state/registry/$1.json"
  rm -rf "$work"
}

# The build's step, on the image alone, with the same packages at a registry on its loopback; then OpenClaw is asked for one.
lay_in() { # line of the file `plugins`, id of the plugin
  in_host docker run --rm -i --network none --tmpfs /sandbox --volume "$state/registry:/registry:ro" --env npm_config_registry=http://127.0.0.1:4873 \
    --env npm_config_replace_registry_host=always --entrypoint bash cellblock/cell:local -c '
      touch /tmp/up; node -e "require(\"http\").createServer((asked, answer) => {
        const name = asked.url.split(\"/\").pop();
        require(\"fs\").createReadStream(\"/registry/\" + (name.endsWith(\"tgz\") ? name : name + \".json\")).pipe(answer);
      }).listen(4873, () => console.log(\"up\"))" >/tmp/up &
      until grep -q up /tmp/up; do sleep 0.1; done
      (echo "# a word"; echo; cat) | node /opt/agent/plugins.mjs || exit
      openclaw plugins enable '"$2"'
      openclaw plugins inspect '"$2"' --runtime --json | node -e "const {plugin} = JSON.parse(require(\"fs\").readFileSync(0)); console.log(plugin.status, plugin.origin)"' <<<"$1"
}
