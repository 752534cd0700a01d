// Name constraints of authorities (RFC 5280 §4.2.1.10), which mbedTLS does not check: for which
// names an authority may vouch. DNS names, addresses and directory names are compared; a name of
// another kind that is constrained at all is not allowed, since nobody here can tell.
#pragma once

#include <mbedtls/x509_crt.h>

#include <vector>

#include "mix/base/bytes.h"
#include "mix/tls/client.h"

namespace mix::tls::detail {

class NameConstraints {
 public:
  /// Adds what an authority's certificate says; `anchor` is whose it is below. Callers' own may
  /// begin DNS names with a dot, which public ones may not. False when its extension cannot be
  /// read.
  [[nodiscard]] bool add(const mbedtls_x509_crt& authority, AnchorKind anchor);
  /// Whether all authorities together allow every name of a certificate below them.
  [[nodiscard]] bool allow(const mbedtls_x509_crt& certificate);

 private:
  struct Subtree {
    std::uint8_t kind;  // context tag of GeneralName
    base::Bytes base;
  };
  /// Of one certificate; a kind that `permitted` does not mention is free.
  struct Set {
    std::vector<Subtree> permitted, excluded;
  };
  [[nodiscard]] static bool read_subtrees(base::ByteView list, AnchorKind anchor,
                                          std::vector<Subtree>& out);
  [[nodiscard]] static bool allows(const Set& set, std::uint8_t kind, base::ByteView name);
  [[nodiscard]] bool allow_name(std::uint8_t kind, base::ByteView name);

  std::vector<Set> sets_;
  std::size_t comparisons_ = 0;  // of names with subtrees so far
};

}  // namespace mix::tls::detail
