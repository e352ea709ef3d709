// Tests the packed package in every runtime and bundler of the table. With node:test: `node --test run.js`.
//
// SAMESOCKET_TARBALL is the packed package, SAMESOCKET_SERVER the host and port of the fault server, SAMESOCKET_CHROMIUM the
// browser, SAMESOCKET_SCRATCH an empty folder, and SAMESOCKET_README the file with the table. With SAMESOCKET_BLESS, the table
// is written instead of compared.

import { deepEqual, equal } from "node:assert/strict";
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { ROWS } from "./rows.js";
import { bin, Browser, run, version } from "./tools.js";

const { SAMESOCKET_TARBALL: tarball, SAMESOCKET_SERVER: host, SAMESOCKET_CHROMIUM: chromium } = process.env;
const { SAMESOCKET_README: readme, SAMESOCKET_BLESS: bless, SAMESOCKET_SCRATCH: scratch } = process.env;
const server = `ws://${host}`;
const installed = path.join(scratch, "installed");

/** The files that have no declarations. */
const UNTYPED = ["./classic.js", "./auto.classic.js", "./samesocket.wasm"];

/** The limit in milliseconds of one test. A limit of the whole table would end the later rows with a slow one. Arbitrary. */
const TIMEOUT = 120_000;

// Half of the time of most tools is waiting.
describe("consumers", { concurrency: 3 }, () => {
  let browser;

  before(async () => {
    await mkdir(installed, { recursive: true });
    await writeFile(path.join(installed, "package.json"), '{ "name": "program", "private": true, "type": "module" }\n');
    await run(installed, ["/usr/bin/env", "npm", "install", "--offline", "--no-audit", "--no-fund", "--no-save", tarball]);
    browser = await Browser.start(chromium, scratch, server);
  });
  after(() => browser?.stop());

  ROWS.forEach((row, index) => {
    test(`${row.title} (${row.tool}): ${row.imports}`, { timeout: TIMEOUT }, async () => {
      const folder = path.join(scratch, `row${index}`);
      await cp(installed, folder, { recursive: true });
      await cp(path.join(import.meta.dirname, "programs"), folder, { recursive: true });
      if (row.tool === "node") await symlink(path.join(import.meta.dirname, "node_modules/undici"), path.join(folder, "node_modules/undici"));
      deepEqual(await row.start({ folder, server, browser }), row.expected);
    });
  });

  test("programs do not see what a bundler changes in the environment", { timeout: TIMEOUT }, async () => {
    process.env.SAMESOCKET_CHANGED = "1";
    equal(await run(scratch, [process.execPath, "--print", "process.env.SAMESOCKET_CHANGED"]), "undefined\n");
  });

  test("publint finds nothing", { timeout: TIMEOUT }, async () => {
    await run(scratch, [bin("publint"), "run", tarball, "--strict"]);
  });

  test("are-the-types-wrong finds nothing", { timeout: TIMEOUT }, async () => {
    await run(scratch, [bin("attw"), tarball, "--profile", "node16", "--exclude-entrypoints", ...UNTYPED, "./fetch"]);
    // CommonJS cannot load a module with top-level await.
    await run(scratch, [bin("attw"), tarball, "--profile", "esm-only", "--entrypoints", "./fetch"]);
  });

  test("table in the README is current", { timeout: TIMEOUT }, async () => {
    const [begin, end] = ["<!-- consumers -->\n", "<!-- /consumers -->"];
    const text = await readFile(readme, "utf8");
    const [head, rest] = text.split(begin);
    const [table, tail] = rest.split(end);
    const current = tableOf(ROWS);
    if (bless) await writeFile(readme, [head, begin, current, end, tail].join(""));
    else equal(table, current);
  });
});

/** Returns the table of the README, with a line for each row. */
function tableOf(rows) {
  const lines = rows.map(({ title, imports, tool }) => `| ${title} | ${imports} | ${version(tool)} |\n`);
  return `| runtime or bundler | what to load | tested with |\n| --- | --- | --- |\n${lines.join("")}`;
}
