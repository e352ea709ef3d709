// Starts a JavaScript runtime in the place of Node: `wasm-bindgen-test-runner` calls this with the script to run.
//
// `SAMESOCKET_RUNTIME` names the runtime, `SAMESOCKET_RUNTIMES` is the folder of its package, and `SAMESOCKET_CLASSES` is the
// module that sets the globals of the tests.

import { spawn } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const { SAMESOCKET_RUNTIME: runtime, SAMESOCKET_RUNTIMES: runtimes, SAMESOCKET_CLASSES: classes, SAMESOCKET_SERVER: server } = process.env;
const script = process.argv.at(-1);
const program = (name) => join(runtimes, "node_modules/.bin", name);
const installedNode = (name) => join(runtimes, "node_modules", `${name}-linux-${process.arch}`, "bin/node");

const commands = {
  // The options that stand in front of the script are Node's.
  bun: () => [program("bun"), "--preload", classes, script],
  deno: () => [program("deno"), "run", "--allow-all", "--no-lock", "--quiet", "--preload", classes, script],
  node: () => [process.execPath, "--expose-gc", "--import", classes, script],
  "node-ws": () => commands.node(),
  "node-global": () => [installedNode("node"), "--expose-gc", "--import", classes, script],
  "node-20": () => [installedNode("node20"), "--experimental-websocket", "--expose-gc", "--import", classes, script],
  "node-22": () => [installedNode("node22"), "--expose-gc", "--import", classes, script],
  workerd: () => [program("workerd"), "test", "--experimental", writeWorker(dirname(script))],
};

/**
 * Writes the configuration of a worker that runs the tests. Returns its path.
 *
 * A worker compiles no WebAssembly at run time, so the module is a file of the configuration.
 */
function writeWorker(folder) {
  const generated = readFileSync(join(folder, "wasm-bindgen-test.js"), "utf8");
  const loaded = generated.replace(/const wasmModule = .*;/, "const wasmModule = globalThis.samesocketTests;");
  if (loaded === generated) throw new Error("wasm-bindgen loads the module in another way");
  writeFileSync(join(folder, "tests.js"), loaded.replace(/const wasm(Path|Bytes) = .*;/g, ""));
  const tests = [...readFileSync(script, "utf8").matchAll(/tests\.push\('(.*)'\)/g)].map(([, name]) => name);
  copyFileSync(classes, join(folder, "classes.js"));
  copyFileSync(join(dirname(classes), "dist/samesocket.wasm"), join(folder, "samesocket.wasm"));
  copyFileSync(new URL("../conformance/tests/support/count.js", import.meta.url), join(folder, "count.js"));
  for (const name of ["module.js", "worker.js"]) copyFileSync(new URL(name, import.meta.url), join(folder, name));
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [
        (name = "worker.js", esModule = embed "worker.js"),
        (name = "classes.js", esModule = embed "classes.js"),
        (name = "count.js", esModule = embed "count.js"),
        (name = "module.js", esModule = embed "module.js"),
        (name = "tests.js", commonJsModule = embed "tests.js"),
        (name = "tests.wasm", wasm = embed "wasm-bindgen-test_bg.wasm"),
        (name = "samesocket.wasm", wasm = embed "samesocket.wasm"),
      ],
      bindings = [(name = "SERVER", text = ${JSON.stringify(server)}), (name = "TESTS", json = ${JSON.stringify(JSON.stringify(tests))})],
      compatibilityDate = "2026-11-01",
    )),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
);
`;
  const path = join(folder, "config.capnp");
  writeFileSync(path, config);
  return path;
}

const [command, ...options] = commands[runtime]();
const started = spawn(command, options, { stdio: ["ignore", "pipe", "inherit"] });
let output = "";
started.stdout.on("data", (data) => {
  output += data;
  process.stdout.write(data);
  // A worker whose connections are still open keeps workerd running.
  const [, result] = /^test result: (\w+).*\n/m.exec(output) ?? [];
  if (runtime === "workerd" && result) {
    started.kill();
    process.exitCode = result === "ok" ? 0 : 1;
  }
});
started.on("error", (error) => {
  throw error;
});
started.on("exit", (status) => (process.exitCode ??= status ?? 1));
