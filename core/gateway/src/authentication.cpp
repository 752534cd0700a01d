#include "mix/gateway/authentication.h"

namespace mix::gateway {
namespace {

using base::Errc;
using base::Result;

/// spec: gateway §5, "Signed bytes".
base::Bytes signed_bytes(const AuthenticateV2Request& request) {
  base::Writer out(kAuthenticationSignedSize);
  out.u8(request.protocol_version)
      .bytes(request.client_identity.view())
      .bytes(request.address_ciphertext)
      .bytes(request.nonce)
      .u64be(request.unix_timestamp);
  return out.take();
}

}  // namespace

AuthenticateV2Request build_authentication(const crypto::Ed25519KeyPair& identity,
                                           const SharedKey& key, std::uint8_t protocol_version,
                                           std::uint64_t unix_timestamp,
                                           const crypto::GcmSivNonce& nonce) {
  AuthenticateV2Request request;
  request.protocol_version = protocol_version;
  request.client_identity = identity.public_key;
  const base::Bytes sealed = crypto::GcmSiv(key).seal(nonce, identity.public_key.view());
  request.address_ciphertext = base::Reader(sealed).fixed<kAddressCiphertextSize>().value();
  request.nonce = nonce;
  request.unix_timestamp = unix_timestamp;
  request.signature = crypto::ed25519_sign(identity, signed_bytes(request));
  return request;
}

Result<void> verify_authentication(const AuthenticateV2Request& request, base::WallTime now) {
  if (request.protocol_version < kOldestProtocolVersion ||
      request.protocol_version > kProtocolVersion) {
    return Errc::gateway_old_protocol;
  }
  const auto now_seconds = static_cast<std::uint64_t>(
      std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  const std::uint64_t skew = request.unix_timestamp > now_seconds
                                 ? request.unix_timestamp - now_seconds
                                 : now_seconds - request.unix_timestamp;
  if (skew > static_cast<std::uint64_t>(kMaxTimestampSkew.count())) {
    return Errc::gateway_clock_skew;
  }
  if (!crypto::ed25519_verify(request.client_identity, signed_bytes(request), request.signature)) {
    return Errc::gateway_refused;
  }
  return {};
}

Result<void> verify_authentication_key(const AuthenticateV2Request& request, const SharedKey& key) {
  const auto opened = crypto::GcmSiv(key).open(request.nonce, request.address_ciphertext);
  if (!opened || !base::equal(*opened, request.client_identity.view())) {
    return Errc::gateway_refused;
  }
  return {};
}

}  // namespace mix::gateway
