// The platform's class, and how its members are reached whatever becomes of its prototype.

const { addEventListener, removeEventListener } = EventTarget.prototype;
const { apply, construct } = Reflect;

/** What is needed of a platform: its `WebSocket`, and `CloseEvent` where a connection fails without one. */
export class Platform {
  constructor({ WebSocket, CloseEvent = globalThis.CloseEvent ?? OwnCloseEvent }) {
    this.isThere = typeof WebSocket === "function";
    if (!this.isThere) return;
    const { prototype } = WebSocket;
    const find = (name) => Object.getOwnPropertyDescriptor(prototype, name) ?? {};
    const reader = (name) => {
      const { get } = find(name);
      return get ? (socket) => apply(get, socket, []) : (socket) => socket[name];
    };
    const { set } = find("binaryType");
    const { value: send } = find("send");
    const { value: close } = find("close");

    // An engine's own class knows its objects by what they are. One that is written in JavaScript knows them by their
    // prototype, so that an object with another would be none of its own.
    const isEngines = /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(WebSocket));
    this.construct = (url, protocols, ours) => {
      const carrier = construct(WebSocket, [url, protocols], isEngines ? ours : WebSocket);
      return { carrier, target: isEngines ? carrier : construct(EventTarget, [], ours) };
    };
    this.readyState = reader("readyState");
    this.bufferedAmount = reader("bufferedAmount");
    this.extensions = reader("extensions");
    this.protocol = reader("protocol");
    this.setBinaryType = set ? (socket, value) => apply(set, socket, [value]) : (socket, value) => (socket.binaryType = value);
    this.send = send ? (socket, data) => apply(send, socket, [data]) : (socket, data) => socket.send(data);
    this.close = close ? (socket, frame) => apply(close, socket, frame) : (socket, frame) => socket.close(...frame);
    this.addEventListener = (socket, type, listener) => apply(addEventListener, socket, [type, listener, true]);
    this.removeEventListener = (socket, type, listener) => apply(removeEventListener, socket, [type, listener, true]);
    this.closeEvent = (code) => new CloseEvent("close", { code });
  }
}

/** The interface, for a platform without it: https://websockets.spec.whatwg.org/#the-closeevent-interface */
const OwnCloseEvent = { CloseEvent: class extends Event {
  constructor(type, { code = 0, reason = "", wasClean = false, ...init } = {}) {
    super(type, init);
    Object.defineProperties(this, { code: { value: code }, reason: { value: reason }, wasClean: { value: wasClean } });
  }
} }.CloseEvent;
