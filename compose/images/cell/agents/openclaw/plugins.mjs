// Lays plugins into the image, in the build: reads lines of "NAME@VERSION INTEGRITY" from stdin.
//
// OpenClaw trusts what lies among its own extensions; from a folder of the configuration's it takes no plugin that keeps
// state, and so no channel. What a plugin depends on may not lie there: OpenClaw takes each ./x.js below its dist/ for an
// ES module, which its own are and others' are not. So node_modules is a link to beside the agent.
// Nothing of a plugin runs here. Any line that can't be kept ends the build.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";

const HOUSE = import.meta.dirname;
const EXTENSIONS = join(HOUSE, "node_modules/openclaw/dist/extensions");

class Refused extends Error {}

function parse(line) {
  const found = /^((?:@[a-z0-9._-]+\/)?[a-z0-9._-]+@\d[\w.+-]*) (sha512-[A-Za-z0-9+/]{86}==)$/.exec(line);
  if (!found) throw new Refused(`"${line}": expected NAME@VERSION, the whole version, and its sha512- integrity (npm view NAME@VERSION dist.integrity)`);
  return { spec: found[1], integrity: found[2] };
}

/** The archive's folder, unpacked; only after its hash is the line's. */
function fetched({ spec, integrity }, work) {
  execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", work, spec], { stdio: ["ignore", "ignore", "inherit"] });
  const [archive] = readdirSync(work);
  const has = `sha512-${createHash("sha512").update(readFileSync(join(work, archive))).digest("base64")}`;
  if (has !== integrity) throw new Refused(`${spec} has the integrity ${has}, and its line says ${integrity}: it is not the one that was chosen`);
  execFileSync("tar", ["-xzf", join(work, archive), "-C", work, "--no-same-owner", "--no-same-permissions", "package"]);
  return join(work, "package");
}

/** Its id, if it is whole. */
function checked(spec, folder) {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const missing = Object.keys(dependencies ?? {}).filter((name) => !existsSync(join(folder, "node_modules", name)));
  if (missing.length > 0) throw new Refused(`${spec} does not bring ${missing.join(", ")}, which it depends on: only a plugin whose archive holds all can be laid in`);
  if (!existsSync(join(folder, "openclaw.plugin.json"))) throw new Refused(`${spec} is no plugin of OpenClaw's: it has no openclaw.plugin.json`);
  const { id } = JSON.parse(readFileSync(join(folder, "openclaw.plugin.json"), "utf8"));
  if (!/^[a-z0-9][a-z0-9_-]*$/.test(id)) throw new Refused(`${spec} calls itself ${JSON.stringify(id)}, which is no name for a folder`);
  if (existsSync(join(EXTENSIONS, id))) throw new Refused(`${spec} calls itself "${id}", and OpenClaw comes with one of that name`);
  return id;
}

function lay(line, work) {
  const wanted = parse(line);
  const folder = fetched(wanted, work);
  const id = checked(wanted.spec, folder);
  execFileSync("cp", ["-R", folder, join(EXTENSIONS, id)]);
  if (existsSync(join(EXTENSIONS, id, "node_modules"))) {
    mkdirSync(join(HOUSE, "plugins.d", id), { recursive: true });
    renameSync(join(EXTENSIONS, id, "node_modules"), join(HOUSE, "plugins.d", id, "node_modules"));
    symlinkSync(join(HOUSE, "plugins.d", id, "node_modules"), join(EXTENSIONS, id, "node_modules"));
  }
  console.log(`plugins: ${wanted.spec} is laid in as "${id}"`);
}

function main() {
  const lines = readFileSync(0, "utf8").split("\n").map((line) => line.trim());
  for (const line of lines.filter((line) => line !== "" && !line.startsWith("#"))) {
    const work = mkdtempSync("/tmp/plugin-");
    try {
      lay(line, work);
    } finally {
      rmSync(work, { recursive: true });
    }
  }
}

try {
  main();
} catch (error) {
  console.error(`plugins: ${error instanceof Refused ? error.message : error.message.split("\n")[0]}`);
  process.exitCode = 1;
}
