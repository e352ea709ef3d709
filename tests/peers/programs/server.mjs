// An echo server on npm's `ws` with the commands of `src/interop.rs`. It prints its port and runs until its standard input closes.
import { createRequire } from 'node:module';
import { run } from './commands.mjs';

const { WebSocketServer } = createRequire(process.argv[2] + '/')('ws');
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  maxPayload: 64 << 20,
  perMessageDeflate: { threshold: 0 },
  handleProtocols: () => 'chat',
});
server.on('listening', () => console.log(server.address().port));
server.on('connection', run);
process.stdin.on('end', () => process.exit()).resume();
