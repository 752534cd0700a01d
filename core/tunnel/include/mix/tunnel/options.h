// What a caller may choose about a tunnel, with the defaults of spec: api part 1 §1, part 2 §2.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mix/base/result.h"
#include "mix/base/time.h"
#include "mix/mixnet/config.h"
#include "mix/tls/client.h"

namespace mix::tunnel {

/// How long to wait between attempts to get a lost gateway or exit back.
struct ReconnectOptions {
  bool enabled = true;
  std::optional<std::uint32_t> max_attempts;  // none: for ever
  base::Duration min_delay = std::chrono::milliseconds{500};
  base::Duration max_delay = std::chrono::seconds{30};
};

struct Options {
  std::vector<std::string> nym_api_urls;         // directory, tried in order
  std::optional<std::string> preferred_ipr;      // Nym address; none: discovered
  std::optional<std::string> preferred_gateway;  // base58 identity; none: random
  bool exit = true;                              // false: mixnet messages only
  bool force_tls = true;                         // only wss to the gateway
  mixnet::TrafficConfig traffic;                 // shaping, delays, packet format
  std::size_t headers_ahead = 32;                // of each kind, built while idle; docs/adr/0015
  std::uint32_t open_reply_surbs = 10;
  std::uint32_t data_reply_surbs = 2;
  std::string primary_dns = "8.8.8.8:53";
  std::string fallback_dns = "1.1.1.1:53";
  base::Duration connect_timeout = std::chrono::seconds{60};  // exit handshake
  base::Duration dns_timeout = std::chrono::seconds{30};      // per query
  base::Duration tcp_keepalive = std::chrono::seconds{10};
  std::size_t tcp_buffer_size = 512 * 1024;  // bytes, each direction
  std::uint8_t max_redirects = 5;
  base::Duration ipr_keepalive = std::chrono::seconds{25};  // zero: off
  std::optional<std::uint16_t> max_mtu;                     // 1280..1500
  std::map<std::string, std::vector<tls::Pin>> tls_pins;    // by host in lower case
  std::string extra_roots;                                  // PEM, added to the built-in set
  ReconnectOptions reconnect;
};

/// Checks what can be checked without the network.
/// Errors: `config_bad_option` (context names the option), `config_bad_ipr_address`,
/// `config_bad_gateway_identity`, `tls_bad_roots`.
[[nodiscard]] base::Result<void> validate(const Options& options);

}  // namespace mix::tunnel
