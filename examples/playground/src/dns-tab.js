// Names, asked from the exit.
import { mixDNSResolve } from '@mixweb/mix-dns';

import { element, ms, onSubmit, showFacts, told } from './dom.js';
import { log } from './log.js';

export function initDns(config) {
  element('dns-name').value = new URL(config.url).hostname;
  onSubmit(element('dns-form'), async () => {
    const [name, type] = [element('dns-name').value, element('dns-type').value];
    const transport = element('dns-transport').value;
    const facts = element('dns-facts');
    showFacts(facts, { status: 'waiting…' });
    element('dns-records').textContent = '';
    const begun = performance.now();
    try {
      // Certificates of resolvers are for their addresses.
      const server = transport === 'udp' || transport === 'tcp' ? {} : { server: '8.8.8.8' };
      const answer = await mixDNSResolve(name, type, { transport, ...server });
      showFacts(facts, {
        time: ms(performance.now() - begun),
        resolver: answer.server,
        'canonical name': answer.canonicalName,
        'time to live': `${answer.ttl} s`,
        'from the cache': answer.fromCache ? 'yes' : 'no',
      });
      element('dns-records').textContent = answer.records
        .map((record) => (typeof record === 'string' ? record : JSON.stringify(record)))
        .join('\n');
      log(`${type} of ${name}: ${answer.records.length} records`);
    } catch (error) {
      showFacts(facts, { failed: told(error) });
      log(told(error), 'bad');
    }
  });
}
