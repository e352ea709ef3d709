// What the tests demand with, in Node and in engines alike.

/** A URL that leads nowhere: a port that no platform connects to, and that no connection waits for. */
export const NOWHERE = "ws://127.0.0.1:9/";

/** Demands that two values are the same; lists and plain objects are compared by what is in them. */
export function same(actual, expected, what = "") {
  const [one, other] = [show(actual), show(expected)];
  if (one !== other) throw new Error(`${what}: ${one} instead of ${other}`);
}

/** Demands that something throws an error of this name, and gives it. */
export function throws(name, act, what = "") {
  try {
    act();
  } catch (error) {
    same(error?.name ?? error, name, what);
    return error;
  }
  throw new Error(`${what}: no ${name} was thrown`);
}

/** Demands that something throws just this value. */
export function throwsThis(value, act, what = "") {
  try {
    act();
  } catch (error) {
    if (error === value) return;
    throw new Error(`${what}: ${show(error)} was thrown`);
  }
  throw new Error(`${what}: nothing was thrown`);
}

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

/** Waits for the next event of a type. */
export const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));
