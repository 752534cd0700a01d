// Which resolver to ask, and how to reach it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "mix/base/time.h"
#include "mix/net/address.h"
#include "mix/net/stream.h"

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

/// Opens streams that resolvers are asked over: this rung knows neither TLS nor HTTP.
class StreamOpener {
 public:
  virtual ~StreamOpener() = default;
  /// A stream, perhaps still connecting, for one question and its answer in the framing of DNS over
  /// TCP (RFC 1035 §4.2.2), whatever goes over the wire. Errors: those of net::Stack::connect.
  [[nodiscard]] virtual base::Result<std::unique_ptr<net::Stream>> open(const Server& server,
                                                                        base::TimePoint now) = 0;
};

}  // namespace mix::dns
