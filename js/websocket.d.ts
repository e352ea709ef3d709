// The types of the class. Types that differ between versions of `lib.dom` are taken from there.
//
// `@types/node` has fewer names than `lib.dom` and `lib.webworker`. The types need only those that all of them have.

type CloseEvent = Parameters<NonNullable<globalThis.WebSocket["onclose"]>>[0];
type Listener = Parameters<EventTarget["addEventListener"]>[1];
type ListenerOptions = Parameters<EventTarget["addEventListener"]>[2];
type RemovalOptions = Parameters<EventTarget["removeEventListener"]>[2];

// Without this line, the types above would be exported, too.
export {};

/** The events of a socket, by type. */
export interface WebSocketEventMap {
  close: CloseEvent;
  error: Event;
  message: MessageEvent;
  open: Event;
}

/** The interface of the WebSockets Standard: https://websockets.spec.whatwg.org/#the-websocket-interface */
export interface WebSocket extends EventTarget {
  binaryType: globalThis.WebSocket["binaryType"];
  readonly bufferedAmount: number;
  readonly extensions: string;
  onclose: ((this: WebSocket, event: CloseEvent) => any) | null;
  onerror: ((this: WebSocket, event: Event) => any) | null;
  onmessage: ((this: WebSocket, event: MessageEvent) => any) | null;
  onopen: ((this: WebSocket, event: Event) => any) | null;
  readonly protocol: string;
  readonly readyState: globalThis.WebSocket["readyState"];
  readonly url: string;
  close(code?: number, reason?: string): void;
  send(data: Parameters<globalThis.WebSocket["send"]>[0]): void;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  addEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: (this: WebSocket, event: WebSocketEventMap[K]) => any,
    options?: ListenerOptions,
  ): void;
  addEventListener(type: string, listener: Listener, options?: ListenerOptions): void;
  removeEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: (this: WebSocket, event: WebSocketEventMap[K]) => any,
    options?: RemovalOptions,
  ): void;
  removeEventListener(type: string, listener: Listener, options?: RemovalOptions): void;
}

/** The constructor of the class. */
export interface WebSocketConstructor {
  prototype: WebSocket;
  new (url: string | URL, protocols?: string | string[]): WebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
}

/** The class over the platform's `WebSocket`. */
export declare const WebSocket: WebSocketConstructor;

/**
 * Creates the class over the `WebSocket` of another host, such as `over(undici)` in a Node without a `WebSocket`.
 *
 * The events of a class that is written in JavaScript are of the host's classes, or else of the global ones.
 */
export declare function over(host: { WebSocket: unknown; CloseEvent?: unknown; MessageEvent?: unknown }): WebSocketConstructor;
