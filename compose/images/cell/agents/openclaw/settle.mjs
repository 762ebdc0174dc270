// What the cell's surroundings decide of OpenClaw's configuration, put there at every start. All else in it is the agent's.
//
//  - gateway.controlUi.allowedOrigins: the pages that the vault lets through. Behind the vault the gateway takes no page for
//    a local one. (The vault holds to its own list whatever stands here.)
//  - gateway.trustedProxies: the vault's connections come from 127.0.0.1. Unless the gateway reads whom they are for from
//    X-Forwarded-For, it takes every remote client for a local one and pairs it unasked.
//  - where the gate answers to a name, with an address of the inside: in proxied shape to each listed one, in open shape to
//    those whose key it holds. OpenClaw sends nothing to a public name that has such an address. So this tells web fetch
//    the exact names, and each model provider its door at the gate. OpenClaw trusts a base URL's own origin, but not one
//    that it knows as the provider's. So a door has the host's second name at the gate (CELL_DOORS).
//  - where the gate holds the provider's key: a word in its place. Without any key OpenClaw asks for nothing.
//
// Prints options for the gateway, one a line: where the agent asks for `trusted-proxy` it gets a token after all. The
// vault passes on what a client sends. So whoever reaches it could say in a header that it is the owner.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import JSON5 from "json5";

// `api`: the wire format, where OpenClaw knows it by the provider's own name alone and takes another for a door.
const PROVIDERS = {
  anthropic: { host: "api.anthropic.com", path: "" },
  google: { host: "generativelanguage.googleapis.com", path: "/v1beta", api: "google-generative-ai" },
  openai: { host: "api.openai.com", path: "/v1" },
  openrouter: { host: "openrouter.ai", path: "/api/v1" },
  xai: { host: "api.x.ai", path: "/v1" },
};

const AT_THE_GATE = "held-by-the-gate";

const words = (text) => (text ?? "").split(" ").filter(Boolean);

/** The table at a path, made where there is none. */
function table(config, ...path) {
  return path.reduce((at, key) => (at[key] = at[key] !== null && typeof at[key] === "object" ? at[key] : {}), config);
}

function atTheVault(config, origins) {
  if (origins.length === 0) return;
  table(config, "gateway", "controlUi").allowedOrigins = origins;
  table(config, "gateway").trustedProxies = ["127.0.0.1"];
}

/** A base URL of the agent's own, to somewhere else, stays. The door of a share of before had a dot behind the name. */
function throughTheGate(config, ways, keyed, doors) {
  for (const [id, { host, path, api }] of Object.entries(PROVIDERS)) {
    const [door, former, official] = [`http://${host}.${doors}${path}`, `http://${host}.${path}`, `https://${host}${path}`];
    const has = config.models?.providers?.[id]?.baseUrl;
    if (ways.includes(`http://${host}`)) {
      if ([undefined, former, official].includes(has)) table(config, "models", "providers", id).baseUrl = door;
      if (api && config.models.providers[id].baseUrl === door) config.models.providers[id].api ??= api;
    } else if ([door, former].includes(has)) {
      config.models.providers[id].baseUrl = official;
    }
    aWordForTheKey(config, id, keyed.includes(host));
  }
  if (ways.length > 0) table(config, "tools", "web", "fetch", "ssrfPolicy").allowedHostnames = ways.map((way) => new URL(way).hostname);
}

/** A key of the agent's own stays, and so does one that it was given since. */
function aWordForTheKey(config, id, isAtTheGate) {
  const has = config.models?.providers?.[id]?.apiKey;
  if (isAtTheGate && has === undefined) table(config, "models", "providers", id).apiKey = AT_THE_GATE;
  if (!isAtTheGate && has === AT_THE_GATE) delete config.models.providers[id].apiKey;
}

function main([file]) {
  const text = readFileSync(file, "utf8");
  const config = JSON5.parse(text);
  atTheVault(config, words(process.env.VAULT_ORIGINS));
  throughTheGate(config, words(process.env.CELL_EGRESS), words(process.env.CELL_AUTHORIZED), process.env.CELL_DOORS ?? "");
  if (config.gateway?.auth?.mode === "trusted-proxy") console.log("--auth\ntoken");
  if (JSON.stringify(config) === JSON.stringify(JSON5.parse(text))) return;
  writeFileSync(`${file}.new`, `${JSON.stringify(config, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`cell: ${process.argv[2]} could not be brought up to the policy: ${error.message}. The agent starts with it as it is`);
}
