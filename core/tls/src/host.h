// Does a certificate name the host that we meant? RFC 9525: only subject alternative names count,
// the common name never does.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "mix/base/bytes.h"

namespace mix::tls::detail {

/// Lower case, without trailing dot.
struct DnsHost {
  std::string name;
};
/// Network byte order, 4 or 16 bytes.
struct IpHost {
  base::Bytes address;
};
using Host = std::variant<DnsHost, IpHost>;

/// Reads a DNS name (letters, digits, hyphen, underscore; IDNA names as xn--) or an IP literal.
/// Errors: `tls_handshake` when it is neither.
[[nodiscard]] base::Result<Host> parse_host(std::string_view text);

/// Whether a dNSName of a certificate covers the name. A wildcard is the whole first label, stands
/// for exactly one label and has at least two labels after it.
[[nodiscard]] bool dns_name_matches(std::string_view presented, std::string_view host);

}  // namespace mix::tls::detail
