// Runs the installed tools, and pages in Chromium.

import { execFile, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const tools = path.join(import.meta.dirname, "node_modules");

/** The environment of the programs. Vite changes that of this process, where several rows run at once. */
const environment = { ...process.env };

const NAMES = { bun: "Bun", deno: "Deno", next: "Next.js", node24: "Node", rollup: "Rollup", vite: "Vite", vite6: "Vite", vite7: "Vite" };

/** Returns the path of an installed program. */
export const bin = (name) => path.join(tools, ".bin", name);

/** The Node from npm, which has a global WebSocket. */
export const node24 = ["x64", "arm64"].map((cpu) => path.join(tools, `node-linux-${cpu}/bin/node`)).find(existsSync);

/** Returns the name and the version of a tool for the table. The machine's own Node and Chromium have no fixed version. */
export function version(tool) {
  const own = { chromium: "Chromium", node: "Node 20 and newer, undici" }[tool];
  if (own) return own;
  const manifest = tool === "node24" ? path.join(path.dirname(node24), "../package.json") : path.join(tools, tool, "package.json");
  const { version } = JSON.parse(readFileSync(manifest, "utf8"));
  return `${NAMES[tool] ?? tool} ${version}`;
}

/** Runs a command in a folder, for at most `timeout` milliseconds. Returns its standard output. */
export async function run(folder, [program, ...options], timeout = 60_000) {
  const env = { ...environment, WRANGLER_SEND_METRICS: "false", NEXT_TELEMETRY_DISABLED: "1", CI: "1", NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
  delete env.NODE_TEST_CONTEXT;
  const { stdout } = await promisify(execFile)(path.resolve(folder, program), options, { cwd: folder, env, timeout });
  return stdout;
}

/**
 * Starts a server that prints its address. Returns that address, and a function that ends the server.
 *
 * Like the servers of most users, it has no global WebSocket.
 */
export async function startServer(folder, script, ...options) {
  const env = { ...environment, NODE_OPTIONS: "--no-experimental-websocket" };
  const server = spawn(process.execPath, [script, ...options], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => server.once("exit", resolve));
  const stop = async () => {
    server.kill("SIGKILL");
    await ended;
  };
  const address = new Promise((resolve, fail) => {
    let printed = "";
    server.stdout.on("data", (chunk) => {
      printed += chunk;
      const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(printed) ?? [];
      if (address) resolve(address);
    });
    server.once("error", fail);
    ended.then(() => fail(new Error(`the server printed no address: ${printed}`)));
  });
  return { address: await address, stop };
}

/** Runs a program that prints its results as the last line. */
export async function runProgram(folder, command, server) {
  const stdout = await run(folder, [...command, server]);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

/** Returns a page with this content. */
export const html = (content) => `<!doctype html>\n<meta charset="utf-8">\n<link rel="icon" href="data:,">\n${content}\n`;

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

/** The page that shows programs in frames, one for each task, and reports what they post. */
const HUB = html(`<script type="module">
const next = async () => (await fetch("/next")).json();
for (let task = await next(); task; task = await next()) {
  const frame = document.createElement("iframe");
  frame.src = task.url;
  const report = (body) => fetch("/report/" + task.id, { method: "POST", body });
  addEventListener("message", ({ data, source }) => {
    if (source === frame.contentWindow) report(JSON.stringify(data));
  });
  document.body.append(frame);
}
</script>`);

/** Chromium, which shows the pages of all rows in one window. */
export class Browser {
  #tasks = [];
  #waiting = [];
  #reports = new Map();
  #id = 0;

  /** Starts the browser, and the server of the folder `root`. */
  static async start(program, root, url) {
    const browser = new Browser();
    browser.root = root;
    browser.url = url;
    browser.server = createServer((request, response) => browser.#answer(request, response));
    await new Promise((resolve) => browser.server.listen(0, "127.0.0.1", resolve));
    browser.origin = `http://127.0.0.1:${browser.server.address().port}`;
    browser.profile = await mkdtemp(path.join(tmpdir(), "samesocket-consumers-"));
    const options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", `--user-data-dir=${browser.profile}`];
    browser.process = spawn(program, [...options, `${browser.origin}/hub`], { stdio: "ignore" });
    browser.ended = new Promise((_, fail) => {
      browser.process.once("error", fail);
      browser.process.once("exit", (code) => fail(new Error(`the browser ended with code ${code}`)));
    });
    browser.ended.catch(() => {});
    return browser;
  }

  /** Shows a page of a folder under the root. Returns what it posts. */
  show(folder, name) {
    return this.showUrl(`${this.origin}/${path.relative(this.root, folder)}/${name}`);
  }

  /** Shows a page. Returns what it posts. */
  showUrl(page) {
    const id = String(this.#id++);
    const reported = new Promise((resolve) => this.#reports.set(id, resolve));
    this.#tasks.push({ id, url: `${page}?url=${encodeURIComponent(this.url)}` });
    this.#hand();
    return Promise.race([reported, this.ended]);
  }

  async stop() {
    const ended = this.ended.catch(() => {});
    this.process.kill("SIGKILL");
    this.server.closeAllConnections();
    this.server.close();
    await ended;
    await rm(this.profile, { recursive: true, force: true, maxRetries: 10 });
  }

  #hand() {
    while (this.#tasks.length && this.#waiting.length) this.#waiting.shift().end(JSON.stringify(this.#tasks.shift()));
  }

  async #answer(request, response) {
    const { pathname } = new URL(request.url, this.origin);
    if (pathname === "/hub") return response.setHeader("content-type", "text/html").end(HUB);
    if (pathname === "/next") {
      this.#waiting.push(response);
      return this.#hand();
    }
    if (pathname.startsWith("/report/")) {
      const chunks = await request.toArray();
      this.#reports.get(path.basename(pathname))(JSON.parse(Buffer.concat(chunks)));
      return response.end();
    }
    try {
      const content = await readFile(path.join(this.root, path.normalize(pathname)));
      response.setHeader("content-type", TYPES[path.extname(pathname)] ?? "application/octet-stream").end(content);
    } catch {
      response.writeHead(404).end();
    }
  }
}
