// Endings and responses on Node's `http2`, each by its path, for browsers and for the native client. It serves the page that runs
// the cases in a browser, and prints each report of the page.
// Its arguments are the files of a certificate and its key. It prints its port and runs until its standard input closes.
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';

const [certificate, key] = process.argv.slice(2);
const page = readFileSync(new URL('http2_cases.html', import.meta.url));
const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR } = http2.constants;

// Returns an unmasked frame with FIN.
function frame(opcode, payload) {
  const bytes = Buffer.from(payload, 'latin1');
  const length = bytes.length < 126 ? [bytes.length] : [126, bytes.length >> 8, bytes.length & 255];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length]), bytes]);
}

const close = frame(8, '\x0f\xa1over');

const open = (stream, fields) => stream.respond({ ':status': 200, ...fields });
// Calls back when a Close arrives. The clients send nothing else.
const onClose = (stream, then) => stream.once('data', then);

// Returns the opcode of a client's frame, and the code and the reason of a Close. Each frame is short and arrives in one piece.
function describe(data) {
  const payload = data.subarray(6).map((byte, index) => byte ^ data[2 + (index & 3)]);
  const opcode = data[0] & 15;
  return opcode === 8 && payload.length ? [opcode, payload.readUInt16BE(), payload.toString('latin1', 2)] : [opcode];
}

// Returns what the client has done with a stream, once it has ended: its frames, and the code of a reset, or 0.
function record(stream) {
  const frames = [];
  stream.on('data', (data) => frames.push(describe(data)));
  return new Promise((resolve) => stream.on('close', () => resolve([frames, stream.rstCode])));
}

// The record of the last WebSocket.
let last;

const cases = {
  // Sends the record of the WebSocket before this one.
  async '/record'(stream, fields, former) {
    open(stream);
    stream.write(frame(1, JSON.stringify(await former)));
    stream.write(close);
    onClose(stream, () => stream.end());
  },
  // Sends the fields of the request as a message.
  '/fields'(stream, fields) {
    open(stream, fields.includes('sec-websocket-protocol') && { 'sec-websocket-protocol': 'chat' });
    stream.write(frame(1, JSON.stringify(fields)));
    stream.write(close);
    onClose(stream, () => stream.end());
  },
  '/close'(stream) {
    open(stream);
    stream.write(close);
    onClose(stream, () => stream.end());
  },
  '/close-and-end'(stream) {
    open(stream);
    stream.end(close);
  },
  '/end'(stream) {
    open(stream);
    stream.end(frame(1, 'last'));
  },
  '/end-without-data'(stream) {
    stream.respond({ ':status': 200 }, { endStream: true });
  },
  '/reset'(stream) {
    open(stream);
    stream.write(frame(1, 'last'), () => stream.close(NGHTTP2_CANCEL));
  },
  '/reset-before-response'(stream) {
    stream.close(NGHTTP2_INTERNAL_ERROR);
  },
  '/end-instead-of-close'(stream) {
    open(stream);
    onClose(stream, () => stream.end());
  },
  '/reset-instead-of-close'(stream) {
    open(stream);
    onClose(stream, () => stream.close(NGHTTP2_CANCEL));
  },
  '/refuse'(stream) {
    stream.respond({ ':status': 403 });
    stream.end('no');
  },
  '/created'(stream) {
    stream.respond({ ':status': 201 });
    stream.write(close);
    onClose(stream, () => stream.end());
  },
  '/redirect'(stream) {
    stream.respond({ ':status': 302, location: '/close' }, { endStream: true });
  },
  '/subprotocol'(stream) {
    open(stream, { 'sec-websocket-protocol': 'never-asked-for' });
  },
  '/no-subprotocol'(stream) {
    open(stream);
    stream.write(close);
    onClose(stream, () => stream.end());
  },
  '/extension'(stream) {
    open(stream, { 'sec-websocket-extensions': 'x-never-asked-for' });
  },
};

const server = http2.createSecureServer({
  settings: { enableConnectProtocol: true },
  cert: readFileSync(certificate),
  key: readFileSync(key),
});
server.on('stream', (stream, headers, flags, fields) => {
  stream.on('error', () => {});
  const path = headers[':path'];
  if (headers[':protocol'] === 'websocket') {
    const former = last;
    last = record(stream);
    cases[path](stream, fields, former);
  } else if (headers[':method'] === 'POST') {
    let report = '';
    stream.setEncoding('utf8').on('data', (text) => (report += text));
    stream.on('end', () => {
      console.log(report);
      stream.respond({ ':status': 204 }, { endStream: true });
    });
  } else {
    stream.respond({ ':status': 200, 'content-type': 'text/html' });
    stream.end(page);
  }
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume();
