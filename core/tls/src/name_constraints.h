// Name constraints of authorities (RFC 5280 §4.2.1.10), which mbedTLS does not check: for which DNS
// names and addresses an authority may vouch. Other kinds of names do not matter here, since only
// these two are ever compared with the host.
#pragma once

#include <mbedtls/x509_crt.h>

#include <vector>

#include "mix/base/bytes.h"

namespace mix::tls::detail {

class NameConstraints {
 public:
  /// Adds what an authority's certificate says. False when its extension cannot be read.
  [[nodiscard]] bool add(const mbedtls_x509_crt& authority);
  /// Whether all authorities together allow every name of the leaf.
  [[nodiscard]] bool allow(const mbedtls_x509_crt& leaf) const;

 private:
  struct Subtree {
    std::uint8_t kind;  // context tag of GeneralName
    base::Bytes base;
  };
  /// Of one certificate; a kind that `permitted` does not mention is free.
  struct Set {
    std::vector<Subtree> permitted, excluded;
  };
  [[nodiscard]] static bool read_subtrees(base::ByteView list, std::vector<Subtree>& out);
  [[nodiscard]] static bool allows(const Set& set, std::uint8_t kind, base::ByteView name);
  [[nodiscard]] static bool within(const Subtree& subtree, base::ByteView name);

  std::vector<Set> sets_;
};

}  // namespace mix::tls::detail
