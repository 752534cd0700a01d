// Table of suites and the closing line. As a program: sums up the summaries given as arguments.
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** Prints one row a suite and the closing line; true if nothing failed. */
export function printTable(counts) {
  const width = Math.max(0, ...counts.map(({ name }) => name.length));
  console.log('');
  for (const { name, passed, failed, skipped, seconds } of counts) {
    console.log(
      `${name.padEnd(width)}  ${String(passed).padStart(6)} passed ${String(failed).padStart(4)} failed` +
        ` ${String(skipped).padStart(4)} skipped ${seconds.toFixed(1).padStart(7)} s`,
    );
  }
  const sum = (key) => counts.reduce((total, count) => total + count[key], 0);
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
  return sum('failed') === 0;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const counts = process.argv
    .slice(2)
    .flatMap((file) =>
      existsSync(file)
        ? JSON.parse(readFileSync(file, 'utf8'))
        : [{ name: `${file} was not written`, passed: 0, failed: 1, skipped: 0, seconds: 0 }],
    );
  process.exit(printTable(counts) ? 0 : 1);
}
