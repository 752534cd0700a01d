// A throw-away certificate authority: issues whatever certificate a test needs, good or bad.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"

namespace mix::test {

enum class KeyKind : std::uint8_t { kP256, kP384, kRsa2048, kRsa1024 };
enum class SignatureHash : std::uint8_t { kSha256, kSha384, kSha1 };
enum class CertificateRole : std::uint8_t { kLeaf, kAuthority };
enum class ExtendedUsage : std::uint8_t { kNone, kServer, kClient };

/// An extension that TestCa has no words for.
struct RawExtension {
  std::string oid;  // content bytes of the OBJECT IDENTIFIER
  bool critical = false;
  base::Bytes value;  // DER
};

/// What a certificate says. The defaults make a good server certificate once a name is given.
struct CertificateSpec {
  std::string subject = "CN=leaf";  // "CN=..,O=.."
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;                        // text
  base::WallTime not_before{std::chrono::seconds{1735689600}};  // 2025-01-01
  base::WallTime not_after{std::chrono::seconds{1893456000}};   // 2030-01-01
  CertificateRole role = CertificateRole::kLeaf;
  int path_length = -1;               // of an authority; negative: unlimited
  std::optional<unsigned> key_usage;  // mbedTLS' bits; otherwise what fits the role
  ExtendedUsage extended_usage = ExtendedUsage::kServer;
  KeyKind key = KeyKind::kP256;
  SignatureHash hash = SignatureHash::kSha256;
  std::vector<RawExtension> extensions;
};

/// A private key; see test_ca.cpp.
class TestKey;

/// What a server presents: its chain, leaf first, and the leaf's key.
struct Identity {
  std::vector<base::Bytes> chain;  // DER
  std::shared_ptr<TestKey> key;
};

/// PEM text of a DER certificate.
[[nodiscard]] std::string to_pem(base::ByteView der);
/// Unencrypted PEM text of the key (for servers that are other programs).
[[nodiscard]] std::string to_pem(const TestKey& key);

/// A certificate with the power to sign others.
class TestCa {
 public:
  /// A self-signed root. Panics when mbedTLS refuses the specification.
  TestCa(base::Rng& rng, const std::string& subject);
  TestCa(base::Rng& rng, const CertificateSpec& spec);

  /// A certificate signed by this authority. Its chain holds every certificate up to, and without,
  /// the root.
  [[nodiscard]] Identity issue(const CertificateSpec& spec) const;
  /// A server certificate for one DNS name.
  [[nodiscard]] Identity issue_for(const std::string& dns_name) const;
  /// An intermediate authority below this one.
  [[nodiscard]] TestCa intermediate(const CertificateSpec& spec) const;
  /// A certificate that signs itself.
  [[nodiscard]] static Identity self_signed(base::Rng& rng, const CertificateSpec& spec);

  /// The authority's own certificate.
  [[nodiscard]] const base::Bytes& der() const { return own_.chain.front(); }
  [[nodiscard]] std::string pem() const { return to_pem(der()); }

 private:
  TestCa(base::Rng& rng, Identity own, std::string subject, bool is_root)
      : rng_(&rng), own_(std::move(own)), subject_(std::move(subject)), is_root_(is_root) {}

  base::Rng* rng_;
  Identity own_;
  std::string subject_;
  bool is_root_;
};

/// For test_ca.cpp and tls_server.cpp.
struct TestKeyAccess {
  /// The mbedtls_pk_context.
  static void* context(const TestKey& key);
};

}  // namespace mix::test
