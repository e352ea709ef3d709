// Our types and the platform's are assignable to each other: instances, classes and events.

import { over, WebSocket as Ours, type WebSocketEventMap as OursEvents } from "samesocket";
import { WebSocketError, WebSocketStream } from "samesocket/stream";
import { WebSocket as Fetched } from "samesocket/fetch";
import "samesocket/auto";

declare const theirs: globalThis.WebSocket;
declare const ours: Ours;

export const oursAsTheirs: globalThis.WebSocket = ours;
export const theirsAsOurs: Ours = theirs;
export const classAsTheirs: typeof globalThis.WebSocket = Ours;
export const classAsOurs: typeof Ours = globalThis.WebSocket;
export const same: typeof Ours = Fetched;
export const made: Ours = new (over(globalThis))("/feed", ["chat"]);
export const eventsAsTheirs: globalThis.WebSocketEventMap = {} as OursEvents;
export const eventsAsOurs: OursEvents = {} as globalThis.WebSocketEventMap;

globalThis.WebSocket = Ours;

ours.addEventListener("message", ({ data, origin }) => ours.send(`${data} ${origin}`));
ours.onclose = ({ code, wasClean }) => [code.toFixed(), wasClean];
ours.binaryType = "arraybuffer";
const state: 0 | 1 | 2 | 3 = ours.OPEN;
export class Sub extends Ours {
  last: number = state;
}

// @ts-expect-error
ours.readyState = 1;
// @ts-expect-error
ours.binaryType = "text";
// @ts-expect-error
ours.send(1);
// @ts-expect-error
new Ours();

const stream = new WebSocketStream("/feed", { protocols: ["chat"], signal: AbortSignal.timeout(1000) });
export const closed: Promise<{ closeCode: number; reason: string }> = stream.closed;
export const text = stream.opened.then(({ readable, writable }) => {
  writable.getWriter().write(new Uint8Array(1));
  return readable.cancel(new WebSocketError("", { closeCode: 3000 }));
});
new WebSocketStream("/feed", { protocols: new Set(["chat"]) });
// @ts-expect-error
new WebSocketStream("/feed", { protocols: 5 });
// @ts-expect-error
new WebSocketStream("/feed", { protocols: "chat" });
