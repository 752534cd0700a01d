// A local mixnet as a child process.
import { startLocalnet as start } from '@mixweb/mix-localnet';

/**
 * @param {string[]} [args] further options of mix-localnet
 * @returns what it announced (directory, entries, exits, admin) and `stop`
 */
export const startLocalnet = (args = []) => start({ args });
