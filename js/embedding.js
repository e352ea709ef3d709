// Decodes the WebAssembly that the build embeds in a script as text.
//
// The text has the printable characters of ASCII but `"` and `\`. Each is a digit. The first digits stand for the most
// frequent bytes. The last ones begin a pair with the value of any other byte. Compressed by gzip, the text is 2 % larger
// than the file. Hexadecimal digits would be 9 % larger, and base64 28 %.

const DIGITS = 93;

/** Decodes a text. `frequent` lists the most frequent bytes as hexadecimal digits. */
export function decode(frequent, text) {
  const bytes = [];
  let at = 0;
  const digit = () => {
    const code = text.charCodeAt(at++);
    return code - 32 - (code > 34) - (code > 92);
  };
  while (at < text.length) {
    const first = digit();
    const pair = frequent.slice(2 * first, 2 * first + 2);
    bytes.push(pair ? parseInt(pair, 16) : (first - frequent.length / 2) * DIGITS + digit());
  }
  return new Uint8Array(bytes);
}
