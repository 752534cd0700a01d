// Compares built files with size-budget.json. Exit status 1 when one is too large or absent.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { files } = JSON.parse(readFileSync(join(root, 'tools/size-budget.json'), 'utf8'));

let failed = false;
for (const { what, path, raw, gzip } of files) {
  const file = join(root, path);
  if (!existsSync(file)) {
    console.log(`size-budget: ${path} is not built`);
    failed = true;
    continue;
  }
  const bytes = readFileSync(file);
  const zipped = gzipSync(bytes, { level: 9 }).length;
  const fits = bytes.length <= raw && zipped <= gzip;
  failed ||= !fits;
  console.log(
    `size-budget: ${what}: ${bytes.length} of ${raw} B raw, ${zipped} of ${gzip} B gzip` +
      (fits ? '' : ' TOO LARGE'),
  );
}
process.exit(failed ? 1 : 0);
