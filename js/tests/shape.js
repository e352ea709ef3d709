// The shape of the class, member by member, generated from the IDL.

import { parse } from "webidl2";

import idl from "../WebSocket.webidl";
import { same, throws } from "./assert.js";

const definition = parse(idl).find(({ type, name }) => type === "interface" && name === "WebSocket");
const members = (type) => definition.members.filter((member) => member.type === type);
const required = ({ arguments: list }) => list.filter(({ optional, variadic }) => !optional && !variadic).length;
const describe = (object, key) => Object.getOwnPropertyDescriptor(object, key);

/** Returns the tests of a class. `url` is one that never connects. `isOurs` adds the tests that some engines fail. */
export function tests(title, WebSocket, url, isOurs = true) {
  const { prototype } = WebSocket;
  const list = [];
  // Most tests share one instance, because engines delay connections after failures.
  let instance;
  const make = () => (instance ??= new WebSocket(url));
  const close = (socket) => describe(prototype, "close").value.call(socket);
  const test = (name, run) => list.push([`${title}: ${name}`, run]);
  const constants = members("const");
  const attributes = members("attribute");
  const operations = members("operation");
  const foreign = [undefined, null, 1, "x", {}, new EventTarget(), prototype, WebSocket, Object.create(prototype)];

  test("the interface object", () => {
    same(typeof WebSocket, "function");
    same(describe(WebSocket, "name"), { value: definition.name, writable: false, enumerable: false, configurable: true });
    const length = required(members("constructor")[0]);
    same(describe(WebSocket, "length"), { value: length, writable: false, enumerable: false, configurable: true });
    same(Object.getPrototypeOf(WebSocket) === globalThis[definition.inheritance], true);
    const { writable, enumerable, configurable } = describe(WebSocket, "prototype");
    same([writable, enumerable, configurable], [false, false, false]);
    same(Reflect.ownKeys(WebSocket).sort(), ["length", "name", "prototype", ...constants.map(({ name }) => name)].sort());
  });

  test("the prototype object", () => {
    same(Object.getPrototypeOf(prototype) === globalThis[definition.inheritance].prototype, true);
    same(describe(prototype, "constructor"), { value: WebSocket, writable: true, enumerable: false, configurable: true });
    const tag = { value: definition.name, writable: false, enumerable: false, configurable: true };
    same(describe(prototype, Symbol.toStringTag), tag);
    const names = [...constants, ...attributes, ...operations].map(({ name }) => name);
    const keys = Reflect.ownKeys(prototype).map(String).sort();
    same(keys, ["constructor", "Symbol(Symbol.toStringTag)", ...names].sort());
    same(Object.prototype.toString.call(prototype), `[object ${definition.name}]`);
  });

  for (const { name, value } of constants) {
    test(`const ${name}`, () => {
      const expected = { value: Number(value.value), writable: false, enumerable: true, configurable: false };
      for (const object of [WebSocket, prototype]) {
        same(describe(object, name), expected);
        throws("TypeError", () => Object.defineProperty(object, name, { value: 99 }));
        same(Reflect.set(object, name, 99), false);
      }
    });
  }

  for (const { name, readonly } of attributes) {
    test(`attribute ${name}`, () => {
      const { get, set, enumerable, configurable } = describe(prototype, name);
      same([enumerable, configurable], [true, true]);
      same([get.name, get.length], [`get ${name}`, 0]);
      same(readonly ? set : [set.name, set.length], readonly ? undefined : [`set ${name}`, 1]);
      for (const object of foreign) {
        throws("TypeError", () => get.call(object), "get");
        if (!readonly) throws("TypeError", () => set.call(object, null), "set");
      }
      for (const accessor of [get, set]) if (accessor) throws("TypeError", () => new accessor());
      const instance = make();
      same(Reflect.set(instance, name, null), !readonly);
      same(Object.hasOwn(instance, name), false);
    });
  }

  for (const member of operations) {
    const { name } = member;
    test(`operation ${name}`, () => {
      const { value, writable, enumerable, configurable } = describe(prototype, name);
      same([typeof value, writable, enumerable, configurable], ["function", true, true, true]);
      same([value.name, value.length], [name, required(member)]);
      throws("TypeError", () => new value());
      for (const object of foreign) throws("TypeError", () => value.call(object, ""));
      if (required(member)) throws("TypeError", () => make()[name]());
    });
  }

  test("instance has no own properties and the class's prototype", () => {
    const instance = make();
    // Node adds some to every event target.
    same(Reflect.ownKeys(instance), Reflect.ownKeys(new EventTarget()));
    same(Object.getPrototypeOf(instance) === prototype, true);
    same(instance instanceof EventTarget && instance instanceof WebSocket, true);
    same(String(instance), `[object ${definition.name}]`);
    const inherited = [];
    for (const name in instance) inherited.push(name);
    for (const { name } of [...constants, ...attributes, ...operations]) same(inherited.includes(name), true, name);
  });

  test("constructor needs new and a URL", () => {
    throws("TypeError", () => WebSocket("ws://127.0.0.1:9/"));
    throws("TypeError", () => WebSocket.call(make(), "ws://127.0.0.1:9/"));
    throws("TypeError", () => new WebSocket());
    const socket = new WebSocket(url, undefined, "ignored");
    same(socket.readyState, 0);
    close(socket);
  });

  test("subclass instances have their prototype and fields", () => {
    class Sub extends WebSocket {
      field = this.url;
      get own() {
        return this.readyState;
      }
    }
    const instance = new Sub(url);
    same(Object.getPrototypeOf(instance) === Sub.prototype, true);
    same([instance.field === instance.url, instance.own], [true, 0]);
    close(instance);
  });

  test("new.target may be any class, even without a prototype", () => {
    // Node recognizes an event target by its constructor.
    const Other = Object.setPrototypeOf(function () {}, EventTarget);
    Object.setPrototypeOf(Other.prototype, EventTarget.prototype);
    const construct = () => {
      const socket = Reflect.construct(WebSocket, [url], Other);
      close(socket);
      return socket;
    };
    const other = construct();
    same(Object.getPrototypeOf(other) === Other.prototype, true);
    same(describe(prototype, "readyState").get.call(other), 2);
    Other.prototype = 1;
    if (isOurs) same(Object.getPrototypeOf(construct()) === prototype, true);
  });

  test("prototype changes affect the page but not the class", () => {
    const kept = describe(prototype, "readyState");
    const instance = new WebSocket(url);
    delete prototype.readyState;
    try {
      same(instance.readyState, undefined);
      throws("InvalidStateError", () => instance.send("x"));
      prototype.readyState = 3;
      throws("InvalidStateError", () => instance.send("x"));
    } finally {
      Object.defineProperty(prototype, "readyState", kept);
    }
    same(instance.readyState, 0);
    close(instance);
  });

  return list;
}
