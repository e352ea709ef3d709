// The conversions of Web IDL that the interface needs: from any value of JavaScript to a value of an IDL type.
// https://webidl.spec.whatwg.org/#js-type-mapping

const getter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name)?.get;
const { apply, getPrototypeOf } = Reflect;

// The platform's own brand checks and sizes, as they were before any script of the page could replace them.
const TypedArray = getPrototypeOf(Uint8Array.prototype);
const typedArrayName = getter(TypedArray, Symbol.toStringTag);
const bufferOfTypedArray = getter(TypedArray, "buffer");
const bufferOfDataView = getter(DataView.prototype, "buffer");
const sizeOfTypedArray = getter(TypedArray, "byteLength");
const sizeOfDataView = getter(DataView.prototype, "byteLength");
const sizeOfBuffer = getter(ArrayBuffer.prototype, "byteLength");
const resizable = getter(ArrayBuffer.prototype, "resizable");
const sizeOfBlob = getter(Blob.prototype, "size");
const { isView } = ArrayBuffer;
const encoder = new TextEncoder();

/** Whether a value is an object; `document.all` is one, whatever `typeof` says. */
export const isObject = (value) => Object(value) === value;

/** DOMString; a symbol throws. */
export const toDOMString = (value) => `${value}`;

/** USVString: a lone surrogate becomes U+FFFD. */
export const toUSVString = (value) => `${value}`.toWellFormed();

/** [Clamp] unsigned short: the nearest number in range, and of two that are as near the even one. */
export function toClampedUnsignedShort(value) {
  const number = Math.min(Math.max(+value, 0), 65535) || 0;
  const floor = Math.floor(number);
  const rest = number - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** sequence<DOMString> or DOMString, as a list. */
export function toProtocols(value) {
  if (!isObject(value)) return [toDOMString(value)];
  const iterate = value[Symbol.iterator];
  if (iterate === undefined || iterate === null) return [toDOMString(value)];
  // What is an iterator's to decide is asked of it exactly once, as `for (of)` would not.
  const iterator = apply(iterate, value, []);
  if (!isObject(iterator)) throw new TypeError("the iterator of protocols is not an object");
  const { next } = iterator;
  const list = [];
  for (;;) {
    const result = apply(next, iterator, []);
    if (!isObject(result)) throw new TypeError("the iterator of protocols gave what is not an object");
    if (result.done) return list;
    list.push(toDOMString(result.value));
  }
}

/** BufferSource, Blob or USVString; what is none of the objects is a string. */
export function toData(value) {
  if (typeof value === "string") return value;
  if (isView(value)) {
    const buffer = apply(typedArrayName.call(value) ? bufferOfTypedArray : bufferOfDataView, value, []);
    refuse(!isBuffer(buffer), "a view on shared memory cannot be sent");
    refuse(isResizable(buffer), "a view on a resizable buffer cannot be sent");
    return value;
  }
  if (isObject(value)) {
    if (isBuffer(value)) {
      refuse(isResizable(value), "a resizable buffer cannot be sent");
      return value;
    }
    if (isBlob(value)) return value;
  }
  return toDOMString(value);
}

/** The bytes of what `toData` gave; a string is one in UTF-8, with U+FFFD for lone surrogates. */
export function sizeOf(data) {
  if (typeof data === "string") return encoder.encode(data).length;
  if (isView(data)) {
    if (typedArrayName.call(data)) return apply(sizeOfTypedArray, data, []);
    return attempt(sizeOfDataView, data) ?? 0; // it throws for a detached buffer, of which nothing is left to send
  }
  return attempt(sizeOfBuffer, data) ?? apply(sizeOfBlob, data, []);
}

/** Whether an object that `toData` gave is bytes in memory, and no Blob: that is asked first, for it costs no exception. */
export const isBytes = (data) => isView(data) || isBuffer(data);

const isBlob = (value) => attempt(sizeOfBlob, value) !== undefined;
const isBuffer = (value) => attempt(sizeOfBuffer, value) !== undefined;
const isResizable = (buffer) => resizable !== undefined && apply(resizable, buffer, []);

function attempt(get, value) {
  try {
    return apply(get, value, []);
  } catch {
    return undefined;
  }
}

function refuse(is, message) {
  if (is) throw new TypeError(message);
}
