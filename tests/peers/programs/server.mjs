// An echo server on npm's `ws` that obeys the orders of `src/matrix.rs`; it tells its port and ends with its input.
import { createRequire } from 'node:module';

const { WebSocketServer } = createRequire(process.argv[2] + '/')('ws');
const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  maxPayload: 64 << 20,
  perMessageDeflate: { threshold: 0 },
  handleProtocols: () => 'chat',
});
server.on('listening', () => console.log(server.address().port));
server.on('connection', (socket) => {
  socket.on('error', () => {});
  socket.on('pong', () => socket.send('pong'));
  socket.on('message', (data, isBinary) => {
    const [order, code, reason] = isBinary ? [] : data.toString().split(' ');
    if (order === '!close') code ? socket.close(Number(code), reason) : socket.close();
    else if (order === '!ping') socket.ping('are you there?');
    else if (order === '!drop') socket.terminate();
    else if (order === '!fragments') {
      socket.send('one', { fin: false });
      socket.send('two', { fin: false });
      socket.send('three', { fin: true });
    } else socket.send(data, { binary: isBinary });
  });
});
process.stdin.on('end', () => process.exit()).resume();
