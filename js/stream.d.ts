// The types of WebSocketStream.

/** The options of the constructor. */
export interface WebSocketStreamOptions {
  /** The subprotocols to offer. A string is not a sequence, although it is iterable, and throws a `TypeError`. */
  protocols?: Iterable<string> & object;
  /** Aborts the opening handshake. */
  signal?: AbortSignal;
}

/** An established connection. */
export interface WebSocketOpenInfo {
  readable: ReadableStream<string | Uint8Array<ArrayBuffer>>;
  writable: WritableStream<string | ArrayBuffer | ArrayBufferView<ArrayBuffer>>;
  extensions: string;
  protocol: string;
}

/** The end of a connection. */
export interface WebSocketCloseInfo {
  closeCode?: number;
  reason?: string;
}

/** A connection as a pair of streams: https://github.com/whatwg/websockets/pull/48 */
export interface WebSocketStream {
  readonly url: string;
  /** Rejects with a `WebSocketError`, or with the reason of the signal. */
  readonly opened: Promise<WebSocketOpenInfo>;
  /** Rejects with a `WebSocketError` if the connection is not closed cleanly. */
  readonly closed: Promise<Required<WebSocketCloseInfo>>;
  close(closeInfo?: WebSocketCloseInfo): void;
}

export interface WebSocketStreamConstructor {
  prototype: WebSocketStream;
  new (url: string | URL, options?: WebSocketStreamOptions): WebSocketStream;
}

/** The exception of a connection. Given to `cancel` and `abort`, it sets the code and the reason of the Close frame. */
export declare class WebSocketError extends DOMException {
  constructor(message?: string, init?: WebSocketCloseInfo);
  readonly closeCode: number | null;
  readonly reason: string;
}

/** The class over the platform's `WebSocketStream`, or else over the `WebSocket` class of this package. */
export declare const WebSocketStream: WebSocketStreamConstructor;

/** Creates the class over the `WebSocket` of another host, such as `over(undici)`. */
export declare function over(host: { WebSocket: unknown; CloseEvent?: unknown; MessageEvent?: unknown }): WebSocketStreamConstructor;
