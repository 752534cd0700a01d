// The local mixnet's admin interface: faults on purpose.

/**
 * @param {{ admin: string }} localnet
 */
export function adminOf(localnet) {
  const call = async (path, body) => {
    const response = await fetch(`${localnet.admin}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`admin ${path}: ${await response.text()}`);
    return response.json();
  };
  return {
    /** Counters of every node. */
    stats: () => call('/stats'),
    /**
     * An action of docs/localnet.md on one node, e.g. `act(1, 'cut')`.
     *
     * @param {number | string} node id or identity
     * @param {string} action
     * @param {Record<string, unknown>} [body]
     */
    act: (node, action, body = {}) => call(`/nodes/${node}/${action}`, body),
    /** Chances per packet at every node; `{}` heals. */
    faults: (rates) => call('/faults', rates),
    rotate: () => call('/rotate', {}),
  };
}
