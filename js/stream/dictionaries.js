// The Web IDL conversions of the dictionaries: https://webidl.spec.whatwg.org/#es-dictionary

import { isObject, toClampedUnsignedShort, toProtocols, toUSVString } from "../conversions.js";

const { apply } = Reflect;
const isAborted = Object.getOwnPropertyDescriptor(AbortSignal.prototype, "aborted").get;

/** Converts to WebSocketStreamOptions. */
export function toOptions(value) {
  const { protocols, signal } = members(value, "WebSocketStreamOptions");
  if (protocols !== undefined && !isIterable(protocols)) throw new TypeError("protocols is not a sequence");
  const list = protocols === undefined ? [] : toProtocols(protocols);
  // The getter throws for any other object.
  if (signal !== undefined) apply(isAborted, signal, []);
  return { protocols: list, signal };
}

/** Converts to WebSocketCloseInfo. */
export function toCloseInfo(value) {
  const { closeCode, reason } = members(value, "WebSocketCloseInfo");
  return {
    closeCode: closeCode === undefined ? undefined : toClampedUnsignedShort(closeCode),
    reason: reason === undefined ? "" : toUSVString(reason),
  };
}

function members(value, name) {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new TypeError(`the value is not a ${name}`);
  return value;
}

function isIterable(value) {
  return isObject(value) && value[Symbol.iterator] !== undefined && value[Symbol.iterator] !== null;
}
