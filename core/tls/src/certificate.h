// What of a certificate mbedTLS does not tell: its extensions, and where its names come from.
#pragma once

#include <mbedtls/x509_crt.h>

#include <optional>

#include "mix/base/bytes.h"

namespace mix::tls::detail {

/// A DER element.
struct Element {
  int tag;
  base::ByteView value;
};

/// The first element of a list, which is shortened by it; nothing at its end, or when it is not
/// DER.
[[nodiscard]] std::optional<Element> next(base::ByteView& list);

struct Extension {
  bool critical;
  base::ByteView value;
};

/// Content bytes of OBJECT IDENTIFIERs. spec: RFC 5280 §4.2
inline constexpr std::uint8_t kSubjectKeyIdentifier[] = {0x55, 0x1D, 0x0E};
inline constexpr std::uint8_t kSubjectAltName[] = {0x55, 0x1D, 0x11};
inline constexpr std::uint8_t kNameConstraints[] = {0x55, 0x1D, 0x1E};
inline constexpr std::uint8_t kAuthorityKeyIdentifier[] = {0x55, 0x1D, 0x23};
inline constexpr std::uint8_t kPolicyConstraints[] = {0x55, 0x1D, 0x24};
inline constexpr std::uint8_t kExtendedKeyUsage[] = {0x55, 0x1D, 0x25};
inline constexpr std::uint8_t kAuthorityInfoAccess[] = {0x2B, 0x06, 0x01, 0x05,
                                                        0x05, 0x07, 0x01, 0x01};

[[nodiscard]] std::optional<Extension> find_extension(const mbedtls_x509_crt& certificate,
                                                      base::ByteView oid);

/// As mbedtls_x509_crt_parse_der(_nocopy), but a critical NameConstraints extension is known, since
/// it is checked here.
enum class Storage : std::uint8_t { kCopy, kNoCopy };
[[nodiscard]] int parse_certificate(mbedtls_x509_crt& chain, base::ByteView der, Storage storage);

/// Subject and issuer are the same, byte by byte.
[[nodiscard]] bool is_self_issued(const mbedtls_x509_crt& certificate);

}  // namespace mix::tls::detail
