// The assertions of the tests, for Node and for engines.

/** A URL that never connects: the port is blocked, so no other connection waits for it. */
export const NOWHERE = "ws://127.0.0.1:9/";

/** Asserts that two values are the same. Lists and plain objects are compared by their contents. */
export function same(actual, expected, what = "") {
  const [one, other] = [show(actual), show(expected)];
  if (one !== other) throw new Error(`${what}: ${one} instead of ${other}`);
}

/** Asserts that a function throws an error of this name, and returns the error. */
export function throws(name, act, what = "") {
  try {
    act();
  } catch (error) {
    same(error?.name ?? error, name, what);
    return error;
  }
  throw new Error(`${what}: no ${name} was thrown`);
}

/** Asserts that a function throws exactly this value. */
export function throwsThis(value, act, what = "") {
  try {
    act();
  } catch (error) {
    if (error === value) return;
    throw new Error(`${what}: ${show(error)} was thrown`);
  }
  throw new Error(`${what}: nothing was thrown`);
}

/** Formats a value for a message. */
export function show(value) {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `function ${value.name}`;
  try {
    if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
    if (value && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
      const entries = Reflect.ownKeys(value).map((key) => `${String(key)}: ${show(value[key])}`);
      return `{${entries.join(", ")}}`;
    }
    return String(value);
  } catch {
    return typeof value;
  }
}

/** Returns a promise of the next event of a type. */
export const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
