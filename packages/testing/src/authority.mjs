// A throw-away certificate authority (openssl).
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { temporaryFolder } from './process.mjs';

const openssl = (args, cwd) => execFileSync('openssl', args, { cwd, stdio: 'pipe' });

/**
 * Creates a root certificate; `issue` makes leaf certificates below it.
 *
 * @param {string} [name] common name of the root
 */
export function createAuthority(name = 'mixweb test CA') {
  const folder = temporaryFolder('ca');
  const cwd = folder.path;
  openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ca.key'], cwd);
  openssl(
    [
      'req',
      '-x509',
      '-new',
      '-key',
      'ca.key',
      '-sha256',
      '-days',
      '30',
      '-subj',
      `/CN=${name}`,
      '-addext',
      'basicConstraints=critical,CA:TRUE',
      '-addext',
      'keyUsage=critical,keyCertSign,cRLSign',
      '-out',
      'ca.pem',
    ],
    cwd,
  );
  let serial = 0;
  return {
    pem: readFileSync(join(cwd, 'ca.pem'), 'utf8'),
    dispose: folder.dispose,
    /**
     * @param {string[]} names DNS names and IP addresses of the subject
     * @param {{ expired?: boolean }} [options]
     * @returns {{ certFile: string, keyFile: string }}
     */
    issue(names, { expired = false } = {}) {
      const id = `leaf${++serial}`;
      const isIp = (text) => /^[\d.]+$/.test(text) || text.includes(':');
      const san = names.map((text) => `${isIp(text) ? 'IP' : 'DNS'}:${text}`).join(',');
      writeFileSync(
        join(cwd, `${id}.ext`),
        `subjectAltName=${san}\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n` +
          'extendedKeyUsage=serverAuth\n',
      );
      openssl(['ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${id}.key`], cwd);
      openssl(['req', '-new', '-key', `${id}.key`, '-subj', '/CN=leaf', '-out', `${id}.csr`], cwd);
      const validity = expired ? ['-days', '-1'] : ['-days', '10'];
      openssl(
        [
          'x509',
          '-req',
          '-in',
          `${id}.csr`,
          '-CA',
          'ca.pem',
          '-CAkey',
          'ca.key',
          '-sha256',
          '-set_serial',
          String(1000 + serial),
          ...validity,
          '-extfile',
          `${id}.ext`,
          '-out',
          `${id}.pem`,
        ],
        cwd,
      );
      return { certFile: join(cwd, `${id}.pem`), keyFile: join(cwd, `${id}.key`) };
    },
  };
}
