// What tools/soak.mjs breaks in a local mixnet, each for a while.
import { setTimeout as sleep } from 'node:timers/promises';

/** Numbers in [0, 1) that depend on nothing but the seed (mulberry32). */
export function dice(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Each breaks something for `ms` and mends it. */
export function faultsOf({ entries, exits, mixes }, admin, random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const onAll = async (nodes, action, body) => {
    for (const { id } of nodes) await admin.act(id, action, body);
  };
  const during = async (ms, begin, end) => {
    await begin();
    await sleep(ms);
    await end();
  };
  return {
    cut: () => onAll(entries, 'cut'),
    'entries down': (ms) =>
      during(
        ms,
        () => onAll(entries, 'kill'),
        () => onAll(entries, 'restart'),
      ),
    'a mix down': (ms) => {
      const mix = [pick(mixes)];
      return during(
        ms,
        () => onAll(mix, 'kill'),
        () => onAll(mix, 'restart'),
      );
    },
    'an exit frozen': (ms) => {
      const exit = [pick(exits)];
      return during(
        ms,
        () => onAll(exit, 'freeze'),
        () => onAll(exit, 'freeze', { on: false }),
      );
    },
    'exits starved of SURBs': (ms) =>
      during(
        ms,
        () => onAll(exits, 'starve'),
        () => onAll(exits, 'starve', { on: false }),
      ),
    // At each of five hops.
    '5 % loss': (ms) =>
      during(
        ms,
        () => admin.faults({ drop: 0.05 / 5 }),
        () => admin.faults({}),
      ),
    reordering: (ms) =>
      during(
        ms,
        () => admin.faults({ duplicate: 0.1, reorder: { rate: 0.5, ms: 200 } }),
        () => admin.faults({}),
      ),
    'a mix leaves': (ms) => {
      const mix = [pick(mixes)];
      return during(
        ms,
        () => onAll(mix, 'leave'),
        () => onAll(mix, 'join'),
      );
    },
    rotation: () => admin.rotate(),
  };
}
