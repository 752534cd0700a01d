// Where the native program is: named by the environment, built in this checkout, or packed with the
// package; in a checkout it can also be built.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const BUILT = `${CHECKOUT}build/native-release/localnet/mix-localnet`;

const isCheckout = () => existsSync(`${CHECKOUT}localnet/CMakeLists.txt`);

/** Where a packed program for this platform stands. */
export const packedProgram = () =>
  fileURLToPath(
    new URL(`../native/${process.platform}-${process.arch}/mix-localnet`, import.meta.url),
  );

/**
 * The path of the program. Throws when there is none.
 *
 * @param {{ packed?: boolean }} [options] `packed: false`: only one that was built here
 */
export function findProgram({ packed = true } = {}) {
  const named = process.env['MIX_LOCALNET_PROGRAM'];
  if (named !== undefined) {
    if (!existsSync(named)) throw new Error(`MIX_LOCALNET_PROGRAM: there is no ${named}`);
    return named;
  }
  if (isCheckout() && existsSync(BUILT)) return BUILT;
  if (packed && existsSync(packedProgram())) return packedProgram();
  throw new Error(
    isCheckout()
      ? 'mix-localnet is not built: run tools/build localnet'
      : `this package brings no program for ${process.platform} on ${process.arch}: build it from ` +
          'the sources and name it in MIX_LOCALNET_PROGRAM, or use the container (see README.md)',
  );
}

/** As findProgram; in a checkout the program is built first when it is missing. */
export function findOrBuildProgram() {
  const missing = isCheckout() && !existsSync(BUILT) && !process.env['MIX_LOCALNET_PROGRAM'];
  if (missing) {
    process.stderr.write('mix-localnet: building the program, which takes some minutes\n');
    for (const [tool, ...args] of [
      ['tools/setup', '--no-npm'],
      ['tools/build', 'localnet'],
    ]) {
      const { status } = spawnSync(tool, args, {
        cwd: CHECKOUT,
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      if (status !== 0) throw new Error(`${tool} ended with ${String(status)}`);
    }
  }
  return findProgram();
}
