#include "mix/gateway/messages.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <optional>

#include "mix/base/encoding.h"
#include "mix/json/reader.h"
#include "mix/json/writer.h"

namespace mix::gateway {
namespace {

using base::Errc;
using base::Result;
using json::ObjectWriter;

/// What a client may call its session. spec: gateway §8.
constexpr std::array<std::string_view, 6> kSessionTypes{"Vpn",    "Mixnet", "Wasm",
                                                        "Native", "Socks5", "Unknown"};

constexpr json::Limits kLimits{.max_size = kMaxControlMessageSize, .max_depth = 8};

// --- fields; each errors with `gateway_malformed` ---

template <class T>
Result<T> required(const std::optional<T>& value) {
  if (!value) return Errc::gateway_malformed;
  return *value;
}

Result<std::string> text_field(const json::Value& object, std::string_view key) {
  MIX_TRY(const std::string_view text, required(json::text(json::find(object, key))));
  return std::string{text};
}

template <std::integral T>
Result<T> integer_field(const json::Value& object, std::string_view key) {
  return required(json::integer<T>(json::find(object, key)));
}

Result<std::uint8_t> version_or_zero(const json::Value& object) {
  const json::Value* value = json::find(object, "protocol_version");
  if (json::is_absent(value)) return std::uint8_t{0};
  return required(json::integer<std::uint8_t>(value));
}

Result<bool> flag_field(const json::Value& object, std::string_view key) {
  return required(json::boolean(json::find(object, key)));
}

Result<bool> flag_or_false(const json::Value& object, std::string_view key) {
  const json::Value* value = json::find(object, key);
  if (json::is_absent(value)) return false;
  return required(json::boolean(value));
}

Result<base::Bytes> bytes_field(const json::Value& object, std::string_view key) {
  return required(json::byte_array(json::find(object, key)));
}

template <std::size_t N>
Result<std::array<std::uint8_t, N>> exactly(const base::Bytes& bytes) {
  if (bytes.size() != N) return Errc::gateway_malformed;
  return base::Reader(bytes).fixed<N>();
}

template <std::size_t N>
Result<std::array<std::uint8_t, N>> array_field(const json::Value& object, std::string_view key) {
  MIX_TRY(const base::Bytes bytes, bytes_field(object, key));
  return exactly<N>(bytes);
}

template <std::size_t N>
Result<std::array<std::uint8_t, N>> base64_field(const json::Value& object, std::string_view key) {
  MIX_TRY(const std::string_view text, required(json::text(json::find(object, key))));
  const auto bytes = base::base64_decode(text);
  if (!bytes) return Errc::gateway_malformed;
  return exactly<N>(*bytes);
}

// --- messages of both directions ---

Result<HandshakePayload> decode_handshake_payload(const json::Value& object) {
  HandshakePayload out;
  MIX_TRY(out.protocol_version, version_or_zero(object));
  MIX_TRY(out.data, bytes_field(object, "data"));
  return out;
}

Result<HandshakeError> decode_handshake_error(const json::Value& object) {
  MIX_TRY(std::string message, text_field(object, "message"));
  return HandshakeError{std::move(message)};
}

ObjectWriter start(std::string_view type) {
  ObjectWriter out;
  out.string("type", type);
  return out;
}

std::string encode(const HandshakePayload& m) {
  return start("handshakePayload")
      .number("protocol_version", m.protocol_version)
      .bytes("data", m.data)
      .take();
}

std::string encode(const HandshakeError& m) {
  return start("handshakeError").string("message", m.message).take();
}

std::string encode(const UnknownMessage& m) { return start(m.type).take(); }

// --- requests ---

std::string encode(const SupportedProtocolRequest&) { return start("supportedProtocol").take(); }

/// The only message with camelCase fields. spec: gateway §5.
std::string encode(const AuthenticateV2Request& m) {
  return start("authenticateV2")
      .number("protocolVersion", m.protocol_version)
      .bytes("clientIdentity", m.client_identity.view())
      .string("addressCiphertext", base::base64_encode(m.address_ciphertext))
      .string("nonce", base::base64_encode(m.nonce))
      .number("requestUnixTimestamp", m.unix_timestamp)
      .bytes("requestSignature", m.signature)
      .take();
}

Result<AuthenticateV2Request> decode_authenticate_v2(const json::Value& object) {
  AuthenticateV2Request out;
  MIX_TRY(out.protocol_version, integer_field<std::uint8_t>(object, "protocolVersion"));
  MIX_TRY(out.client_identity.bytes, array_field<kKeySize>(object, "clientIdentity"));
  MIX_TRY(out.address_ciphertext,
          base64_field<kAddressCiphertextSize>(object, "addressCiphertext"));
  MIX_TRY(out.nonce, base64_field<kNonceSize>(object, "nonce"));
  MIX_TRY(out.unix_timestamp, integer_field<std::uint64_t>(object, "requestUnixTimestamp"));
  MIX_TRY(out.signature, array_field<kSignatureSize>(object, "requestSignature"));
  return out;
}

std::string encode(const LegacyAuthenticateRequest&) { return start("authenticate").take(); }

std::string encode(const ClaimFreeBandwidthRequest&) {
  return start("claimFreeTestnetBandwidth").take();
}

std::string encode(const EcashCredentialRequest& m) {
  return start("ecashCredential")
      .bytes("enc_credential", m.sealed_credential)
      .bytes("iv", m.nonce)
      .take();
}

Result<EcashCredentialRequest> decode_ecash_credential(const json::Value& object) {
  EcashCredentialRequest out;
  MIX_TRY(out.sealed_credential, bytes_field(object, "enc_credential"));
  const bool has_iv = json::find(object, "iv") != nullptr;
  MIX_TRY(out.nonce, array_field<kNonceSize>(object, has_iv ? "iv" : "nonce"));
  return out;
}

std::string encode(const UpgradeModeRequest& m) {
  return start("upgradeModeJWT").string("token", m.token).take();
}

std::string encode(const LegacyCredentialRequest&) { return start("bandwidthCredential").take(); }

template <class Message>
Result<Message> decode_encrypted(const json::Value& object) {
  Message out;
  MIX_TRY(out.ciphertext, bytes_field(object, "ciphertext"));
  MIX_TRY(out.nonce, array_field<kNonceSize>(object, "nonce"));
  return out;
}

std::string encode(const EncryptedRequest& m) {
  return start("encryptedRequest").bytes("ciphertext", m.ciphertext).bytes("nonce", m.nonce).take();
}

// --- responses ---

std::string encode(const SupportedProtocolResponse& m) {
  return start("supportedProtocol").number("version", m.version).take();
}

std::string encode(const RegisterResponse& m) {
  return start("register")
      .number("protocol_version", m.protocol_version)
      .boolean("status", m.status)
      .boolean("upgrade_mode", m.upgrade_mode)
      .take();
}

Result<RegisterResponse> decode_register(const json::Value& object) {
  RegisterResponse out;
  MIX_TRY(out.protocol_version, version_or_zero(object));
  MIX_TRY(out.status, flag_field(object, "status"));
  MIX_TRY(out.upgrade_mode, flag_or_false(object, "upgrade_mode"));
  return out;
}

std::string encode(const AuthenticateResponse& m) {
  return start("authenticate")
      .number("protocol_version", m.protocol_version)
      .boolean("status", m.status)
      .number("bandwidth_remaining", m.bandwidth_remaining)
      .boolean("upgrade_mode", m.upgrade_mode)
      .take();
}

Result<AuthenticateResponse> decode_authenticate(const json::Value& object) {
  AuthenticateResponse out;
  MIX_TRY(out.protocol_version, version_or_zero(object));
  MIX_TRY(out.status, flag_field(object, "status"));
  MIX_TRY(out.bandwidth_remaining, integer_field<std::int64_t>(object, "bandwidth_remaining"));
  MIX_TRY(out.upgrade_mode, flag_or_false(object, "upgrade_mode"));
  return out;
}

std::string encode(const BandwidthResponse& m) {
  return start("bandwidth")
      .number("available_total", m.available_total)
      .boolean("upgrade_mode", m.upgrade_mode)
      .take();
}

Result<BandwidthResponse> decode_bandwidth(const json::Value& object) {
  BandwidthResponse out;
  MIX_TRY(out.available_total, integer_field<std::int64_t>(object, "available_total"));
  MIX_TRY(out.upgrade_mode, flag_or_false(object, "upgrade_mode"));
  return out;
}

std::string encode(const SendResponse& m) {
  return start("send")
      .number("remaining_bandwidth", m.remaining_bandwidth)
      .boolean("upgrade_mode", m.upgrade_mode)
      .take();
}

Result<SendResponse> decode_send(const json::Value& object) {
  SendResponse out;
  MIX_TRY(out.remaining_bandwidth, integer_field<std::int64_t>(object, "remaining_bandwidth"));
  MIX_TRY(out.upgrade_mode, flag_or_false(object, "upgrade_mode"));
  return out;
}

std::string encode(const EncryptedResponse& m) {
  return start("encryptedResponse")
      .bytes("ciphertext", m.ciphertext)
      .bytes("nonce", m.nonce)
      .take();
}

std::string encode(const ErrorResponse& m) {
  return start("error").string("message", m.message).take();
}

std::string encode(const OutOfBandwidthResponse& m) {
  const std::string numbers =
      ObjectWriter{}.number("required", m.required).number("available", m.available).take();
  return start("typedError")
      .raw("error", ObjectWriter{}.raw("out_of_bandwidth", numbers).take())
      .take();
}

std::string encode(const TypedErrorResponse& m) {
  return start("typedError").string("error", m.name).take();
}

/// The value of `error` is a variant's name, or an object with the name as its only key.
Result<Response> decode_typed_error(const json::Value& object) {
  const json::Value* error = json::find(object, "error");
  if (const auto name = json::text(error)) {
    return Response{TypedErrorResponse{std::string{*name}}};
  }
  if (error == nullptr || !error->is_object() || error->size() != 1) {
    return Errc::gateway_malformed;
  }
  const json::Value* numbers = json::find(error, "out_of_bandwidth");
  if (numbers == nullptr) return Response{TypedErrorResponse{error->begin().key()}};
  OutOfBandwidthResponse out;
  MIX_TRY(out.required, integer_field<std::int64_t>(*numbers, "required"));
  MIX_TRY(out.available, integer_field<std::int64_t>(*numbers, "available"));
  return Response{out};
}

/// Lifts Result<one message> to Result<variant of messages>.
template <class Variant, class Message>
Result<Variant> as(Result<Message> message) {
  if (!message) return std::move(message).error();
  return Variant{std::move(*message)};
}

}  // namespace

std::string encode_request(const Request& request) {
  return std::visit([](const auto& message) { return encode(message); }, request);
}

std::string encode_response(const Response& response) {
  return std::visit([](const auto& message) { return encode(message); }, response);
}

Result<Request> decode_request(std::string_view text) {
  const std::optional<json::Value> object = json::parse(text, kLimits);
  if (!object) return Errc::gateway_malformed;
  MIX_TRY(std::string type, text_field(*object, "type"));
  if (type == "supportedProtocol") return Request{SupportedProtocolRequest{}};
  if (type == "registerHandshakeInitRequest" || type == "handshakePayload") {
    return as<Request>(decode_handshake_payload(*object));
  }
  if (type == "handshakeError") return as<Request>(decode_handshake_error(*object));
  if (type == "authenticateV2") return as<Request>(decode_authenticate_v2(*object));
  if (type == "authenticate") return Request{LegacyAuthenticateRequest{}};
  if (type == "claimFreeTestnetBandwidth") return Request{ClaimFreeBandwidthRequest{}};
  if (type == "ecashCredential") return as<Request>(decode_ecash_credential(*object));
  if (type == "upgradeModeJWT") {
    MIX_TRY(std::string token, text_field(*object, "token"));
    return Request{UpgradeModeRequest{std::move(token)}};
  }
  if (type == "bandwidthCredential" || type == "bandwidthCredentialV2") {
    return Request{LegacyCredentialRequest{}};
  }
  if (type == "encryptedRequest") {
    return as<Request>(decode_encrypted<EncryptedRequest>(*object));
  }
  return Request{UnknownMessage{std::move(type)}};
}

Result<Response> decode_response(std::string_view text) {
  const std::optional<json::Value> object = json::parse(text, kLimits);
  if (!object) return Errc::gateway_malformed;
  MIX_TRY(std::string type, text_field(*object, "type"));
  if (type == "supportedProtocol") {
    MIX_TRY(const auto version, integer_field<std::uint8_t>(*object, "version"));
    return Response{SupportedProtocolResponse{version}};
  }
  if (type == "handshakePayload") return as<Response>(decode_handshake_payload(*object));
  if (type == "handshakeError") return as<Response>(decode_handshake_error(*object));
  if (type == "register") return as<Response>(decode_register(*object));
  if (type == "authenticate") return as<Response>(decode_authenticate(*object));
  if (type == "bandwidth") return as<Response>(decode_bandwidth(*object));
  if (type == "send") return as<Response>(decode_send(*object));
  if (type == "encryptedResponse") {
    return as<Response>(decode_encrypted<EncryptedResponse>(*object));
  }
  if (type == "error") {
    MIX_TRY(std::string message, text_field(*object, "message"));
    return Response{ErrorResponse{std::move(message)}};
  }
  if (type == "typedError") return decode_typed_error(*object);
  return Response{UnknownMessage{std::move(type)}};
}

// --- plaintexts of sealed messages: the variant's name is the only key. spec: gateway §8 ---

base::Bytes encode_sensitive_request(const SensitiveRequest& request) {
  ObjectWriter fields;
  std::string_view variant;
  if (const auto* forget = std::get_if<ForgetMe>(&request)) {
    variant = "ForgetMe";
    fields.boolean("client", forget->client).boolean("stats", forget->stats);
  } else if (const auto* remember = std::get_if<RememberMe>(&request)) {
    variant = "RememberMe";
    fields.string("session_type", remember->session_type);
  }
  return base::to_bytes(base::as_bytes(ObjectWriter{}.raw(variant, fields.take()).take()));
}

base::Bytes encode_sensitive_response(SensitiveResponse response) {
  const std::string_view variant =
      response == SensitiveResponse::kForgetMeAck ? "ForgetMeAck" : "RememberMeAck";
  return base::to_bytes(base::as_bytes(ObjectWriter{}.raw(variant, "{}").take()));
}

Result<SensitiveRequest> decode_sensitive_request(base::ByteView plaintext) {
  const std::optional<json::Value> object = json::parse(base::as_text(plaintext), kLimits);
  if (!object || object->size() != 1) return Errc::gateway_malformed;
  if (const json::Value* forget = json::find(*object, "ForgetMe")) {
    ForgetMe out;
    MIX_TRY(out.client, flag_field(*forget, "client"));
    MIX_TRY(out.stats, flag_field(*forget, "stats"));
    return SensitiveRequest{out};
  }
  if (const json::Value* remember = json::find(*object, "RememberMe")) {
    MIX_TRY(std::string session_type, text_field(*remember, "session_type"));
    if (std::ranges::find(kSessionTypes, session_type) == kSessionTypes.end()) {
      return Errc::gateway_malformed;
    }
    return SensitiveRequest{RememberMe{std::move(session_type)}};
  }
  return Errc::gateway_malformed;
}

Result<SensitiveResponse> decode_sensitive_response(base::ByteView plaintext) {
  const std::optional<json::Value> object = json::parse(base::as_text(plaintext), kLimits);
  if (!object || object->size() != 1) return Errc::gateway_malformed;
  if (json::find(*object, "ForgetMeAck") != nullptr) return SensitiveResponse::kForgetMeAck;
  if (json::find(*object, "RememberMeAck") != nullptr) return SensitiveResponse::kRememberMeAck;
  return Errc::gateway_malformed;
}

}  // namespace mix::gateway
