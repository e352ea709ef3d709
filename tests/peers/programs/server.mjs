// An echo server on npm's `ws` with the commands of `src/interop.rs`. It prints its port and runs until its standard input closes.
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
    const [command, code, reason] = isBinary ? [] : data.toString().split(' ');
    if (command === '!close') code ? socket.close(Number(code), reason) : socket.close();
    else if (command === '!ping') socket.ping('are you there?');
    else if (command === '!drop') socket.terminate();
    else if (command === '!fragments') {
      socket.send('one', { fin: false });
      socket.send('two', { fin: false });
      socket.send('three', { fin: true });
    } else socket.send(data, { binary: isBinary });
  });
});
process.stdin.on('end', () => process.exit()).resume();
