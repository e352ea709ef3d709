// The Web IDL conversions of the dictionaries: https://webidl.spec.whatwg.org/#es-dictionary

import { isObject, toEnforcedUnsignedShort, toProtocols, toUSVString } from "../conversions.js";

const { apply } = Reflect;
const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted").get;

/** Converts to WebSocketStreamOptions. */
export function toOptions(value) {
  const member = reader(value, "WebSocketStreamOptions");
  const protocols = member("protocols", toList) ?? [];
  // The getter throws for any other object.
  const signal = member("signal", (object) => (apply(isAborted, object, []), object));
  return { protocols, signal };
}

/** Converts to WebSocketCloseInfo. */
export function toCloseInfo(value) {
  const member = reader(value, "WebSocketCloseInfo");
  const closeCode = member("closeCode", toEnforcedUnsignedShort);
  return { closeCode, reason: member("reason", toUSVString) ?? "" };
}

/** Returns a function that reads and converts one member of a dictionary. Members are read in the order of their names. */
function reader(value, type) {
  if (value !== undefined && value !== null && !isObject(value)) throw new TypeError(`the value is not a ${type}`);
  return (name, convert) => {
    const member = value?.[name];
    return member === undefined ? undefined : convert(member);
  };
}

function toList(protocols) {
  if (!isIterable(protocols)) throw new TypeError("protocols is not a sequence");
  return toProtocols(protocols);
}

function isIterable(value) {
  return isObject(value) && value[Symbol.iterator] !== undefined && value[Symbol.iterator] !== null;
}
