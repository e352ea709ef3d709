// The platform's class. Its members are captured, so that later changes of its prototype have no effect.

const { addEventListener, removeEventListener } = EventTarget.prototype;
const { apply, construct } = Reflect;

/** The parts of a platform that the class uses: `WebSocket`, and `CloseEvent` for a connection that fails without one. */
export class Platform {
  constructor({ WebSocket, CloseEvent = globalThis.CloseEvent ?? OwnCloseEvent }) {
    this.isAvailable = typeof WebSocket === "function";
    if (!this.isAvailable) return;
    const { prototype } = WebSocket;
    const find = (name) => Object.getOwnPropertyDescriptor(prototype, name) ?? {};
    const reader = (name) => {
      const { get } = find(name);
      return get ? (socket) => apply(get, socket, []) : (socket) => socket[name];
    };
    const { set } = find("binaryType");
    const { value: send } = find("send");
    const { value: close } = find("close");

    // An engine's class recognizes its objects by internal slots, so they can have our prototype. A class that is written
    // in JavaScript may recognize them by their prototype, so its object is wrapped instead.
    const isNative = /\{\s*\[native code\]\s*\}\s*$/.test(Function.prototype.toString.call(WebSocket));
    this.construct = (url, protocols, ours) => {
      const platformSocket = construct(WebSocket, [url, protocols], isNative ? ours : WebSocket);
      return { platformSocket, target: isNative ? platformSocket : construct(EventTarget, [], ours) };
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

/** The CloseEvent interface, for a platform without it: https://websockets.spec.whatwg.org/#the-closeevent-interface */
const OwnCloseEvent = { CloseEvent: class extends Event {
  constructor(type, { code = 0, reason = "", wasClean = false, ...init } = {}) {
    super(type, init);
    Object.defineProperties(this, { code: { value: code }, reason: { value: reason }, wasClean: { value: wasClean } });
  }
} }.CloseEvent;
