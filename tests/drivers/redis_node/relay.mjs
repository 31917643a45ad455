// Relay: a TCP port before a Unix socket that speaks Redis's protocol. It passes all bytes, and notes
// which command got which error. TRACE=1 prints every command with the first bytes of its reply.
import net from 'node:net';

const AGGREGATES = new Map([['*', 1], ['~', 1], ['>', 1], ['%', 2], ['|', 2]]);
const STRINGS = '$=!';

// Reads one value of RESP2 or RESP3 at `at`. Returns where it ends, or -1 when it is not whole yet;
// `seen(type, text)` is told each line and string.
function readValue(bytes, at, seen) {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return -1;
  const type = String.fromCharCode(bytes[at]);
  const line = bytes.toString('latin1', at + 1, lineEnd);
  let end = lineEnd + 2;
  if (STRINGS.includes(type)) {
    const length = Number(line);
    if (length < 0) return end;
    if (bytes.length < end + length + 2) return -1;
    seen(type, bytes.toString('latin1', end, end + length));
    return end + length + 2;
  }
  if (!AGGREGATES.has(type)) {
    seen(type, line);
    return end;
  }
  for (let left = Number(line) * AGGREGATES.get(type); left > 0; left--) {
    end = readValue(bytes, end, seen);
    if (end < 0) return -1;
  }
  return end;
}

// Gives a function that takes bytes as they come, and calls `take(values)` for each whole value, where
// a value is a list of [type, text].
function reader(take) {
  let rest = Buffer.alloc(0);
  return (bytes) => {
    rest = rest.length ? Buffer.concat([rest, bytes]) : bytes;
    let at = 0;
    while (at < rest.length) {
      const values = [];
      const isPush = rest[at] === 0x3e;
      const end = readValue(rest, at, (...value) => values.push(value));
      if (end < 0) break;
      take(values, isPush);
      at = end;
    }
    rest = rest.subarray(at);
  };
}

export async function startRelay(path) {
  const refused = [];
  const queues = new Set();
  const relay = { refused, count: 0, waiting: () => [...queues].flat().join(', ') };

  function noteReply(queue, values, isPush) {
    const command = isPush ? 'push' : queue.shift();
    if (process.env.TRACE) console.log(`${command} → ${values.map((v) => v.join('')).join(' ').slice(0, 300)}`);
    for (const [type, text] of values) if ('-!'.includes(type)) refused.push({ command, error: text });
  }

  const server = net.createServer((client) => {
    const upstream = net.connect(path);
    const queue = [];
    queues.add(queue);
    const onRequest = reader((words) => {
      relay.count++;
      queue.push(words.map(([, text]) => text).join(' ').slice(0, 200));
    });
    const onReply = reader((values, isPush) => noteReply(queue, values, isPush));
    client.on('data', (bytes) => { onRequest(bytes); upstream.write(bytes); });
    upstream.on('data', (bytes) => { onReply(bytes); client.write(bytes); });
    client.on('close', () => { queues.delete(queue); upstream.destroy(); });
    upstream.on('close', () => client.end());
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  relay.port = server.address().port;
  return relay;
}
