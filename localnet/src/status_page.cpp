// The page's markup, style and script, with a policy that allows nothing else.
#include "mix/localnet/status_page.h"

namespace mix::localnet {
namespace {

constexpr const char* kPage = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mix-localnet</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: 0 0 1.5rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .6rem; border-bottom: 1px solid #8884; }
th { font-weight: 600; white-space: nowrap; }
th:first-child, td:first-child, .text { text-align: left; }
code { font-size: .9em; }
.down { opacity: .5; text-decoration: line-through; }
#state { min-height: 1.5em; }
</style>
<h1>mix-localnet</h1>
<p id="state" role="status">asking…</p>
<dl id="facts"></dl>
<div class="table"><table>
<caption hidden>Nodes</caption>
<thead><tr><th scope="col">node<th scope="col" class="text">address<th scope="col">clients
<th scope="col">received<th scope="col">per s<th scope="col">forwarded<th scope="col">delivered
<th scope="col">held<th scope="col">dropped</tr></thead>
<tbody id="nodes"></tbody>
</table></div>
<p>More: <a href="/metrics">/metrics</a> (Prometheus), <a href="/admin">/admin</a> (counters, faults).</p>
<script>
'use strict';
const INTERVAL_MS = 1000;
const $ = (id) => document.getElementById(id);
const element = (name, text, className = '') =>
  Object.assign(document.createElement(name), { textContent: text, className });
const number = (value) => value.toLocaleString('en');
let before = new Map();

function row(node) {
  const earlier = before.get(node.id);
  const rate = earlier ? (node.received - earlier.received) / ((performance.now() - earlier.at) / 1000) : 0;
  before.set(node.id, { received: node.received, at: performance.now() });
  const dropped = Object.values(node.dropped).reduce((sum, count) => sum + count, 0);
  const name = `${node.id} ${node.role}${node.layer ? ` ${node.layer}` : ''}`;
  const cells = [number(node.received), rate.toFixed(0), number(node.forwarded), number(node.delivered),
    number(node.held), number(dropped)];
  const tr = element('tr', '', node.alive && node.listed ? '' : 'down');
  const address = element('td', node.address, 'text');
  address.title = node.identity;
  tr.append(element('td', name), address, element('td', node.gateway ? number(node.gateway.sessions) : ''),
    ...cells.map((text) => element('td', text)));
  return tr;
}

async function ask(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

async function facts() {
  const network = await ask('/admin/network');
  const entries = [['directory', network.directory],
    ...network.entries.map((entry) => ['entry', entry.url]),
    ...network.mixes.map((mix) => [`mix ${mix.layer}`, mix.address]),
    ...network.exits.map((exit) => ['exit', exit.ipr])];
  $('facts').replaceChildren(...entries.flatMap(([name, value]) => [element('dt', name), element('dd', value)]));
}

async function renew() {
  try {
    await facts();
    const stats = await ask('/admin/stats');
    $('nodes').replaceChildren(...stats.nodes.map(row));
    $('state').textContent = `epoch ${stats.epoch}, key rotation ${stats.rotation}, ` +
      `${stats.nodes.filter((node) => node.alive).length} of ${stats.nodes.length} nodes run`;
  } catch (error) {
    $('state').textContent = `no answer (${error.message})`;
  }
  setTimeout(renew, INTERVAL_MS);
}
renew();
</script>
</html>
)html";

}  // namespace

HttpAnswer status_page() {
  return {200,
          "text/html; charset=utf-8",
          kPage,
          {{"Content-Security-Policy",
            "default-src 'none'; connect-src 'self'; img-src data:; style-src 'unsafe-inline'; "
            "script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"},
           {"Cache-Control", "no-store"},
           {"X-Content-Type-Options", "nosniff"}}};
}

}  // namespace mix::localnet
