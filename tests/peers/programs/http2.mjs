// An echo server on Node's `http2` with the commands of `src/interop.rs`. npm's `ws` reads and writes the frames of a stream.
// Its arguments are the folder of `ws` and, for TLS, the files of a certificate and its key.
// It prints its port and runs until its standard input closes.
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { createRequire } from 'node:module';
import { run } from './commands.mjs';

const [folder, certificate, key] = process.argv.slice(2);
const WebSocket = createRequire(folder + '/')('ws');
const settings = { enableConnectProtocol: true };
const server = certificate
  ? http2.createSecureServer({ settings, cert: readFileSync(certificate), key: readFileSync(key) })
  : http2.createServer({ settings });

server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  if (headers[':method'] !== 'CONNECT' || headers[':protocol'] !== 'websocket') {
    stream.respond({ ':status': 404 }, { endStream: true });
    return;
  }
  const offered = headers['sec-websocket-protocol'];
  stream.respond({ ':status': 200, ...(offered && { 'sec-websocket-protocol': 'chat' }) });
  // A socket without an address is one of a server. The options and the method are what the server of `ws` uses.
  const socket = new WebSocket(null, undefined, { closeTimeout: 30_000 });
  socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 64 << 20, allowSynchronousEvents: true, skipUTF8Validation: false });
  run(socket);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
