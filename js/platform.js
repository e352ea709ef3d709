// The platform's class. Its members are captured, so that later changes of its prototype have no effect.
//
// An engine's class is used as it is. A class that is written in JavaScript may deviate in any way: its attributes may be
// missing or throw, its events may be of classes of its own. What it reports is brought into the Standard's form here.

import { copyBytes, isAnyBytes, isBytes } from "./conversions.js";

const { dispatchEvent } = EventTarget.prototype;
const { apply, construct, get: getProperty } = Reflect;
const { toString } = Function.prototype;

/** The parts of a platform that the class uses: `WebSocket`, and the events for a class that is written in JavaScript. */
export class Platform {
  constructor(host, isWrapped) {
    const { WebSocket } = host;
    this.isAvailable = typeof WebSocket === "function";
    if (!this.isAvailable) return;
    const CloseEvent = eventClass(host, "CloseEvent") ?? eventClass(globalThis, "CloseEvent") ?? OwnCloseEvent;
    this.closeEvent = (values) => new CloseEvent("close", values);

    // An engine's class recognizes its objects by internal slots, so they can have our prototype. A class that is written
    // in JavaScript may recognize them by their prototype, so its object is wrapped instead.
    const isNative = !isWrapped && isEngines(WebSocket);
    this.construct = (url, protocols, ours) => {
      const platformSocket = construct(WebSocket, [url, protocols], isNative ? ours : WebSocket);
      return { platformSocket, target: isNative ? platformSocket : construct(EventTarget, [], ours) };
    };
    captureMembers(this, WebSocket.prototype, isNative);
    if (!isNative) tolerateDeviations(this, eventClass(host, "MessageEvent") ?? MessageEvent);
  }
}

/**
 * Returns whether a class is an engine's own.
 *
 * The source of a Proxy and of a bound function looks similar, but has another name or no prototype. Their objects may be of
 * any class.
 */
function isEngines(Class) {
  const [, name] = /^function (\w+)\(\)\s*\{\s*\[native code\]\s*\}\s*$/.exec(apply(toString, Class, [])) ?? [];
  return name !== undefined && name === Class.name && Object.hasOwn(Class, "prototype");
}

/** Captures the members of an engine's class. A member that is not on the prototype is looked up on the object. */
function captureMembers(platform, prototype, captures) {
  const find = (name) => Object.getOwnPropertyDescriptor(prototype ?? {}, name) ?? {};
  const reader = (name) => {
    const { get } = find(name);
    return get ? (socket) => apply(get, socket, []) : (socket) => socket[name];
  };
  const { set } = find("binaryType");
  const { value: send } = find("send");
  const { value: close } = find("close");
  // `ws` is no EventTarget, and has methods of the same names.
  const { addEventListener, removeEventListener } = prototype instanceof EventTarget ? EventTarget.prototype : {};

  platform.readyState = reader("readyState");
  platform.bufferedAmount = reader("bufferedAmount");
  platform.extensions = reader("extensions");
  platform.protocol = reader("protocol");
  platform.setBinaryType = set ? (socket, value) => apply(set, socket, [value]) : (socket, value) => (socket.binaryType = value);
  platform.send = send ? (socket, data) => apply(send, socket, [data]) : (socket, data) => socket.send(data);
  platform.close = close ? (socket, frame) => apply(close, socket, frame) : (socket, frame) => socket.close(...frame);
  platform.addEventListener = (socket, type, listener) =>
    apply(addEventListener ?? socket.addEventListener, socket, [type, listener, captures]);
  platform.removeEventListener = (socket, type, listener) =>
    apply(removeEventListener ?? socket.removeEventListener, socket, [type, listener, captures]);
  platform.dispatch = (target, event) => apply(dispatchEvent, target, [event]);
  platform.closed = (event) => event;
}

/** Replaces the members that a class in JavaScript may lack or get wrong. */
function tolerateDeviations(platform, MessageEvent) {
  const { readyState, bufferedAmount, extensions, protocol, send, setBinaryType } = platform;
  platform.readyState = (socket) => typed(readyState, socket, 0);
  platform.bufferedAmount = (socket) => typed(bufferedAmount, socket, 0);
  platform.extensions = (socket) => typed(extensions, socket, "");
  platform.protocol = (socket) => typed(protocol, socket, "");
  // A class may queue the data itself, and read it or its size later. Meanwhile the program may change or detach it.
  platform.send = (socket, data) => send(socket, typeof data === "object" && isBytes(data) ? copyBytes(data) : data);
  platform.setBinaryType = (socket, value) => {
    try {
      setBinaryType(socket, value);
    } catch {
      // The class does not have this type. Messages are converted to it when they arrive.
    }
  };

  /** Creates the `message` event to fire for one of the platform's. */
  platform.messageEvent = (event, type, origin) => new MessageEvent("message", {
    data: toBinaryType(event?.data, type),
    origin,
    lastEventId: typed(getProperty, event, "", "lastEventId"),
  });

  /** Returns the values of a `close` event, of which any may be missing. */
  platform.closed = (event) => {
    const reported = typed(getProperty, event, -1, "code");
    const hasCode = Number.isInteger(reported) && reported >= 0 && reported <= 65535;
    const wasClean = typed(getProperty, event, hasCode && reported !== 1006, "wasClean");
    const reason = typed(getProperty, event, "", "reason");
    return { code: hasCode ? reported : wasClean ? 1005 : 1006, reason, wasClean };
  };
}

/** Calls `read`. If that throws, or returns another type than that of `otherwise`, returns `otherwise`. */
function typed(read, from, otherwise, name) {
  try {
    const value = read(from, name);
    return typeof value === typeof otherwise ? value : otherwise;
  } catch {
    return otherwise;
  }
}

/** Converts the data of a message. Bytes of any form get the given type; all else is left as it is. */
function toBinaryType(data, type) {
  if (!isAnyBytes(data) || (type === "arraybuffer" && data instanceof ArrayBuffer)) return data;
  const bytes = copyBytes(data);
  return type === "blob" ? new Blob([bytes]) : bytes.buffer;
}

/** Returns a host's class of events, if it can be dispatched. */
function eventClass(host, name) {
  return host[name]?.prototype instanceof Event ? host[name] : undefined;
}

/** The CloseEvent interface, for a platform without it: https://websockets.spec.whatwg.org/#the-closeevent-interface */
const OwnCloseEvent = { CloseEvent: class extends Event {
  constructor(type, { code = 0, reason = "", wasClean = false, ...init } = {}) {
    super(type, init);
    Object.defineProperties(this, { code: { value: code }, reason: { value: reason }, wasClean: { value: wasClean } });
  }
} }.CloseEvent;
