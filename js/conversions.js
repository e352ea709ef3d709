// The Web IDL conversions of the interface: from any JavaScript value to a value of an IDL type.
// https://webidl.spec.whatwg.org/#js-type-mapping

const getter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name)?.get;
const { apply, getPrototypeOf } = Reflect;

// The platform's brand checks and sizes, captured before a script of the page can replace them.
const TypedArray = getPrototypeOf(Uint8Array.prototype);
const typedArrayName = getter(TypedArray, Symbol.toStringTag);
const bufferOfTypedArray = getter(TypedArray, "buffer");
const bufferOfDataView = getter(DataView.prototype, "buffer");
const offsetOfTypedArray = getter(TypedArray, "byteOffset");
const offsetOfDataView = getter(DataView.prototype, "byteOffset");
const sizeOfTypedArray = getter(TypedArray, "byteLength");
const sizeOfDataView = getter(DataView.prototype, "byteLength");
const sizeOfBuffer = getter(ArrayBuffer.prototype, "byteLength");
const resizable = getter(ArrayBuffer.prototype, "resizable");
const sizeOfBlob = getter(Blob.prototype, "size");
const { isView } = ArrayBuffer;
const [Bytes, View] = [Uint8Array, DataView];
const encoder = new TextEncoder();

/** Returns whether a value is an object. `document.all` is one, although `typeof` returns `"undefined"`. */
export const isObject = (value) => Object(value) === value;

/** Converts to DOMString. A symbol throws. */
export const toDOMString = (value) => `${value}`;

/** Converts to USVString. A lone surrogate becomes U+FFFD. */
export const toUSVString = (value) => `${value}`.toWellFormed();

/** Converts to [Clamp] unsigned short: the nearest integer in range, rounding half to even. */
export function toClampedUnsignedShort(value) {
  const number = Math.min(Math.max(+value, 0), 65535) || 0;
  const floor = Math.floor(number);
  const rest = number - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Converts to [EnforceRange] unsigned short: without the fraction. A number that is out of range throws. */
export function toEnforcedUnsignedShort(value) {
  const number = Math.trunc(+value);
  throwIf(!(number >= 0 && number <= 65535), "the number is not in the range 0 to 65535");
  return number || 0; // not -0
}

/** Converts a sequence<DOMString> or a DOMString to a list. */
export function toProtocols(value) {
  if (!isObject(value)) return [toDOMString(value)];
  const iterate = value[Symbol.iterator];
  if (iterate === undefined || iterate === null) return [toDOMString(value)];
  // Each property of the iterator is read exactly as often as Web IDL says. `for (of)` would also call `return`.
  const iterator = apply(iterate, value, []);
  if (!isObject(iterator)) throw new TypeError("the iterator of protocols is not an object");
  const { next } = iterator;
  const list = [];
  for (;;) {
    const result = apply(next, iterator, []);
    if (!isObject(result)) throw new TypeError("the iterator of protocols returned a result that is not an object");
    if (result.done) return list;
    list.push(toDOMString(result.value));
  }
}

/** Converts to BufferSource, Blob or USVString. Any other value is converted to a string. */
export function toData(value) {
  if (typeof value === "string") return value;
  if (isView(value)) {
    const buffer = bufferOf(value);
    throwIf(!isBuffer(buffer), "a view on shared memory cannot be sent");
    throwIf(isResizable(buffer), "a view on a resizable buffer cannot be sent");
    return value;
  }
  if (isObject(value)) {
    if (isBuffer(value)) {
      throwIf(isResizable(value), "a resizable buffer cannot be sent");
      return value;
    }
    if (isBlob(value)) return value;
    // Unlike Web IDL's union, which would convert it to a string: all engines throw, and a string is never what is meant.
    throwIf(isShared(value), "shared memory cannot be sent");
  }
  return toDOMString(value);
}

/** Returns the size in bytes of a result of `toData`. A string counts as UTF-8, with U+FFFD for lone surrogates. */
export function sizeOf(data) {
  if (typeof data === "string") return sizeOfText(data);
  if (isView(data)) {
    if (typedArrayName.call(data)) return apply(sizeOfTypedArray, data, []);
    return attempt(sizeOfDataView, data) ?? 0; // it throws for a detached buffer, which has no bytes left
  }
  return attempt(sizeOfBuffer, data) ?? apply(sizeOfBlob, data, []);
}

/** Returns the size of a string in bytes. It encodes a piece at a time, because memory for a copy may be short. */
function sizeOfText(text) {
  // Smaller than any whole slice, so that the end of a slice is never encoded: a surrogate pair may lie across it.
  const bytes = new Bytes(1024);
  let size = 0;
  for (let start = 0; start < text.length; ) {
    const { read, written } = encoder.encodeInto(text.slice(start, start + 1025), bytes);
    start += read;
    size += written;
  }
  return size;
}

/**
 * Returns a copy of the bytes of a buffer or view. What is detached or out of bounds has none.
 *
 * A view on a resizable buffer, or on shared memory, is copied, too.
 */
export function copyBytes(data) {
  if (!isView(data)) return new Bytes(isBuffer(data) && sizeOf(data) === 0 ? 0 : new Bytes(data));
  const size = sizeOf(data);
  if (size === 0) return new Bytes(0);
  return new Bytes(new Bytes(bufferOf(data), apply(typedArrayName.call(data) ? offsetOfTypedArray : offsetOfDataView, data, []), size));
}

/** Returns whether an object from `toData` is bytes in memory, not a Blob. This check is fast: it mostly throws nothing. */
export const isBytes = (data) => isView(data) || isBuffer(data);

/** Returns whether a value of any type is bytes in memory, shared or not. */
export const isAnyBytes = (value) => isView(value) || (isObject(value) && (isBuffer(value) || isShared(value)));

const bufferOf = (view) => apply(typedArrayName.call(view) ? bufferOfTypedArray : bufferOfDataView, view, []);
const isBlob = (value) => attempt(sizeOfBlob, value) !== undefined;
const isBuffer = (value) => attempt(sizeOfBuffer, value) !== undefined;
/** Returns whether an object is a SharedArrayBuffer. WebAssembly has them also where the class is not exposed. */
const isShared = (value) => !isBuffer(value) && attempt(viewOf, value) !== undefined;
const isResizable = (buffer) => resizable !== undefined && apply(resizable, buffer, []);

/** Views a buffer of either class. It throws for any other object, and reads none of its properties. */
function viewOf() {
  return new View(this);
}

/** Calls a getter on a value, or returns undefined if it throws. */
function attempt(get, value) {
  try {
    return apply(get, value, []);
  } catch {
    return undefined;
  }
}

function throwIf(condition, message) {
  if (condition) throw new TypeError(message);
}
