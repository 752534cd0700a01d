// Streams that the resolver asks over: TLS (RFC 7858), and HTTPS (RFC 8484) made to look like one.
#pragma once

#include <memory>

#include "mix/base/rng.h"
#include "mix/dns/server.h"
#include "mix/net/stack.h"
#include "mix/tls/client.h"

namespace mix::tunnel {

class ResolverStreams final : public dns::StreamOpener {
 public:
  /// All references outlive the opener and its streams.
  ResolverStreams(net::Stack& stack, std::shared_ptr<tls::TrustStore> trust,
                  const base::Clock& clock, base::Rng& rng)
      : stack_(stack), trust_(std::move(trust)), clock_(clock), rng_(rng) {}

  [[nodiscard]] base::Result<std::unique_ptr<net::Stream>> open(const dns::Server& server,
                                                                base::TimePoint now) override;

 private:
  net::Stack& stack_;
  std::shared_ptr<tls::TrustStore> trust_;
  const base::Clock& clock_;
  base::Rng& rng_;
};

}  // namespace mix::tunnel
