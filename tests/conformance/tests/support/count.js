// Counts the live listeners of sockets, and the live closures that JavaScript may call.

{
  globalThis.aliveListeners = 0;
  globalThis.aliveClosures = 0;
  const wrap = (prototype, name, around) => {
    const original = prototype[name];
    prototype[name] = function (...args) {
      around(this, ...args);
      return original.apply(this, args);
    };
  };
  const count = (by) => (target) => {
    if (target instanceof WebSocket) aliveListeners += by;
  };
  wrap(EventTarget.prototype, "addEventListener", count(1));
  wrap(EventTarget.prototype, "removeEventListener", count(-1));
  // A closure is registered for finalization when it is created, and unregistered when it is freed. Its state, which is the token,
  // has a reference count. A platform in JavaScript registers objects of its own.
  const isClosure = (token) => typeof token?.cnt === "number";
  wrap(FinalizationRegistry.prototype, "register", (_, target, held, token) => {
    if (isClosure(token)) aliveClosures += 1;
  });
  wrap(FinalizationRegistry.prototype, "unregister", (_, token) => {
    if (isClosure(token)) aliveClosures -= 1;
  });
}
