// Rates of large bodies, from rest over a warm connection: sizes, directions, six at once, losses.
/* global mix -- in the page */
import { MEBIBYTE, ORIGIN, SMALL, trafficOf } from './page.mjs';

/** kB/s. The cap of shaped traffic is the schedule's; unshaped it is the processor's, by estimate. */
const LIMITS = { on: { down: 205, up: 68 }, off: { down: 1300, up: 1300 } };
const GOALS = { on: { down: 0.9 * 205, up: 0.9 * 68 }, off: { down: 1000, up: 300 } };
/** Share of the lossless rate that is left when a mix drops this share of the packets. */
const LOSSES = { 0.01: 0.7, 0.05: 0.35 };
/** Before each transfer, in which the exit gets its store of SURBs. */
const REST_MS = 2000;

/** Mebibytes by shaping and direction; those of a full run take minutes. */
const SIZES = {
  quick: { on: { down: [1, 10], up: [1] }, off: { down: [1, 10], up: [1, 10] } },
  full: { on: { down: [1, 10, 100], up: [1, 10] }, off: { down: [1, 10, 100], up: [1, 10] } },
};
const PARALLEL = 6;

/** In the page: kB/s of `count` transfers of `bytes` at once. */
async function transfer(direction, origin, bytes, count, rest) {
  await new Promise((resolve) => setTimeout(resolve, rest));
  const one = async () => {
    if (direction === 'up') {
      const body = new Uint8Array(bytes);
      const answer = await mix.mixFetch(`${origin}/hash`, { method: 'POST', body });
      if ((await answer.text()).length !== 64) throw new Error('not the digest of the body');
      return;
    }
    const reader = (await mix.mixFetch(`${origin}/bytes/${bytes}`)).body.getReader();
    let got = 0;
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      got += piece.value.byteLength;
    }
    if (got !== bytes) throw new Error(`${got} bytes instead of ${bytes}`);
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: count }, one));
  return (count * bytes) / (performance.now() - begun);
}

/** @param {import('./page.mjs').Bench} bench @param {{ extent: 'quick' | 'full' }} how */
export async function benchTransfers({ page, tunnel, admin, mixes }, { extent }) {
  const charts = [];
  for (const shaping of ['off', 'on']) {
    const rows = [];
    await page.evaluate((opts) => mix.setupMixTunnel(opts), { ...tunnel, ...trafficOf(shaping) });
    await page.evaluate(async (url) => (await mix.mixFetch(url)).arrayBuffer(), SMALL);
    const rate = (direction, bytes, count = 1) =>
      page.evaluate(transfer, direction, ORIGIN, bytes, count, REST_MS);
    let lossless;
    for (const [direction, sizes] of Object.entries(SIZES[extent][shaping])) {
      let first;
      for (const size of sizes) {
        const value = await rate(direction, size * MEBIBYTE);
        const baseline = first === undefined ? {} : { baseline: { name: '1 MiB', value: first } };
        first ??= value;
        if (direction === 'down') lossless ??= value;
        const [limit, goal] = [LIMITS[shaping][direction], GOALS[shaping][direction]];
        rows.push({ name: `${size} MiB ${direction}`, value, limit, goal, ...baseline });
      }
    }
    const each = shaping === 'on' ? MEBIBYTE / 4 : MEBIBYTE;
    rows.push({
      name: `${PARALLEL} × ${each / MEBIBYTE} MiB down at once`,
      value: await rate('down', each, PARALLEL),
      limit: LIMITS[shaping].down,
      baseline: { name: '1 MiB alone', value: lossless },
    });
    for (const [drop, share] of shaping === 'on' ? [] : Object.entries(LOSSES)) {
      await admin.act(mixes[0].id, 'faults', { drop: Number(drop) });
      try {
        const value = await rate('down', MEBIBYTE);
        const baseline = { name: 'without loss', value: lossless };
        rows.push({
          name: `1 MiB down, ${Number(drop) * 100} % lost`,
          value,
          goal: share * lossless,
          baseline,
        });
      } finally {
        await admin.act(mixes[0].id, 'faults', {});
      }
    }
    await page.evaluate(() => mix.disconnectMixTunnel());
    charts.push({
      kind: 'bars',
      title: `Transfers, shaping ${shaping}`,
      unit: 'kB/s',
      better: 'more',
      rows,
      ...(shaping === 'on' && {
        note: 'A download may be faster than its cap while the exit lives on its stock of reply blocks.',
      }),
    });
  }
  return charts;
}
