// Raw UDP. spec: api part 2 §6
import { MixError, sharedTunnel, type Channel, type ChannelNews } from '@mixweb/mix-tunnel';

import { Incoming } from './incoming.ts';

export interface MixDatagram {
  data: Uint8Array;
  address: string;
  port: number;
}

export interface MixUdpSocket {
  /** As UDP: nothing tells whether it arrives. */
  send(data: Uint8Array, host: string, port: number): Promise<void>;
  /** Datagrams from anybody. What a slow reader leaves is lost. */
  readable: ReadableStream<MixDatagram>;
  close(): Promise<void>;
}

function openSocket(
  channel: Channel,
  hearNews: (listener: (news: ChannelNews) => void) => void,
): MixUdpSocket {
  let isOver = false;
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
    } else if (news.kind === 'socketClosed' || news.kind === 'failed') {
      isOver = true;
      if (news.kind === 'failed') incoming.fail(MixError.from(news.error));
      else incoming.end();
      finish();
    }
  });
  return {
    send: async (data, host, port) => {
      if (isOver) throw new MixError('SOCKET_CLOSED', 'IO error: socket is closed');
      channel.command({ kind: 'datagram', data: new Uint8Array(data), host, port });
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
