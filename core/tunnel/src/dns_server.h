// How callers name a resolver, read.
#pragma once

#include <string>
#include <vector>

#include "mix/base/result.h"
#include "mix/dns/server.h"
#include "mix/tunnel/options.h"

namespace mix::tunnel {

/// A resolver whose address may still be unknown.
struct NamedServer {
  dns::Server server;  // with its port; the address is not set when `needs_lookup`
  bool needs_lookup = false;
};

/// `text`: `ip[:port]`; over TLS also `name[:port]`; over HTTPS also a URL. Ports: 53, 853, 443.
/// Errors: `dns_bad_server`.
[[nodiscard]] base::Result<NamedServer> read_server(const std::string& text,
                                                    dns::Transport transport);
/// The tunnel's own two, over a transport. `options` have been validated.
[[nodiscard]] std::vector<dns::Server> own_servers(const Options& options,
                                                   dns::Transport transport);

}  // namespace mix::tunnel
