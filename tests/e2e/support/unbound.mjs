// Debian's unbound with a few names of its own: a resolver that we did not write.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort, runProcess, temporaryFolder } from '@mixweb/testing';

/**
 * @param {string[]} records lines of a zone file
 * @param {{ certFile: string, keyFile: string }} certificate for DNS over TLS
 */
export async function startUnbound(records, certificate) {
  const port = await freePort();
  const tlsPort = await freePort();
  const folder = temporaryFolder('unbound');
  const lines = records.map((record) => `local-data: '${record}'`);
  const config = join(folder.path, 'unbound.conf');
  writeFileSync(
    config,
    `server:
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${folder.path}"
  pidfile: ""
  use-syslog: no
  verbosity: 1
  num-threads: 1
  module-config: "iterator"
  interface: 127.0.0.1@${port}
  interface: 127.0.0.1@${tlsPort}
  tls-port: ${tlsPort}
  tls-service-key: "${certificate.keyFile}"
  tls-service-pem: "${certificate.certFile}"
  access-control: 127.0.0.0/8 allow
  local-zone: "." static
  ${lines.join('\n  ')}
remote-control:
  control-enable: no
`,
  );
  const unbound = await runProcess('/usr/sbin/unbound', ['-d', '-c', config], (output) =>
    output.includes('start of service'),
  );
  return {
    port,
    tlsPort,
    async stop() {
      await unbound.stop();
      folder.dispose();
    },
  };
}
