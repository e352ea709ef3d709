// Runs one test of the web-platform-tests in a JavaScript runtime outside browsers, for `cargo xtask wpt --runtimes`.
//
// The argument is the address of the test's page. Its scripts are loaded from SAMESOCKET_SOURCE, the page's address without TLS,
// and run in the global scope, as a page runs them. SAMESOCKET_RESULTS is the file for the results, SAMESOCKET_LIMIT the time limit in milliseconds, and
// SAMESOCKET_CLASS the folder of the npm package, unless the runtime's own class is tested.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";

const { SAMESOCKET_RESULTS: file, SAMESOCKET_LIMIT: limit, SAMESOCKET_CLASS: folder } = process.env;
const address = new URL(process.argv.at(-1));
// The tests' server ends TLS in a way that Deno takes for an error.
const from = new URL(process.env.SAMESOCKET_SOURCE);

/** Returns the scripts of a page, with their addresses, and its title. */
async function readPage() {
  const page = await load(from);
  const [, title = ""] = /<title>([^]*?)<\/title>/i.exec(page) ?? [];
  const scripts = [];
  for (const [, attributes, inline] of page.matchAll(/<script\b([^>]*)>([^]*?)<\/script>/gi)) {
    const [, quoted, plain] = /\bsrc\s*=\s*(?:["'](.*?)["']|([^\s>]+))/i.exec(attributes) ?? [];
    const source = quoted ?? plain;
    if (source === undefined) scripts.push({ text: inline, filename: String(address) });
    else if (!source.endsWith("/testharnessreport.js")) {
      const url = new URL(source, from);
      scripts.push({ text: await load(url), filename: String(url) });
    }
  }
  return { scripts, title };
}

async function load(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.text();
}

/** Replaces the classes by those of the npm package. */
async function replaceClasses() {
  const entry = (name) => import(pathToFileURL(join(folder, `dist/${name}.node.js`)));
  await entry("auto");
  const { WebSocketStream, WebSocketError } = await entry("stream");
  Object.assign(globalThis, { WebSocketStream, WebSocketError });
}

/** Sets the globals of a page that a runtime lacks. Relative addresses are relative to the page, as in one. */
function imitatePage(title) {
  const { fetch } = globalThis;
  const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  for (const name of ["self", "window"]) define(name, globalThis);
  // The tests of the interfaces' shape take the global object for a window.
  if (!globalThis.Window) define("Window", class Window {});
  if (globalThis.location?.href !== address.href) define("location", address);
  define("META_TITLE", title);
  define("fetch", (input, init) => fetch(typeof input === "string" ? new URL(input, address) : input, init));
}

/** Lets the harness see exceptions that nothing catches. In Node, the global object is no EventTarget. */
function passExceptionsOn() {
  if (globalThis.Deno) {
    const keepRunning = (event) => event.preventDefault();
    for (const type of ["error", "unhandledrejection"]) addEventListener(type, keepRunning);
    return;
  }
  const listeners = { error: [], unhandledrejection: [] };
  globalThis.addEventListener = (type, listener) => listeners[type]?.push(listener);
  const pass = (type, event) => listeners[type].forEach((listener) => listener(event));
  process.on("uncaughtException", (error) => pass("error", { error, message: String(error?.message ?? error) }));
  process.on("unhandledRejection", (reason) => pass("unhandledrejection", { reason }));
}

function finish(results) {
  const kind = globalThis.WebSocket === own ? "platform" : "samesocket";
  writeFileSync(file, JSON.stringify({ class: kind, ...results }));
  process.exit(0);
}

function report(tests, harness) {
  finish({
    harness: ["OK", "ERROR", "TIMEOUT", "PRECONDITION_FAILED"][harness.status] ?? String(harness.status),
    message: String(harness.message ?? ""),
    tests: tests.map(({ name, status, message }) => ({
      name: name.toWellFormed(),
      status: ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"][status] ?? String(status),
      message: String(message ?? "").toWellFormed(),
    })),
  });
}

const own = globalThis.WebSocket;
if (folder) await replaceClasses();
const { scripts, title } = await readPage();
imitatePage(title);
passExceptionsOn();
const afterwards = globalThis.setTimeout;
let isPrepared = false;
for (const { text, filename } of scripts) {
  try {
    runInThisContext(text, { filename });
  } catch (exception) {
    finish({ harness: "ERROR", message: String(exception), tests: [] });
  }
  if (!isPrepared && globalThis.add_completion_callback) {
    isPrepared = true;
    // The harness has no time limit outside of pages.
    globalThis.setup({ explicit_timeout: true });
    globalThis.add_completion_callback(report);
    afterwards(() => globalThis.timeout(), Number(limit));
  }
}
