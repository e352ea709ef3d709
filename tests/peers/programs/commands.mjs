// The commands of `src/interop.rs` on a socket of npm's `ws`.
export function run(socket) {
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
}
