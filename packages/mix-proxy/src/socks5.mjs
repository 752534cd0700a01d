// The server's side of a SOCKS5 handshake: CONNECT without authentication. Names are taken as they
// are, so that nobody resolves them outside the tunnel. RFC 1928.

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const NO_METHOD = 0xff;
const CONNECT = 1;
const ADDRESS_IPV4 = 1;
const ADDRESS_NAME = 3;
const ADDRESS_IPV6 = 4;

/** RFC 1928 §6. */
export const Reply = Object.freeze({
  succeeded: 0,
  failed: 1,
  notAllowed: 2,
  hostUnreachable: 4,
  refused: 5,
  timedOut: 6, // "TTL expired": what clients take for a time-out
  badCommand: 7,
  badAddressType: 8,
});

/** What went wrong with the client, and the bytes that tell it so, if any. */
export class SocksError extends Error {
  constructor(message, answer) {
    super(message);
    this.name = 'SocksError';
    this.answer = answer;
  }
}

/** The answer to a request. The bound address is not told: it is the exit's. */
export const answer = (reply) => Buffer.from([VERSION, reply, 0, ADDRESS_IPV4, 0, 0, 0, 0, 0, 0]);

/** Serves one client: `read(n)` resolves with the next n bytes, `write` sends. */
export async function readRequest({ read, write }) {
  const [version, numMethods] = await read(2);
  if (version !== VERSION) throw new SocksError(`SOCKS version ${version}, expected 5`);
  const methods = await read(numMethods);
  if (!methods.includes(NO_AUTHENTICATION)) {
    throw new SocksError(
      'the client insists on authentication, expected none',
      Buffer.from([VERSION, NO_METHOD]),
    );
  }
  write(Buffer.from([VERSION, NO_AUTHENTICATION]));

  const [again, command, , type] = await read(4);
  if (again !== VERSION) throw new SocksError(`SOCKS version ${again}, expected 5`);
  const host = await readHost(type, read);
  const port = (await read(2)).readUInt16BE();
  if (command !== CONNECT) {
    throw new SocksError(`command ${command}, expected CONNECT`, answer(Reply.badCommand));
  }
  return { host, port };
}

async function readHost(type, read) {
  switch (type) {
    case ADDRESS_IPV4:
      return (await read(4)).join('.');
    case ADDRESS_IPV6: {
      const groups = (await read(16)).toString('hex').match(/.{4}/g);
      return groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':');
    }
    case ADDRESS_NAME: {
      const [length] = await read(1);
      return (await read(length)).toString('latin1');
    }
    default:
      throw new SocksError(`address type ${type}`, answer(Reply.badAddressType));
  }
}
