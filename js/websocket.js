// The interface: a class of the shape that Web IDL gives it, over a platform's own.
// https://websockets.spec.whatwg.org/#the-websocket-interface

import { Connection, TYPES } from "./connection.js";
import { isObject, toClampedUnsignedShort, toData, toProtocols, toUSVString } from "./conversions.js";
import { Platform } from "./platform.js";
import { checkSubprotocols, getUrlRecord } from "./rules_bg.js";

const { construct, getPrototypeOf, setPrototypeOf } = Reflect;

const CONSTANTS = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
const BINARY_TYPES = ["blob", "arraybuffer"];

class Given {
  constructor(object) {
    return object;
  }
}

/** A place on an object of any class that nothing outside of this module can see. */
class Slot extends Given {
  #connection;

  constructor(object, connection) {
    super(object);
    this.#connection = connection;
  }

  static of(object) {
    if (!isObject(object) || !(#connection in object)) throw new TypeError("Illegal invocation: this is no WebSocket");
    return object.#connection;
  }
}

/** Makes the class over what a platform has: `{ WebSocket }`, as the global object is, or a package for Node. */
export function over(host) {
  const platform = new Platform(host);

  // The name comes from a property, which no minifier changes.
  const { WebSocket } = { WebSocket: class extends EventTarget {
    constructor(url, protocols = undefined) {
      need(arguments, "construct 'WebSocket'");
      const given = toUSVString(url);
      const names = protocols === undefined ? [] : toProtocols(protocols);
      const { prototype } = new.target;
      const record = getUrlRecord(given, parseUrl(given));
      checkSubprotocols(names);
      const { target, carrier } = establish(record, names);
      if (isObject(prototype) && prototype !== getPrototypeOf(target)) setPrototypeOf(target, prototype);
      new Slot(target, new Connection(platform, record, names, target, carrier));
      return target;
    }

    get url() {
      return Slot.of(this).url;
    }

    get readyState() {
      return Slot.of(this).readyState;
    }

    get bufferedAmount() {
      return Slot.of(this).bufferedAmount;
    }

    get extensions() {
      return Slot.of(this).extensions;
    }

    get protocol() {
      return Slot.of(this).protocol;
    }

    get binaryType() {
      return Slot.of(this).binaryType;
    }

    set binaryType(value) {
      const connection = Slot.of(this);
      const type = `${value}`;
      if (BINARY_TYPES.includes(type)) connection.setBinaryType(type);
    }

    close(code = undefined, reason = undefined) {
      const connection = Slot.of(this);
      connection.close(
        code === undefined ? undefined : toClampedUnsignedShort(code),
        reason === undefined ? undefined : toUSVString(reason),
      );
    }

    send(data) {
      const connection = Slot.of(this);
      need(arguments, "execute 'send' on 'WebSocket'");
      connection.send(toData(data));
    }
  } };

  /** Has the platform start to connect; where it refuses, the object is one that will fail. */
  function establish(record, names) {
    if (!platform.isThere) {
      throw new DOMException("this platform has no WebSocket; hand one in: over({ WebSocket })", "NotSupportedError");
    }
    try {
      return platform.construct(record, names, WebSocket);
    } catch {
      // All was checked before. What the platform still throws, for mixed content, the Standard tells by events.
      return { target: construct(EventTarget, [], WebSocket) };
    }
  }

  const { prototype } = WebSocket;
  for (const type of TYPES) Object.defineProperties(prototype, Object.getOwnPropertyDescriptors(handlerOf(type)));
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name !== "constructor") Object.defineProperty(prototype, name, { enumerable: true });
  }
  for (const [name, value] of Object.entries(CONSTANTS)) {
    Object.defineProperty(WebSocket, name, { value, enumerable: true });
    Object.defineProperty(prototype, name, { value, enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
  return WebSocket;
}

/** The attribute of an event handler. */
function handlerOf(type) {
  return {
    get [`on${type}`]() {
      return Slot.of(this).handlers[type].callback;
    },
    set [`on${type}`](value) {
      Slot.of(this).handlers[type].set(this, type, value);
    },
  };
}

/** Parses a URL against the API base URL: a document's, which a `base` element may set, or a worker's own location. */
function parseUrl(url) {
  const { document, location } = globalThis;
  try {
    return new URL(url, document ? document.baseURI : (location ?? undefined)).href;
  } catch {
    return undefined;
  }
}

function need(values, what) {
  if (values.length === 0) throw new TypeError(`Failed to ${what}: 1 argument required, but only 0 present.`);
}
