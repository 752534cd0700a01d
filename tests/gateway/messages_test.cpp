#include "mix/gateway/messages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gateway_vectors.h"

namespace mix::gateway {
namespace {

using base::Bytes;
using base::Errc;

std::string number_list(std::size_t count, std::string_view number) {
  std::string out = "[";
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) out += ",";
    out += number;
  }
  return out + "]";
}

// --- the JSON of the spec, letter by letter, with the value it stands for ---

struct RequestRow {
  std::string json;
  Request value;
};

AuthenticateV2Request sample_authentication() {
  AuthenticateV2Request out;
  out.protocol_version = 6;
  out.client_identity.bytes.fill(215);
  out.address_ciphertext.fill(0);
  out.nonce.fill(0xa3);
  out.unix_timestamp = 1795237133;
  out.signature.fill(7);
  return out;
}

std::vector<RequestRow> spec_requests() {
  crypto::GcmSivNonce nonce;
  nonce.fill(9);
  return {
      {R"({"type":"supportedProtocol"})", SupportedProtocolRequest{}},
      {R"({"type":"handshakePayload","protocol_version":6,"data":[215,63,6]})",
       HandshakePayload{6, {215, 63, 6}}},
      {R"({"type":"handshakeError","message":"sent request was malformed"})",
       HandshakeError{"sent request was malformed"}},
      {R"({"type":"authenticateV2","protocolVersion":6,"clientIdentity":)" +
           number_list(32, "215") +
           R"(,"addressCiphertext":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",)" +
           R"("nonce":"o6Ojo6Ojo6Ojo6Oj","requestUnixTimestamp":1795237133,"requestSignature":)" +
           number_list(64, "7") + "}",
       sample_authentication()},
      {R"({"type":"authenticate"})", LegacyAuthenticateRequest{}},
      {R"({"type":"claimFreeTestnetBandwidth"})", ClaimFreeBandwidthRequest{}},
      {R"({"type":"ecashCredential","enc_credential":[1,2],"iv":)" + number_list(12, "9") + "}",
       EcashCredentialRequest{{1, 2}, nonce}},
      {R"({"type":"upgradeModeJWT","token":"abc"})", UpgradeModeRequest{"abc"}},
      {R"({"type":"bandwidthCredential"})", LegacyCredentialRequest{}},
      {R"({"type":"encryptedRequest","ciphertext":[5],"nonce":)" + number_list(12, "9") + "}",
       EncryptedRequest{{5}, nonce}},
      {R"({"type":"somethingNew"})", UnknownMessage{"somethingNew"}},
  };
}

struct ResponseRow {
  std::string json;
  Response value;
};

std::vector<ResponseRow> spec_responses() {
  crypto::GcmSivNonce nonce;
  nonce.fill(9);
  return {
      {R"({"type":"supportedProtocol","version":6})", SupportedProtocolResponse{6}},
      {R"({"type":"handshakePayload","protocol_version":6,"data":[1]})", HandshakePayload{6, {1}}},
      {R"({"type":"handshakeError","message":"sent request was malformed"})",
       HandshakeError{"sent request was malformed"}},
      {R"({"type":"register","protocol_version":6,"status":true,"upgrade_mode":false})",
       RegisterResponse{6, true, false}},
      {R"({"type":"authenticate","protocol_version":6,"status":true,)"
       R"("bandwidth_remaining":68719476736,"upgrade_mode":false})",
       AuthenticateResponse{6, true, 68719476736, false}},
      {R"({"type":"bandwidth","available_total":68719476736,"upgrade_mode":false})",
       BandwidthResponse{kFreeBandwidth, false}},
      {R"({"type":"send","remaining_bandwidth":68719474323,"upgrade_mode":false})",
       SendResponse{68719474323, false}},
      {R"({"type":"encryptedResponse","ciphertext":[5],"nonce":)" + number_list(12, "9") + "}",
       EncryptedResponse{{5}, nonce}},
      {R"({"type":"error","message":"free text"})", ErrorResponse{"free text"}},
      {R"({"type":"typedError","error":{"out_of_bandwidth":{"required":2413,"available":100}}})",
       OutOfBandwidthResponse{2413, 100}},
      {R"({"type":"typedError","error":"ticket_replay"})", TypedErrorResponse{"ticket_replay"}},
      {R"({"type":"somethingNew"})", UnknownMessage{"somethingNew"}},
  };
}

TEST(GatewayMessages, RequestsAreWrittenAndReadAsTheSpecShows) {
  for (const RequestRow& row : spec_requests()) {
    EXPECT_EQ(encode_request(row.value), row.json);
    const auto decoded = decode_request(row.json);
    ASSERT_TRUE(decoded.has_value()) << row.json;
    EXPECT_EQ(*decoded, row.value) << row.json;
  }
}

TEST(GatewayMessages, ResponsesAreWrittenAndReadAsTheSpecShows) {
  for (const ResponseRow& row : spec_responses()) {
    EXPECT_EQ(encode_response(row.value), row.json);
    const auto decoded = decode_response(row.json);
    ASSERT_TRUE(decoded.has_value()) << row.json;
    EXPECT_EQ(*decoded, row.value) << row.json;
  }
}

TEST(GatewayMessages, EveryKindIsInTheTablesAbove) {
  std::vector<bool> requests(std::variant_size_v<Request>),
      responses(std::variant_size_v<Response>);
  for (const RequestRow& row : spec_requests()) requests[row.value.index()] = true;
  for (const ResponseRow& row : spec_responses()) responses[row.value.index()] = true;
  EXPECT_EQ(std::count(requests.begin(), requests.end(), false), 0);
  EXPECT_EQ(std::count(responses.begin(), responses.end(), false), 0);
}

TEST(GatewayMessages, AcceptsTheAliases) {
  EXPECT_EQ(
      decode_request(R"({"type":"registerHandshakeInitRequest","protocol_version":6,"data":[1,2]})")
          .value(),
      (Request{HandshakePayload{6, {1, 2}}}));
  const auto credential = decode_request(
      R"({"type":"ecashCredential","enc_credential":[1],"nonce":)" + number_list(12, "3") + "}");
  ASSERT_TRUE(credential.has_value());
  EXPECT_EQ(std::get<EcashCredentialRequest>(*credential).nonce[11], 3);
  EXPECT_EQ(decode_request(R"({"type":"bandwidthCredentialV2","x":1})").value(),
            Request{LegacyCredentialRequest{}});
  EXPECT_EQ(
      decode_request(R"({"type":"authenticate","address":"a","enc_address":"b","iv":"c"})").value(),
      Request{LegacyAuthenticateRequest{}});
}

TEST(GatewayMessages, MissingVersionAndUpgradeModeHaveDefaults) {
  EXPECT_EQ(decode_request(R"({"type":"handshakePayload","data":[1]})").value(),
            (Request{HandshakePayload{0, {1}}}));
  EXPECT_EQ(
      decode_request(R"({"type":"handshakePayload","protocol_version":null,"data":[1]})").value(),
      (Request{HandshakePayload{0, {1}}}));
  EXPECT_EQ(decode_response(R"({"type":"register","status":true})").value(),
            (Response{RegisterResponse{0, true, false}}));
  EXPECT_EQ(
      decode_response(R"({"type":"authenticate","status":true,"bandwidth_remaining":5})").value(),
      (Response{AuthenticateResponse{0, true, 5, false}}));
  EXPECT_EQ(decode_response(R"({"type":"bandwidth","available_total":5})").value(),
            (Response{BandwidthResponse{5, false}}));
  EXPECT_EQ(decode_response(R"({"type":"send","remaining_bandwidth":-5})").value(),
            (Response{SendResponse{-5, false}}));
}

TEST(GatewayMessages, ExtraFieldsAndAnyOrderAreAccepted) {
  EXPECT_EQ(decode_response(
                R"({"future":{"a":[1]},"upgrade_mode":true,"remaining_bandwidth":7,"type":"send"})")
                .value(),
            (Response{SendResponse{7, true}}));
}

TEST(GatewayMessages, OtherTypedErrorsKeepTheirName) {
  EXPECT_EQ(decode_response(R"({"type":"typedError","error":{"other":{"message":"x"}}})").value(),
            (Response{TypedErrorResponse{"other"}}));
}

TEST(GatewayMessages, RefusesMalformedRequests) {
  const std::string identity = number_list(32, "1"), signature = number_list(64, "1");
  const std::string address(64, 'A');
  const auto authentication = [](const std::string& id, const std::string& ciphertext,
                                 const std::string& nonce, const std::string& time,
                                 const std::string& sig) {
    return R"({"type":"authenticateV2","protocolVersion":6,"clientIdentity":)" + id +
           R"(,"addressCiphertext":")" + ciphertext + R"(","nonce":")" + nonce +
           R"(","requestUnixTimestamp":)" + time + R"(,"requestSignature":)" + sig + "}";
  };
  const std::string nonce = "AAAAAAAAAAAAAAAA";
  ASSERT_TRUE(decode_request(authentication(identity, address, nonce, "1", signature)).has_value());
  const std::vector<std::string> bad = {
      "",
      "[]",
      "null",
      "\"supportedProtocol\"",
      "{}",
      R"({"type":1})",
      R"({"type":null})",
      R"({"type":"handshakePayload","protocol_version":6})",
      R"({"type":"handshakePayload","protocol_version":256,"data":[]})",
      R"({"type":"handshakePayload","protocol_version":-1,"data":[]})",
      R"({"type":"handshakePayload","protocol_version":"6","data":[]})",
      R"({"type":"handshakePayload","protocol_version":6,"data":[256]})",
      R"({"type":"handshakePayload","protocol_version":6,"data":"AQI="})",
      R"({"type":"handshakeError"})",
      R"({"type":"upgradeModeJWT"})",
      R"({"type":"ecashCredential","enc_credential":[1]})",
      R"({"type":"ecashCredential","enc_credential":[1],"iv":[1]})",
      R"({"type":"encryptedRequest","ciphertext":[1]})",
      R"({"type":"encryptedRequest","ciphertext":[1],"nonce":)" + number_list(13, "1") + "}",
      authentication(number_list(31, "1"), address, nonce, "1", signature),
      authentication(number_list(33, "1"), address, nonce, "1", signature),
      authentication(identity, address.substr(4), nonce, "1", signature),
      authentication(identity, "!" + address.substr(1), nonce, "1", signature),
      authentication(identity, address, nonce.substr(4), "1", signature),
      authentication(identity, address, nonce, "-1", signature),
      authentication(identity, address, nonce, "1.5", signature),
      authentication(identity, address, nonce, "1", number_list(63, "1")),
      authentication(identity, address, nonce, "1", "null"),
      // Snake case does not exist in this one message.
      R"({"type":"authenticateV2","protocol_version":6})",
  };
  for (const std::string& text : bad) {
    const auto decoded = decode_request(text);
    ASSERT_FALSE(decoded.has_value()) << text;
    EXPECT_EQ(decoded.error().code, Errc::gateway_malformed) << text;
  }
}

TEST(GatewayMessages, RefusesMalformedResponses) {
  for (const char* text : {
           "",
           "<html>",
           "[1]",
           "{}",
           R"({"type":"supportedProtocol"})",
           R"({"type":"supportedProtocol","version":300})",
           R"({"type":"supportedProtocol","version":"6"})",
           R"({"type":"register"})",
           R"({"type":"register","status":1})",
           R"({"type":"register","status":true,"upgrade_mode":"no"})",
           R"({"type":"authenticate","status":true})",
           R"({"type":"authenticate","status":true,"bandwidth_remaining":9223372036854775808})",
           R"({"type":"bandwidth"})",
           R"({"type":"bandwidth","available_total":1.5})",
           R"({"type":"send"})",
           R"({"type":"error"})",
           R"({"type":"error","message":5})",
           R"({"type":"typedError"})",
           R"({"type":"typedError","error":5})",
           R"({"type":"typedError","error":{}})",
           R"({"type":"typedError","error":{"a":1,"b":2}})",
           R"({"type":"typedError","error":{"out_of_bandwidth":{"required":1}}})",
           R"({"type":"typedError","error":{"out_of_bandwidth":7}})",
           R"({"type":"encryptedResponse","ciphertext":[1],"nonce":[1]})",
       }) {
    const auto decoded = decode_response(text);
    ASSERT_FALSE(decoded.has_value()) << text;
    EXPECT_EQ(decoded.error().code, Errc::gateway_malformed) << text;
  }
}

TEST(GatewayMessages, RefusesATextAboveTheLimitUnread) {
  const std::string head = R"({"type":"error","message":")";
  const std::string fits(kMaxControlMessageSize - head.size() - 2, 'x');
  EXPECT_TRUE(decode_response(head + fits + "\"}").has_value());
  EXPECT_FALSE(decode_response(head + fits + "x\"}").has_value());
}

TEST(GatewayMessages, NoCutMessageIsAccepted) {
  for (const RequestRow& row : spec_requests()) {
    for (std::size_t size = 0; size < row.json.size(); ++size) {
      EXPECT_FALSE(decode_request(std::string_view(row.json).substr(0, size)).has_value());
    }
  }
  for (const ResponseRow& row : spec_responses()) {
    for (std::size_t size = 0; size < row.json.size(); ++size) {
      EXPECT_FALSE(decode_response(std::string_view(row.json).substr(0, size)).has_value());
    }
  }
}

TEST(GatewayMessages, AChangedByteNeverReadsAsTheSameMessage) {
  const auto check = [](const std::string& json, const auto& value, auto decode) {
    for (std::size_t i = 0; i < json.size(); ++i) {
      for (const unsigned flip : {0x01U, 0x20U, 0x80U}) {
        std::string changed = json;
        changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
        const auto decoded = decode(changed);
        // The name of an optional field may change: it then reads as its default.
        if (decoded.has_value() && *decoded == value) {
          const auto key = changed.rfind('"', i);
          ASSERT_NE(key, std::string::npos) << changed;
          const bool optional = json.find("upgrade_mode", key) == key + 1 ||
                                json.find("protocol_version", key) == key + 1;
          EXPECT_TRUE(optional) << changed;
        }
      }
    }
  };
  for (const RequestRow& row : spec_requests()) check(row.json, row.value, decode_request);
  for (const ResponseRow& row : spec_responses()) check(row.json, row.value, decode_response);
}

TEST(SensitiveMessages, AreWrittenAndReadAsTheSpecShows) {
  const auto text = [](const auto& message) {
    return base::to_string(encode_sensitive_request(message));
  };
  EXPECT_EQ(text(ForgetMe{.client = true}), R"({"ForgetMe":{"client":true,"stats":false}})");
  EXPECT_EQ(text(RememberMe{"Mixnet"}), R"({"RememberMe":{"session_type":"Mixnet"}})");
  EXPECT_EQ(base::to_string(encode_sensitive_response(SensitiveResponse::kForgetMeAck)),
            R"({"ForgetMeAck":{}})");
  EXPECT_EQ(base::to_string(encode_sensitive_response(SensitiveResponse::kRememberMeAck)),
            R"({"RememberMeAck":{}})");

  const auto request = [](std::string_view json) {
    return decode_sensitive_request(base::as_bytes(json));
  };
  EXPECT_EQ(request(R"({"ForgetMe":{"client":true,"stats":false}})").value(),
            SensitiveRequest{ForgetMe{.client = true}});
  EXPECT_EQ(request(R"({"RememberMe":{"session_type":"Mixnet"}})").value(),
            SensitiveRequest{RememberMe{"Mixnet"}});
  for (const std::string type : {"Vpn", "Mixnet", "Wasm", "Native", "Socks5", "Unknown"}) {
    EXPECT_EQ(request(R"({"RememberMe":{"session_type":")" + type + R"("}})").value(),
              SensitiveRequest{RememberMe{type}});
  }
  const auto response = [](std::string_view json) {
    return decode_sensitive_response(base::as_bytes(json));
  };
  EXPECT_EQ(response(R"({"ForgetMeAck":{}})").value(), SensitiveResponse::kForgetMeAck);
  EXPECT_EQ(response(R"({"RememberMeAck":{}})").value(), SensitiveResponse::kRememberMeAck);
}

TEST(SensitiveMessages, RefusesMalformedOnes) {
  for (const char* json :
       {"", "{}", "[]", R"({"Other":{}})", R"({"ForgetMe":{}})",
        R"({"ForgetMe":{"client":1,"stats":false}})", R"({"RememberMe":{}})",
        R"({"RememberMe":{"session_type":"mixnet"}})", R"({"RememberMe":{"session_type":""}})",
        R"({"ForgetMe":{"client":true,"stats":false},"x":1})"}) {
    EXPECT_EQ(decode_sensitive_request(base::as_bytes(json)).error().code, Errc::gateway_malformed)
        << json;
  }
  for (const char* json : {"", "{}", "[]", R"({"Other":{}})", "\"ForgetMeAck\""}) {
    EXPECT_EQ(decode_sensitive_response(base::as_bytes(json)).error().code, Errc::gateway_malformed)
        << json;
  }
}

}  // namespace
}  // namespace mix::gateway
