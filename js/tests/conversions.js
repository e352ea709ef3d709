// The Web IDL conversions, value by value, and the order in which the class makes them.
// Where the package `webidl-conversions` has the conversion, it is the reference.

import {
  isObject, sizeOf, toClampedUnsignedShort, toData, toDOMString, toEnforcedUnsignedShort, toProtocols, toUSVString,
} from "../conversions.js";
import { same, show, throws, throwsThis } from "./assert.js";

const thrown = { name: "thrown by the page" };
const giving = (value) => ({ valueOf: () => value, toString: () => value });
const throwing = { valueOf: () => { throw thrown; }, toString: () => { throw thrown; } };

const NUMBERS = [
  0, -0, 0.1, 0.4999999999999999, 0.5, 0.50001, 1, 1.5, 2.5, 3.5, -0.5, -0.4, -1, -1.5, -2.5, 998.5, 999, 999.4, 999.5, 999.6,
  999.9, 999.99999999, 1000, 1000.4, 1000.5, 1000.6, 1001, 1001.5, 1004.5, 1005, 1006, 1015, 1015.5, 2998.5, 2999, 2999.4,
  2999.5, 2999.6, 3000, 3000.5, 3001.5, 3999.5, 4000, 4998.5, 4999, 4999.4, 4999.5, 4999.6, 4999.9, 5000, 5000.5, 32766.5,
  32767, 32767.5, 32768, 32768.5, 65533.5, 65534, 65534.4, 65534.5, 65534.6, 65535, 65535.1, 65535.5, 65536, 65536.5, 66536,
  70000, 131071, 131072 + 1000, 2 ** 31, 2 ** 31 - 1, 2 ** 31 + 1000, -(2 ** 31), 2 ** 32, 2 ** 32 + 1000, 2 ** 53, 2 ** 53 - 1,
  2 ** 53 + 2, -(2 ** 53), 2 ** 63, 2 ** 64, 2 ** 64 + 1000, 1e21, 1e300, -1e300, 5e-324, -5e-324, NaN, Infinity, -Infinity,
  Number.MAX_VALUE, Number.MIN_VALUE, Number.EPSILON, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER,
];

const STRINGS = [
  "", " ", "\n", "\t 1000 \r\n", "1000", "01000", "+1000", "-1000", "1e3", "1E3", "0x3e8", "0X3E8", "0b1111101000", "0o1750",
  "-0x3e8", "1_000", "1000n", "1,000", "1000.0", "1000.5", "1001.5", ".5", "5.", ".", "Infinity", "-Infinity", "infinity", "NaN",
  "null", "undefined", "true", "[object Object]", "１０００", "1000\u00a0", "\ufeff1000", "\u200b1000", "1000\0", "abc", "ä",
  "€", "😀", "\ud83d", "\ude00", "\ude00\ud83d", "a\ud83d", "\ud83da", "\ud83d\ud83d\ude00", "x".repeat(200) + "\udfff", "\uffff",
  "\ufffd", "\u0000", "e\u0301", "\ud800\udc00", "\udbff\udfff", "\ud7ff\ue000",
];

const OTHERS = [
  undefined, null, true, false, 0n, 1n, 1000n, -1n, 2n ** 64n, Symbol("s"), Symbol.iterator, Object(Symbol("s")), {},
  [], [1000], ["1000"], [1000, 1], [[1000.5]], [null], [undefined], [[]], ["a", "b"], [Symbol("s")], [1n], () => 1, class A {},
  function named() {}, /re/g, new Date(0), new Date(NaN), new Error("e"), new Map([[1, 2]]), new Set([1]), new WeakMap(),
  Promise.resolve(1), new Boolean(false), new Boolean(true), new Number(1000), new Number(999.5), new Number(NaN), new String(""),
  new String("1000"), new String("\ud83d"), Math, JSON, Object.create(null), Object.create({ valueOf: () => 1000 }), giving(1000),
  giving(999.5), giving(2 ** 16 + 1000), giving("1000"), giving("\udc00"), giving(null), giving(undefined), giving(true),
  giving(Symbol("s")), giving({}), giving(NaN), throwing, { valueOf: 1, toString: () => "1000" },
  { valueOf: () => ({}), toString: () => "3000.5" }, { valueOf: () => ({}), toString: () => ({}) }, { valueOf: null, toString: null },
  { [Symbol.toPrimitive]: () => 1000 }, { [Symbol.toPrimitive]: (hint) => hint }, 
  { [Symbol.toPrimitive]: () => ({}) }, { [Symbol.toPrimitive]: 1 }, { [Symbol.toPrimitive]: undefined, valueOf: () => 4999.5 },
  { [Symbol.toPrimitive]: null, toString: () => "\ud800" }, { [Symbol.toPrimitive]: () => { throw thrown; } },
  new Proxy({}, {}), new Proxy([1000], {}), new Proxy(() => 1, {}), new Uint8Array([1, 2]), new Float64Array([999.5]), new ArrayBuffer(2),
  new DataView(new ArrayBuffer(1)), Symbol, globalThis.Intl, (function () { return arguments; })(1000), Object(""), [,], [, 1], [-0],
];

/** The values to convert. */
export const VALUES = [...NUMBERS, ...NUMBERS.slice(0, 20).map(Object), ...STRINGS, ...OTHERS];

const CONVERSIONS = [
  ["[Clamp] unsigned short", toClampedUnsignedShort, (reference) => (value) => reference["unsigned short"](value, { clamp: true })],
  ["[EnforceRange] unsigned short", toEnforcedUnsignedShort, (reference) => (value) => reference["unsigned short"](value, { enforceRange: true })],
  ["USVString", toUSVString, (reference) => reference.USVString],
  ["DOMString", toDOMString, (reference) => reference.DOMString],
];

/**
 * Returns the tests. `url` is one that never connects.
 *
 * `reference` is the package `webidl-conversions`. It is undefined in engines, because not every context can load it.
 */
export function tests(WebSocket, url, reference) {
  const list = [];
  const test = (name, run) => list.push([`conversions: ${name}`, run]);

  for (const [type, ours, find] of reference ? CONVERSIONS : []) {
    const theirs = find(reference);
    test(`${VALUES.length} values to ${type}`, () => {
      same(VALUES.length >= 200, true, "the table is long enough");
      for (const value of VALUES) same(outcome(ours, value), outcome((value) => theirs(value), value), show(value));
    });
  }

  test("BigInt in an object throws", () => {
    // ToNumber throws for it. The package uses `Number()`, which does not.
    for (const value of [Object(1000n), giving(1000n), { [Symbol.toPrimitive]: () => 1000n }]) {
      throws("TypeError", () => toClampedUnsignedShort(value));
    }
  });

  test("protocols is an iterable or one string", () => {
    const lists = [
      [[], []], [["a"], ["a"]], [new Set(["b", "a"]), ["b", "a"]], [new String("ab"), ["a", "b"]], [[1, null], ["1", "null"]],
      [(function* () { yield "x"; yield "y"; })(), ["x", "y"]], ["ab", ["ab"]], ["", [""]], [null, ["null"]], [5, ["5"]],
      [{}, ["[object Object]"]], [{ [Symbol.iterator]: null }, ["[object Object]"]], [new Map([["k", 1]]), ["k,1"]],
      [{ [Symbol.iterator]: undefined, toString: () => "s" }, ["s"]], [[["a", "b"]], ["a,b"]], [[,], ["undefined"]],
      [Object.assign(() => {}, { [Symbol.iterator]: () => ["f"][Symbol.iterator]() }), ["f"]], [true, ["true"]], [1n, ["1"]],
    ];
    for (const [value, expected] of lists) same(toProtocols(value), expected);
    const bad = [
      { [Symbol.iterator]: 1 }, { [Symbol.iterator]: {} }, { [Symbol.iterator]: () => 1 }, { [Symbol.iterator]: () => ({}) },
      { [Symbol.iterator]: () => ({ next: () => 1 }) }, Symbol("s"), [Symbol("s")], { toString: () => ({}), valueOf: null },
    ];
    for (const value of bad) throws("TypeError", () => toProtocols(value));
    throwsThis(thrown, () => toProtocols([throwing]));
    throwsThis(thrown, () => toProtocols({ get [Symbol.iterator]() { throw thrown; } }));
    throwsThis(thrown, () => toProtocols((function* () { yield "a"; throw thrown; })()));
  });

  test("size of a string is that of its UTF-8, whatever lies where it is sliced", () => {
    const encoder = new TextEncoder();
    for (const character of ["a", "\u00e9", "\u20ac", "\u{1f600}", "\ud800", "\udc00"]) {
      for (const before of [0, 1, 1021, 1022, 1023, 1024, 2047, 2048]) {
        const text = `${"x".repeat(before)}${character}\udc00${character.repeat(3)}`;
        same(sizeOf(text), encoder.encode(text).length, show([before, character]));
      }
    }
  });

  test("iterator is called as in Web IDL", () => {
    const asked = [];
    const watch = (name, object) => new Proxy(object, {
      get: (target, key, self) => (asked.push(`${name}.${String(key)}`), Reflect.get(target, key, self)),
    });
    const results = [{ done: 0, value: "a" }, { done: 1, value: "never" }];
    const iterator = watch("iterator", { next: () => watch("result", results.shift()), return: () => asked.push("closed") });
    same(toProtocols(watch("value", { [Symbol.iterator]: () => iterator })), ["a"]);
    const expected = ["value.Symbol(Symbol.iterator)", "iterator.next", "result.done", "result.value", "result.done"];
    same(asked, expected);
  });

  test("send passes buffers, views and blobs, converts the rest", () => {
    const buffer = new ArrayBuffer(8);
    const objects = [buffer, new Uint8Array(buffer, 2, 3), new Float64Array(1), new BigInt64Array(1), new DataView(buffer, 1), new Blob(["x"])];
    for (const object of objects) same(toData(object) === object, true, show(object));
    for (const value of VALUES.filter((value) => !isObject(value) || !(ArrayBuffer.isView(value) || value instanceof ArrayBuffer))) {
      same(outcome(toData, value), outcome((value) => `${value}`, value), show(value));
    }
    same(toData({ __proto__: Blob.prototype, toString: () => "no blob" }), "no blob");
    same(toData({ __proto__: Uint8Array.prototype, toString: () => "no view" }), "no view");
  });

  test("send rejects shared and resizable memory", () => {
    const resizable = new ArrayBuffer(4, { maxByteLength: 8 });
    if (resizable.resizable) {
      for (const value of [resizable, new Uint8Array(resizable), new DataView(resizable)]) throws("TypeError", () => toData(value));
    }
    if (typeof SharedArrayBuffer === "function") {
      const shared = new SharedArrayBuffer(4);
      for (const value of [shared, new Uint8Array(shared), new DataView(shared)]) throws("TypeError", () => toData(value));
    }
  });

  test("arguments are converted in order, before any check", () => {
    const order = [];
    const logged = (name, value) => ({ toString: () => (order.push(name), value) });
    const protocols = { [Symbol.iterator]: () => (order.push("protocols"), [logged("element", "a/b")][Symbol.iterator]()) };
    throws("SyntaxError", () => new WebSocket(logged("url", "no url: //"), protocols));
    same(order, ["url", "protocols", "element"]);
    throwsThis(thrown, () => new WebSocket("no url: //", [throwing]));
    throwsThis(thrown, () => new WebSocket(throwing, { get [Symbol.iterator]() { throw new Error("too early"); } }));
    throws("TypeError", () => new WebSocket(Symbol("s")));
  });

  test("close and send convert first, and pass exceptions through", () => {
    const socket = new WebSocket(url);
    throwsThis(thrown, () => socket.close(throwing, "x".repeat(200)));
    throwsThis(thrown, () => socket.close(0, throwing));
    throws("TypeError", () => socket.close(1000n));
    throws("TypeError", () => socket.close(Symbol("s")));
    throwsThis(thrown, () => socket.send(throwing));
    throws("TypeError", () => socket.send(Symbol("s")));
    same(throws("InvalidStateError", () => socket.send("x")).code, 11);
    const codes = [[0, "InvalidAccessError", 15], [null, "InvalidAccessError", 15], ["x", "InvalidAccessError", 15], [66536, "InvalidAccessError", 15]];
    for (const [code, name, legacy] of codes) same(throws(name, () => socket.close(code, "x".repeat(200))).code, legacy);
    same(throws("SyntaxError", () => socket.close(1000, "é".repeat(62))).code, 12);
    same(socket.readyState, 0);
    socket.close(undefined, undefined);
    same(socket.readyState, 2);
  });

  test("exception is a DOMException that names the invalid part", () => {
    const url = throws("SyntaxError", () => new WebSocket("ws://host/#fragment"));
    same([url instanceof DOMException, url.code, url.message], [true, 12, 'the URL "ws://host/#…" has a fragment']);
    const protocol = throws("SyntaxError", () => new WebSocket("ws://host/", ["ok", "chat/2"]));
    same(protocol.message, `a subprotocol is not a token: '/' at position 4 is not allowed`);
  });

  return list;
}

function outcome(convert, value) {
  try {
    return { gives: convert(value) };
  } catch (error) {
    return { throws: error?.name ?? error };
  }
}
