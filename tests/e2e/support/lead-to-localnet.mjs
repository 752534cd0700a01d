// Leads every tunnel of a process or page to the local mixnet, so that the programs of the guides
// run as they are printed. Options of the program's own come first.
//   NODE_OPTIONS='--import …/lead-to-localnet.mjs' MIX_GUIDE_TUNNEL='{…}' node program.mjs

/** @param {Record<string, unknown>} options those of `setupMixTunnel` */
export function leadTunnels(options) {
  let registry;
  Object.defineProperty(globalThis, Symbol.for('@mixweb/mix-tunnel'), {
    configurable: true,
    get: () => registry,
    set: (made) => {
      const { tunnel } = made;
      const setUp = tunnel.setUp.bind(tunnel);
      tunnel.setUp = (own) => {
        const given = Object.entries(own).filter(([, value]) => value !== undefined);
        return setUp({ ...options, ...Object.fromEntries(given) });
      };
      registry = made;
    },
  });
}

const given = globalThis.process?.env.MIX_GUIDE_TUNNEL;
if (given !== undefined) leadTunnels(JSON.parse(given));
