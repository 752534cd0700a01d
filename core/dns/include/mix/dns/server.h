// Which resolver to ask, and how to reach it.
#pragma once

#include <cstdint>
#include <string>

#include "mix/net/address.h"

namespace mix::dns {

enum class Transport : std::uint8_t {
  kUdp,    // TCP after a truncated answer
  kTcp,    // RFC 7766
  kTls,    // RFC 7858
  kHttps,  // RFC 8484
};

struct Server {
  net::Endpoint endpoint;
  Transport transport = Transport::kUdp;
  std::string host = {};  // in the certificate; TLS and HTTPS only
  std::string path = {};  // HTTPS only, with the query
  friend bool operator==(const Server&, const Server&) = default;
};

}  // namespace mix::dns
