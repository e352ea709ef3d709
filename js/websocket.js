// The WebSocket class, with the shape that Web IDL defines, over a platform's class.
// https://websockets.spec.whatwg.org/#the-websocket-interface

import { Connection, TYPES } from "./connection.js";
import { isObject, toClampedUnsignedShort, toData, toProtocols, toUSVString } from "./conversions.js";
import { isRefusal } from "./faults.js";
import { Platform } from "./platform.js";
import { checkSubprotocols, getUrlRecord } from "./rules_bg.js";

const { construct, getPrototypeOf, setPrototypeOf } = Reflect;

const CONSTANTS = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };
const BINARY_TYPES = ["blob", "arraybuffer"];

/** A base class whose constructor returns the given object, so that a subclass adds its private field to it. */
class ReturnObject {
  constructor(object) {
    return object;
  }
}

/** A private field on an object of any class, which holds its connection. */
class Slot extends ReturnObject {
  #connection;

  constructor(object, connection) {
    super(object);
    this.#connection = connection;
  }

  static of(object) {
    if (!isObject(object) || !(#connection in object)) throw new TypeError("Illegal invocation: this is not a WebSocket");
    return object.#connection;
  }
}

/**
 * Creates the class over a platform: any object with a `WebSocket`, such as the global object or a Node package.
 *
 * The entries for runtimes outside browsers pass `level`, which changes the members of the platform. The one for workerd also
 * has the platform's object wrapped, because listeners cannot capture there.
 */
export function over(host, level, isWrapped) {
  const platform = new Platform(host, isWrapped);
  level?.(platform);

  // The class gets its name from the property, which minifiers do not rename.
  const { WebSocket } = { WebSocket: class extends EventTarget {
    constructor(url, protocols = undefined) {
      requireArgument(arguments, "construct 'WebSocket'");
      const given = toUSVString(url);
      const names = protocols === undefined ? [] : toProtocols(protocols);
      const { prototype } = new.target;
      const record = getUrlRecord(given, parseUrl(given));
      checkSubprotocols(names);
      const { target, platformSocket } = establish(record, names);
      if (isObject(prototype) && prototype !== getPrototypeOf(target)) setPrototypeOf(target, prototype);
      new Slot(target, new Connection(platform, record, names, target, platformSocket));
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
      requireArgument(arguments, "execute 'send' on 'WebSocket'");
      connection.send(toData(data));
    }
  } };

  /** Starts the platform's connection. If the platform refuses, returns an object whose connection will fail. */
  function establish(record, names) {
    if (!platform.isAvailable) {
      throw new DOMException("this platform has no WebSocket; pass one with over({ WebSocket })", "NotSupportedError");
    }
    try {
      return platform.construct(record, names, WebSocket);
    } catch (exception) {
      // Any other exception is no answer about this connection: a class that cannot be constructed, a missing permission.
      if (!isRefusal(exception)) throw exception;
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

/** Creates the event handler attribute of an event type. */
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

/** Parses a URL against the API base URL: the document's, which a `base` element may set, or the worker's location. */
function parseUrl(url) {
  const { document, location } = globalThis;
  try {
    return new URL(url, document ? document.baseURI : (location ?? undefined)).href;
  } catch {
    return undefined;
  }
}

/** Throws if no argument was passed. */
function requireArgument(values, action) {
  if (values.length === 0) throw new TypeError(`Failed to ${action}: 1 argument required, but only 0 present.`);
}
