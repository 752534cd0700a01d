// How a server's certificate chain is judged: mbedTLS builds and checks the chain, the anchors come
// from the TrustStore on demand, and the host is compared here (host.h).
#pragma once

#include <mbedtls/ssl.h>

#include <optional>
#include <string>
#include <vector>

#include "host.h"
#include "mix/tls/client.h"
#include "name_constraints.h"

namespace mix::tls::detail {

class Verifier {
 public:
  Verifier(Host host, std::shared_ptr<TrustStore> trust, std::vector<Pin> pins)
      : host_(std::move(host)), trust_(std::move(trust)), pins_(std::move(pins)) {}
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  /// Makes the configuration demand a valid chain and use this object, which must outlive it.
  void install(mbedtls_ssl_config& config);

  /// What a handshake would make of these certificates, leaf first: mbedTLS' flags, 0 when good.
  [[nodiscard]] std::uint32_t judge(mbedtls_x509_crt& chain);

  [[nodiscard]] const Host& host() const { return host_; }
  /// The chain was good, but none of its keys is pinned.
  [[nodiscard]] bool pin_failed() const { return pin_failed_; }

 private:
  static int find_anchors(void* self, const mbedtls_x509_crt* child, mbedtls_x509_crt** candidates);
  static int check_certificate(void* self, mbedtls_x509_crt* certificate, int depth,
                               std::uint32_t* flags);
  [[nodiscard]] bool is_pinned(const mbedtls_x509_crt& certificate) const;
  [[nodiscard]] bool names_host(const mbedtls_x509_crt& leaf) const;

  Host host_;
  std::shared_ptr<TrustStore> trust_;
  const std::vector<Pin> pins_;
  void check_authority(const mbedtls_x509_crt& certificate, std::uint32_t& flags);
  void check_leaf(const mbedtls_x509_crt& leaf, std::uint32_t& flags);

  NameConstraints constraints_;       // of the authorities above the leaf
  std::optional<AnchorKind> anchor_;  // once the certificate at the top was seen
  std::uint32_t chain_flags_ = 0;     // of all certificates of the chain that was built
  bool pin_found_ = false;
  bool pin_failed_ = false;
};

/// The error for mbedTLS' verification flags, the gravest first: unknown issuer, wrong host,
/// validity, all else.
[[nodiscard]] base::Error verification_error(std::uint32_t flags, std::string context);

}  // namespace mix::tls::detail
