// Raw UDP. spec: api part 2 §6
import { MixError, sharedTunnel, type Channel, type ChannelNews } from '@mixweb/mix-tunnel';

import { Incoming } from './incoming.ts';
import { checkPort } from './options.ts';

export interface MixDatagram {
  data: Uint8Array;
  address: string;
  port: number;
}

export interface MixUdpSocket {
  /**
   * To an IP literal or a name. Resolves once it is on its way: as with UDP, nothing tells whether
   * it arrives, or whether the name exists. Rejects when it cannot go out.
   */
  send(data: Uint8Array, host: string, port: number): Promise<void>;
  /** Datagrams from anybody. What a slow reader leaves is lost. */
  readable: ReadableStream<MixDatagram>;
  close(): Promise<void>;
}

interface Sending {
  resolve(): void;
  reject(reason: unknown): void;
}

const closedError = (): MixError => new MixError('SOCKET_CLOSED', 'IO error: socket is closed');
const MAX_DATAGRAM = 65_507; // bytes; UDP over IPv4

function openSocket(
  channel: Channel,
  hearNews: (listener: (news: ChannelNews) => void) => void,
): MixUdpSocket {
  let isOver = false;
  const unsent: Sending[] = []; // in the order of what tells their fate
  let finish!: () => void;
  const closed = new Promise<void>((resolve) => void (finish = resolve));
  const incoming = new Incoming<MixDatagram>(
    ({ data }) => channel.command({ kind: 'consumed', size: data.byteLength }),
    () => channel.command({ kind: 'socketClose' }),
  );
  hearNews((news) => {
    if (isOver) return;
    if (news.kind === 'datagram') {
      const { data, address, port } = news;
      incoming.add({ data, address, port });
    } else if (news.kind === 'sent') {
      unsent.shift()?.resolve();
    } else if (news.kind === 'refused') {
      unsent.shift()?.reject(MixError.from(news.error));
    } else if (news.kind === 'socketClosed' || news.kind === 'failed') {
      isOver = true;
      for (const { reject } of unsent.splice(0)) reject(closedError());
      if (news.kind === 'failed') incoming.fail(MixError.from(news.error));
      else incoming.end();
      finish();
    }
  });
  return {
    send: async (data, host, port) => {
      checkPort(port);
      if (data.byteLength > MAX_DATAGRAM) {
        throw new RangeError(`data: at most ${MAX_DATAGRAM} bytes, got ${data.byteLength}`);
      }
      if (isOver) throw closedError();
      const copy = new Uint8Array(data);
      await new Promise<void>((resolve, reject) => {
        unsent.push({ resolve, reject });
        channel.command({ kind: 'datagram', data: copy, host, port }, [copy.buffer]);
      });
    },
    readable: incoming.readable,
    close: () => {
      channel.command({ kind: 'socketClose' });
      return closed;
    },
  };
}

/** A UDP socket on a random port of the tunnel's address. */
export const mixUdp = async (): Promise<MixUdpSocket> =>
  new Promise((resolve, reject) => {
    let hear = (news: ChannelNews): void => {
      if (news.kind === 'socketOpen') {
        resolve(openSocket(channel, (listener) => void (hear = listener)));
      } else if (news.kind === 'failed') {
        reject(MixError.from(news.error));
      }
    };
    const channel = sharedTunnel().openChannel({ kind: 'udp' }, (news) => hear(news));
  });
