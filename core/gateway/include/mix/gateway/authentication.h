// Authentication of a returning client, second version: a signed, timestamped request.
// spec: gateway §5. The client builds it, the gateway checks it step by step.
#pragma once

#include "mix/base/time.h"
#include "mix/crypto/keys.h"
#include "mix/gateway/handshake.h"
#include "mix/gateway/messages.h"

namespace mix::gateway {

/// A complete, signed request. `unix_timestamp` in seconds must exceed the one of every earlier
/// login of this client at this gateway.
[[nodiscard]] AuthenticateV2Request build_authentication(const crypto::Ed25519KeyPair& identity,
                                                         const SharedKey& key,
                                                         std::uint8_t protocol_version,
                                                         std::uint64_t unix_timestamp,
                                                         const crypto::GcmSivNonce& nonce);

/// The gateway's checks that need no stored state, in the protocol's order. Errors:
/// `gateway_old_protocol` (version not in 4..6), `gateway_clock_skew` (more than 120 s off),
/// `gateway_refused` (signature).
[[nodiscard]] base::Result<void> verify_authentication(const AuthenticateV2Request& request,
                                                       base::WallTime now);

/// The gateway's proof that the client holds the stored key; follows `verify_authentication`.
/// Errors: `gateway_refused`.
[[nodiscard]] base::Result<void> verify_authentication_key(const AuthenticateV2Request& request,
                                                           const SharedKey& key);

}  // namespace mix::gateway
