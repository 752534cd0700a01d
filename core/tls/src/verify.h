// How a server's certificate chain is judged: mbedTLS builds and checks the chain, the anchors come
// from the TrustStore on demand, and the host is compared here (host.h).
#pragma once

#include <mbedtls/ssl.h>

#include <string>

#include "host.h"
#include "mix/tls/client.h"

namespace mix::tls::detail {

class Verifier {
 public:
  Verifier(Host host, std::shared_ptr<TrustStore> trust)
      : host_(std::move(host)), trust_(std::move(trust)) {}
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  /// Makes the configuration demand a valid chain and use this object, which must outlive it.
  void install(mbedtls_ssl_config& config);

  [[nodiscard]] const Host& host() const { return host_; }

 private:
  static int find_anchors(void* self, const mbedtls_x509_crt* child, mbedtls_x509_crt** candidates);
  static int check_certificate(void* self, mbedtls_x509_crt* certificate, int depth,
                               std::uint32_t* flags);
  [[nodiscard]] bool names_host(const mbedtls_x509_crt& leaf) const;

  Host host_;
  std::shared_ptr<TrustStore> trust_;
};

/// The error for mbedTLS' verification flags, the gravest first: unknown issuer, wrong host,
/// validity, all else.
[[nodiscard]] base::Error verification_error(std::uint32_t flags, std::string context);

}  // namespace mix::tls::detail
