// What the public authorities have bound themselves to (CA/Browser Forum, Baseline Requirements
// §7.1, and RFC 5280 §4 below them), as far as a chain shows it. A certificate that breaks these
// rules was not made as it should have been, so nothing else that it says is believed either.
// Chains below an anchor of the caller's own are not held to them.
#pragma once

#include <mbedtls/x509_crt.h>

#include <cstdint>

namespace mix::tls::detail {

/// Whether an anchor keeps those that all of Mozilla's keep; it is trusted for its name and key, so
/// little else of it counts. spec: RFC 5280 §6.1.1 (d)
[[nodiscard]] bool is_proper_anchor(const mbedtls_x509_crt& certificate);
/// Whether an authority below the anchor keeps the rules.
[[nodiscard]] bool is_proper_authority(const mbedtls_x509_crt& certificate);
/// Whether a server's certificate does.
[[nodiscard]] bool is_proper_leaf(const mbedtls_x509_crt& certificate);

}  // namespace mix::tls::detail
