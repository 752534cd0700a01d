// What is told: progress, the response's head, and the line of -w.

/** A line on stderr, when somebody looks at it and it does not mix with the body. */
export function progressMeter({ isSilent, toFile }) {
  if (isSilent || !process.stderr.isTTY || (!toFile && process.stdout.isTTY)) return undefined;
  const begun = performance.now();
  const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
  return {
    show({ loaded, total }) {
      const seconds = (performance.now() - begun) / 1000;
      const share = total ? loaded / total : undefined;
      const bar = share === undefined ? '' : `[${'#'.repeat(Math.floor(share * 30)).padEnd(30)}] `;
      const of = total ? ` of ${kilobytes(total)}` : '';
      process.stderr.write(
        `\r\x1b[K${bar}${kilobytes(loaded)}${of}, ${kilobytes(loaded / seconds)}/s`,
      );
    },
    end: () => process.stderr.write('\n'),
  };
}

export const headLines = (response) => [
  `HTTP/1.1 ${response.status} ${response.statusText}`,
  ...[...response.headers].map(([name, value]) => `${name}: ${value}`),
];

const seconds = (ms = 0) => (ms / 1000).toFixed(6);

/**
 * The text of -w. Unknown variables are left as they are, so that a typo shows.
 *
 * @param {string} format
 * @param {{ response?: Response, timing?: { firstByte?: number, end?: number },
 *   size: number, url: string, exitCode: number }} about
 */
export function writeOut(format, { response, timing, size, url, exitCode }) {
  const status = String(response?.status ?? 0).padStart(3, '0');
  const values = {
    http_code: status,
    response_code: status,
    size_download: size,
    time_total: seconds(timing?.end),
    time_starttransfer: seconds(timing?.firstByte),
    content_type: response?.headers.get('content-type') ?? '',
    url_effective: response?.url || url,
    exitcode: exitCode,
  };
  const escapes = { n: '\n', t: '\t', r: '\r' };
  return format.replace(
    /%\{(\w+)\}|%%|\\([ntr])/g,
    (text, name, escape) => values[name] ?? escapes[escape] ?? (text === '%%' ? '%' : text),
  );
}
