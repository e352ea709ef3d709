// Stores the results of a test in a global variable, where `cargo xtask wpt` reads them.

// Several browsers run at once and are slower than one.
setup({ output: false, timeout_multiplier: 3 });

add_completion_callback((tests, harness) => {
  globalThis.samesocketResults = {
    class: /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(WebSocket)) ? "platform" : "samesocket",
    harness: ["OK", "ERROR", "TIMEOUT", "PRECONDITION_FAILED"][harness.status] ?? String(harness.status),
    message: harness.message ?? "",
    tests: tests.map(({ name, status, message }) => ({
      name,
      status: ["PASS", "FAIL", "TIMEOUT", "NOTRUN", "PRECONDITION_FAILED"][status] ?? String(status),
      message: message ?? "",
    })),
  };
});
