// Links that the resolver asks over: TLS (RFC 7858), and HTTPS (RFC 8484).
#pragma once

#include <memory>
#include <utility>

#include "mix/base/rng.h"
#include "mix/dns/link.h"
#include "mix/net/stack.h"
#include "mix/tls/client.h"

namespace mix::tunnel {

class ResolverLinks final : public dns::LinkOpener {
 public:
  /// All references outlive the opener and its links.
  ResolverLinks(net::Stack& stack, std::shared_ptr<tls::TrustStore> trust, const base::Clock& clock,
                base::Rng& rng)
      : stack_(stack), trust_(std::move(trust)), clock_(clock), rng_(rng) {}

  [[nodiscard]] base::Result<std::unique_ptr<dns::Link>> open(const dns::Server& server,
                                                              base::TimePoint now) override;

 private:
  net::Stack& stack_;
  std::shared_ptr<tls::TrustStore> trust_;
  const base::Clock& clock_;
  base::Rng& rng_;
};

}  // namespace mix::tunnel
