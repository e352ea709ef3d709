// A program for Node has the types of `@types/node` instead of `lib.dom`. No name is missing, which would be an error here.

import { over, WebSocket } from "samesocket";
import { WebSocketError, WebSocketStream } from "samesocket/stream";

const socket: WebSocket = new (over({ WebSocket: class {} }))("ws://127.0.0.1/feed", ["chat"]);
socket.onclose = ({ code, reason, wasClean }) => [code.toFixed(), reason.length, wasClean];
socket.addEventListener("close", ({ code }) => code.toFixed(), { once: true });
socket.addEventListener("other", { handleEvent: ({ type }) => void type.length });
socket.binaryType = "arraybuffer";
socket.send(new Blob(["text"]));

// An unknown name would be `any`, and these would be no errors.
// @ts-expect-error
socket.onclose = ({ codes }) => codes;
// @ts-expect-error
socket.addEventListener("other", 5);
// @ts-expect-error
socket.addEventListener("other", () => {}, { once: "yes" });
// @ts-expect-error
socket.binaryType = "text";
// @ts-expect-error
socket.send(1);
// @ts-expect-error
import type { Listener } from "samesocket";

const stream = new WebSocketStream("ws://127.0.0.1/feed", { signal: AbortSignal.timeout(1000) });
export const written = stream.opened.then(({ writable }) => writable.getWriter().write(new Uint8Array(1)));
// @ts-expect-error
stream.opened.then(({ writable }) => writable.getWriter().write(5));
export const code: number | null = new WebSocketError("lost").closeCode;
