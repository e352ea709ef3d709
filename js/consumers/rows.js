// The runtimes and bundlers in which the package is tested. Each row becomes a test, and a row of the README's table.

import { symlink, writeFile } from "node:fs/promises";
import path from "node:path";

import resolve from "@rollup/plugin-node-resolve";
import * as esbuild from "esbuild";
import { Miniflare } from "miniflare";
import { rollup } from "rollup";
import * as vite8 from "vite";
import * as vite6 from "vite6";
import * as vite7 from "vite7";
import webpack from "webpack";

import { bin, html, node24, run, runProgram, startServer } from "./tools.js";

/** The output of every program. */
const PASSED = [
  "WebSocket",
  "SyntaxError",
  "a subprotocol is not a token: '/' at position 4 is not allowed",
  8,
  "hello",
  3001,
  "bye",
  true,
  1006,
  "",
  false,
  "close",
];
const WITHOUT_CLASS = ["undefined", "function", "NotSupportedError"];
const STREAMED = ["WebSocketStream", "hello", 3001, "bye"];
const STREAM = '`import … from "samesocket/stream"`';
const IMPORT = '`import … from "samesocket"`';
const REQUIRE = '`require("samesocket")`';
const IMPORT_MAP = `<script type="importmap">${JSON.stringify({
  imports: Object.fromEntries(
    [["samesocket", "index"], ["samesocket/fetch", "fetch"]].map(([name, file]) => [name, `./node_modules/samesocket/dist/${file}.js`]),
  ),
})}</script>`;
const FETCH = '`import … from "samesocket/fetch"`';

/** Bundles with webpack. */
function pack(folder, entry, options) {
  const compiler = webpack({
    context: folder,
    entry,
    mode: "production",
    output: { path: path.join(folder, "out"), publicPath: "auto" },
    performance: { hints: false },
    ...options,
  });
  return new Promise((done, fail) =>
    compiler.run((error, stats) => {
      if (error ?? stats.hasErrors()) fail(error ?? new Error(stats.toString("errors-only")));
      else compiler.close(done);
    }),
  );
}

const build = (folder, entry, options) =>
  esbuild.build({
    absWorkingDir: folder,
    entryPoints: [entry],
    outdir: "out",
    bundle: true,
    logLevel: "silent",
    ...options,
  });

const scriptModule = (path) => `<script type="module" src="${path}"></script>`;
const classicScript = (path) => `<script src="${path}"></script>`;

/** Returns a row for a program that a page runs. `make` returns the content of the page. */
const page = (title, imports, tool, make) => ({
  title,
  imports,
  tool,
  expected: PASSED,
  async start({ folder, browser }) {
    await writeFile(path.join(folder, "page.html"), html(await make(folder)));
    return browser.show(folder, "page.html");
  },
});

/** Returns a row for a program that a runtime runs. `make` returns the command. */
const program = (title, imports, tool, make, expected = PASSED) => ({
  title,
  imports,
  tool,
  expected,
  start: async ({ folder, server }) => runProgram(folder, await make(folder), server),
});

// In Node, a bundle with the entry for pages passes as well. In Bun and Deno only one with the entry for them does.
const runBy = { Bun: (file) => [bin("bun"), file], Deno: (file) => [bin("deno"), "run", "--allow-net", file] };

/** Returns the rows of one version of Vite. */
const viteRows = (vite, name) => [
  page("Vite, build", IMPORT, name, async (folder) => {
    await writeFile(path.join(folder, "index.html"), html(scriptModule("./page.js")));
    await vite.build({ root: folder, base: "./", logLevel: "silent", build: { outDir: "out", rollupOptions: { output: { entryFileNames: "page.js" } } } });
    return scriptModule("out/page.js");
  }),
  {
    title: "Vite, dev server",
    imports: IMPORT,
    tool: name,
    expected: PASSED,
    async start({ folder, browser }) {
      await writeFile(path.join(folder, "index.html"), html(scriptModule("./page.js")));
      const server = await vite.createServer({ root: folder, logLevel: "silent", server: { host: "127.0.0.1", port: 0 } });
      await server.listen();
      try {
        const { port } = server.httpServer.address();
        return await browser.showUrl(`http://127.0.0.1:${port}/index.html`);
      } finally {
        await server.close();
      }
    },
  },
  program("Vite, build for a server with `noExternal`, run by Bun", IMPORT, name, async (folder) => {
    await vite.build({ root: folder, logLevel: "silent", ssr: { noExternal: true }, build: { ssr: "program.js", outDir: "out" } });
    return runBy.Bun("out/program.js");
  }),
];

export const ROWS = [
  page("no bundler, import map", IMPORT, "chromium", () => `${IMPORT_MAP}${scriptModule("page.js")}`),
  page("no bundler, import map", FETCH, "chromium", () => `${IMPORT_MAP}${scriptModule("fetch.js")}`),
  page("no bundler, classic script", "`samesocket/classic.js`", "chromium", () =>
    `${classicScript("node_modules/samesocket/dist/classic.js")}${classicScript("classic.js")}`),
  ...viteRows(vite8, "vite"),
  ...viteRows(vite7, "vite7"),
  ...viteRows(vite6, "vite6"),
  page("webpack", IMPORT, "webpack", async (folder) => {
    await pack(folder, "./page.js", {});
    return classicScript("out/main.js");
  }),
  page("webpack", FETCH, "webpack", async (folder) => {
    await pack(folder, "./fetch.js", {});
    return classicScript("out/main.js");
  }),
  program("webpack for Node, rendering on a server", IMPORT, "webpack", async (folder) => {
    await pack(folder, "./server.js", { target: "node" });
    return [process.execPath, "--no-experimental-websocket", "out/main.js"];
  }, WITHOUT_CLASS),
  {
    title: "Next.js, `next build`: the server, and a client component",
    imports: IMPORT,
    tool: "next",
    expected: [...PASSED, ...PASSED],
    async start({ folder, browser }) {
      for (const name of ["next", "react", "react-dom"]) {
        await symlink(path.join(import.meta.dirname, "node_modules", name), path.join(folder, "node_modules", name));
      }
      const next = path.join(folder, "node_modules/next/dist/bin/next");
      // Alone it takes 20 s.
      await run(folder, [process.execPath, next, "build", "next"], 110_000);
      const server = await startServer(folder, next, "start", "next", "-H", "127.0.0.1", "-p", "0");
      try {
        return await browser.showUrl(server.address);
      } finally {
        await server.stop();
      }
    },
  },
  program('webpack, `target: "node"`, run by Bun', IMPORT, "webpack", async (folder) => {
    await pack(folder, "./program.js", { target: "node" });
    return runBy.Bun("out/main.js");
  }),
  page("esbuild, `--format=esm`", IMPORT, "esbuild", async (folder) => {
    await build(folder, "page.js", { format: "esm" });
    return scriptModule("out/page.js");
  }),
  page("esbuild, `--format=iife`", IMPORT, "esbuild", async (folder) => {
    await build(folder, "page.js", { format: "iife" });
    return classicScript("out/page.js");
  }),
  program("esbuild, `--platform=node --format=esm`", IMPORT, "esbuild", async (folder) => {
    await build(folder, "program.js", { platform: "node", format: "esm" });
    return [node24, "out/program.js"];
  }),
  program("esbuild, `--platform=node --format=cjs`", IMPORT, "esbuild", async (folder) => {
    await build(folder, "program.js", { platform: "node", format: "cjs", outExtension: { ".js": ".cjs" } });
    return [node24, "out/program.cjs"];
  }),
  program("esbuild, `--platform=node`", REQUIRE, "esbuild", async (folder) => {
    await build(folder, "program.cjs", { platform: "node", format: "cjs", outExtension: { ".js": ".cjs" } });
    return [node24, "out/program.cjs"];
  }),
  program("esbuild, `--platform=node --format=esm`, run by Bun", IMPORT, "esbuild", async (folder) => {
    await build(folder, "program.js", { platform: "node", format: "esm" });
    return runBy.Bun("out/program.js");
  }),
  program("esbuild, `--platform=node --format=esm`, run by Deno", IMPORT, "esbuild", async (folder) => {
    await build(folder, "program.js", { platform: "node", format: "esm" });
    return runBy.Deno("out/program.js");
  }),
  program("esbuild, `--platform=node`, run by Bun", REQUIRE, "esbuild", async (folder) => {
    await build(folder, "program.cjs", { platform: "node", format: "cjs", outExtension: { ".js": ".cjs" } });
    return runBy.Bun("out/program.cjs");
  }),
  program("esbuild, `--platform=node`", `${IMPORT}, ${REQUIRE}`, "esbuild", async (folder) => {
    await build(folder, "both.cjs", { platform: "node", format: "cjs", outExtension: { ".js": ".cjs" } });
    return [node24, "out/both.cjs"];
  }, [true]),
  program("esbuild, `--platform=node --format=esm`, run by Deno", STREAM, "esbuild", async (folder) => {
    await build(folder, "stream.js", { platform: "node", format: "esm" });
    return runBy.Deno("out/stream.js");
  }, STREAMED),
  program("Rollup with node-resolve, run by Deno", IMPORT, "rollup", async (folder) => {
    const bundle = await rollup({ input: path.join(folder, "program.js"), plugins: [resolve({ exportConditions: ["node"] })] });
    await bundle.write({ dir: path.join(folder, "out"), format: "es" });
    return runBy.Deno("out/program.js");
  }),
  page("Rollup with node-resolve", IMPORT, "rollup", async (folder) => {
    const bundle = await rollup({ input: path.join(folder, "page.js"), plugins: [resolve({ browser: true })] });
    await bundle.write({ dir: path.join(folder, "out"), format: "es" });
    return scriptModule("out/page.js");
  }),
  page("`bun build`", IMPORT, "bun", async (folder) => {
    await run(folder, [bin("bun"), "build", "page.js", "--outdir=out"]);
    return scriptModule("out/page.js");
  }),
  program("`bun build --target=bun`", IMPORT, "bun", async (folder) => {
    await run(folder, [bin("bun"), "build", "program.js", "--target=bun", "--outdir=out"]);
    return [bin("bun"), "out/program.js"];
  }),
  program("`bun build --target=node`", IMPORT, "bun", async (folder) => {
    await run(folder, [bin("bun"), "build", "program.js", "--target=node", "--outdir=out"]);
    return [node24, "out/program.js"];
  }),
  program("`bun build --compile`", IMPORT, "bun", async (folder) => {
    await run(folder, [bin("bun"), "build", "program.js", "--compile", "--outfile=out/program"]);
    return ["out/program"];
  }),
  program("Node without a class", "`over(undici)`", "node", () => [process.execPath, "undici.js"]),
  program("Node", IMPORT, "node24", () => [node24, "program.js"]),
  program("Node", REQUIRE, "node24", () => [node24, "program.cjs"]),
  program("Node, `import` and `require` together", `${IMPORT}, ${REQUIRE}`, "node24", () => [node24, "both.cjs"], [true]),
  program("Node", STREAM, "node24", () => [node24, "stream.js"], STREAMED),
  program("Node", '`require("samesocket/stream")`', "node24", () => [node24, "stream.cjs"], STREAMED),
  program("Deno, `--allow-net`", STREAM, "deno", () => [bin("deno"), "run", "--allow-net", "stream.js"], STREAMED),
  program("Deno, `--allow-net --unstable-net`", STREAM, "deno", () => [bin("deno"), "run", "--allow-net", "--unstable-net", "stream.js"], STREAMED),
  program("Bun", STREAM, "bun", () => [bin("bun"), "stream.js"], STREAMED),
  program("Deno, `--allow-net`", IMPORT, "deno", () => [bin("deno"), "run", "--allow-net", "program.js"]),
  program("Deno, `--allow-net`", REQUIRE, "deno", () => [bin("deno"), "run", "--allow-net", "program.cjs"]),
  program("Deno, `import` and `require` together", `${IMPORT}, ${REQUIRE}`, "deno", () => [bin("deno"), "run", "both.cjs"], [true]),
  program("Bun", IMPORT, "bun", () => [bin("bun"), "program.js"]),
  program("Bun", REQUIRE, "bun", () => [bin("bun"), "program.cjs"]),
  program("Bun, `import` and `require` together", `${IMPORT}, ${REQUIRE}`, "bun", () => [bin("bun"), "both.cjs"], [true]),
  {
    title: "Cloudflare Workers, bundled by wrangler",
    imports: IMPORT,
    tool: "wrangler",
    expected: PASSED,
    async start({ folder, server }) {
      await writeFile(path.join(folder, "wrangler.json"), JSON.stringify({ name: "worker", main: "worker.js", compatibility_date: "2026-01-01" }));
      await run(folder, [bin("wrangler"), "deploy", "--dry-run", "--outdir=out"]);
      const worker = new Miniflare({
        scriptPath: path.join(folder, "out/worker.js"),
        modulesRoot: path.join(folder, "out"),
        modules: true,
        modulesRules: [{ type: "CompiledWasm", include: ["**/*.wasm"] }],
        compatibilityDate: "2026-01-01",
        // Otherwise it asks a server on the internet for these values.
        cf: false,
      });
      try {
        return await (await worker.dispatchFetch(`http://worker/?server=${server}`)).json();
      } finally {
        await worker.dispose();
      }
    },
  },
];
