// The types of the class. What `lib.dom` writes otherwise from version to version is taken from there.

/** The events that a socket fires. */
export interface WebSocketEventMap {
  close: CloseEvent;
  error: Event;
  message: MessageEvent;
  open: Event;
}

/** The interface of the WebSockets Standard: https://websockets.spec.whatwg.org/#the-websocket-interface */
export interface WebSocket extends EventTarget {
  binaryType: BinaryType;
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
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
  removeEventListener<K extends keyof WebSocketEventMap>(
    type: K,
    listener: (this: WebSocket, event: WebSocketEventMap[K]) => any,
    options?: boolean | EventListenerOptions,
  ): void;
  removeEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | EventListenerOptions): void;
}

/** The class. */
export interface WebSocketConstructor {
  prototype: WebSocket;
  new (url: string | URL, protocols?: string | string[]): WebSocket;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
}

/** The class over the platform's own. */
export declare const WebSocket: WebSocketConstructor;

/**
 * Makes the class over the `WebSocket` of another host: `over(undici)` with the package `undici`, for a Node that has none.
 *
 * `CloseEvent` is the global one, unless the host has its own.
 */
export declare function over(host: { WebSocket: unknown; CloseEvent?: unknown }): WebSocketConstructor;
