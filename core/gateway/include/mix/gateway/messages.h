// The control messages of the gateway protocol: JSON text frames of both directions.
// spec: gateway §2, §4 to §6, §8. Client and gateway share these codecs.
//
// Decoders tolerate extra fields, accept the protocol's aliases and read a missing
// `protocol_version` as 0 and a missing `upgrade_mode` as false (older peers). A well-formed
// message of a type that is not listed decodes to `UnknownMessage`.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "mix/base/bytes.h"
#include "mix/crypto/keys.h"
#include "mix/gateway/constants.h"

namespace mix::gateway {

// --- both directions ---

/// `handshakePayload`, from a client also named `registerHandshakeInitRequest`. `data` is one of
/// the four payloads of handshake.h.
struct HandshakePayload {
  std::uint8_t protocol_version = 0;
  base::Bytes data;
  friend bool operator==(const HandshakePayload&, const HandshakePayload&) = default;
};

/// `handshakeError`: the sender gave up the handshake.
struct HandshakeError {
  std::string message;
  friend bool operator==(const HandshakeError&, const HandshakeError&) = default;
};

/// A JSON object whose `type` this protocol does not list.
struct UnknownMessage {
  std::string type;
  friend bool operator==(const UnknownMessage&, const UnknownMessage&) = default;
};

// --- client to gateway ---

/// `supportedProtocol`. Legal at any time.
struct SupportedProtocolRequest {
  friend bool operator==(const SupportedProtocolRequest&,
                         const SupportedProtocolRequest&) = default;
};

/// `authenticateV2`; see authentication.h for how to make and check one.
struct AuthenticateV2Request {
  std::uint8_t protocol_version = 0;
  crypto::Ed25519PublicKey client_identity;
  std::array<std::uint8_t, kAddressCiphertextSize> address_ciphertext{};
  crypto::GcmSivNonce nonce{};
  std::uint64_t unix_timestamp = 0;  // seconds
  crypto::Signature signature{};
  friend bool operator==(const AuthenticateV2Request&, const AuthenticateV2Request&) = default;
};

/// `authenticate`: the withdrawn first version, which a gateway refuses. Its fields are not read.
struct LegacyAuthenticateRequest {
  friend bool operator==(const LegacyAuthenticateRequest&,
                         const LegacyAuthenticateRequest&) = default;
};

/// `claimFreeTestnetBandwidth`.
struct ClaimFreeBandwidthRequest {
  friend bool operator==(const ClaimFreeBandwidthRequest&,
                         const ClaimFreeBandwidthRequest&) = default;
};

/// `ecashCredential`: a sealed zk-nym ticket. The nonce is written as `iv`; `nonce` is accepted.
struct EcashCredentialRequest {
  base::Bytes sealed_credential;
  crypto::GcmSivNonce nonce{};
  friend bool operator==(const EcashCredentialRequest&, const EcashCredentialRequest&) = default;
};

/// `upgradeModeJWT`.
struct UpgradeModeRequest {
  std::string token;
  friend bool operator==(const UpgradeModeRequest&, const UpgradeModeRequest&) = default;
};

/// `bandwidthCredential` and `bandwidthCredentialV2`, which a gateway refuses; fields are not read.
struct LegacyCredentialRequest {
  friend bool operator==(const LegacyCredentialRequest&, const LegacyCredentialRequest&) = default;
};

/// `encryptedRequest`: a sealed `SensitiveRequest`.
struct EncryptedRequest {
  base::Bytes ciphertext;
  crypto::GcmSivNonce nonce{};
  friend bool operator==(const EncryptedRequest&, const EncryptedRequest&) = default;
};

using Request =
    std::variant<SupportedProtocolRequest, HandshakePayload, HandshakeError, AuthenticateV2Request,
                 LegacyAuthenticateRequest, ClaimFreeBandwidthRequest, EcashCredentialRequest,
                 UpgradeModeRequest, LegacyCredentialRequest, EncryptedRequest, UnknownMessage>;

// --- gateway to client ---

/// `supportedProtocol`.
struct SupportedProtocolResponse {
  std::uint8_t version = 0;
  friend bool operator==(const SupportedProtocolResponse&,
                         const SupportedProtocolResponse&) = default;
};

/// `register`: the handshake is over, the client is authenticated.
struct RegisterResponse {
  std::uint8_t protocol_version = 0;
  bool status = false;
  bool upgrade_mode = false;
  friend bool operator==(const RegisterResponse&, const RegisterResponse&) = default;
};

/// `authenticate`.
struct AuthenticateResponse {
  std::uint8_t protocol_version = 0;
  bool status = false;
  std::int64_t bandwidth_remaining = 0;  // bytes
  bool upgrade_mode = false;
  friend bool operator==(const AuthenticateResponse&, const AuthenticateResponse&) = default;
};

/// `bandwidth`: the answer to a claim.
struct BandwidthResponse {
  std::int64_t available_total = 0;  // bytes
  bool upgrade_mode = false;
  friend bool operator==(const BandwidthResponse&, const BandwidthResponse&) = default;
};

/// `send`: one packet was handed to the forwarder.
struct SendResponse {
  std::int64_t remaining_bandwidth = 0;  // bytes
  bool upgrade_mode = false;
  friend bool operator==(const SendResponse&, const SendResponse&) = default;
};

/// `encryptedResponse`: a sealed `SensitiveResponse`.
struct EncryptedResponse {
  base::Bytes ciphertext;
  crypto::GcmSivNonce nonce{};
  friend bool operator==(const EncryptedResponse&, const EncryptedResponse&) = default;
};

/// `error`: free text.
struct ErrorResponse {
  std::string message;
  friend bool operator==(const ErrorResponse&, const ErrorResponse&) = default;
};

/// `typedError` of the kind `out_of_bandwidth`: a packet was discarded.
struct OutOfBandwidthResponse {
  std::int64_t required = 0;   // bytes
  std::int64_t available = 0;  // bytes
  friend bool operator==(const OutOfBandwidthResponse&, const OutOfBandwidthResponse&) = default;
};

/// Any other `typedError`; `name` is its variant, such as "ticket_replay".
struct TypedErrorResponse {
  std::string name;
  friend bool operator==(const TypedErrorResponse&, const TypedErrorResponse&) = default;
};

using Response =
    std::variant<SupportedProtocolResponse, HandshakePayload, HandshakeError, RegisterResponse,
                 AuthenticateResponse, BandwidthResponse, SendResponse, EncryptedResponse,
                 ErrorResponse, OutOfBandwidthResponse, TypedErrorResponse, UnknownMessage>;

/// The JSON text of a message. An `UnknownMessage` is written as its bare `type`, the withdrawn
/// requests likewise (`LegacyCredentialRequest` as `bandwidthCredential`). Texts must be UTF-8.
[[nodiscard]] std::string encode_request(const Request& request);
[[nodiscard]] std::string encode_response(const Response& response);

/// Errors: `gateway_malformed` (no JSON object with a text `type`, a field missing, of the wrong
/// type, length or range, or more than `kMaxControlMessageSize` bytes).
[[nodiscard]] base::Result<Request> decode_request(std::string_view text);
[[nodiscard]] base::Result<Response> decode_response(std::string_view text);

// --- inside encryptedRequest and encryptedResponse; spec: gateway §8 ---

/// `client` deletes the client's key, bandwidth and stored messages from the gateway.
struct ForgetMe {
  bool client = false;
  bool stats = false;
  friend bool operator==(const ForgetMe&, const ForgetMe&) = default;
};

/// Marks the session for the gateway's statistics: "Mixnet", "Vpn", "Wasm", "Native", ...
struct RememberMe {
  std::string session_type;
  friend bool operator==(const RememberMe&, const RememberMe&) = default;
};

using SensitiveRequest = std::variant<ForgetMe, RememberMe>;

/// Which request the gateway carried out.
enum class SensitiveResponse : std::uint8_t { kForgetMeAck, kRememberMeAck };

/// The plaintext to seal (and what an opened one must look like).
[[nodiscard]] base::Bytes encode_sensitive_request(const SensitiveRequest& request);
[[nodiscard]] base::Bytes encode_sensitive_response(SensitiveResponse response);
/// Errors: `gateway_malformed`.
[[nodiscard]] base::Result<SensitiveRequest> decode_sensitive_request(base::ByteView plaintext);
[[nodiscard]] base::Result<SensitiveResponse> decode_sensitive_response(base::ByteView plaintext);

}  // namespace mix::gateway
