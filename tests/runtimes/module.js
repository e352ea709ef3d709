// The globals of the tests in workerd, which stand in a module of their own so that they exist before the tests are loaded.

import module from "./tests.wasm";

globalThis.samesocketTests = module;
globalThis.__wbgtest_og_console_log = console.log;
globalThis.__wbgtest_og_console_error = console.error;
globalThis.__wbg_test_invoke = (test) => test();
