#include "mix/ipr/messages.h"

#include <gtest/gtest.h>

#include "mix/ipr/bundle.h"
#include "support/vectors.h"

namespace mix::ipr {
namespace {

using base::Bytes;
using base::ByteView;
using base::Errc;
using test::Json;

std::uint64_t number(const Json& text) { return std::stoull(text.get<std::string>()); }

Timestamp timestamp_of(const Json& vector) {
  const Json& from = vector["timestamp"];
  Timestamp time;
  time.year = from["year"];
  time.day_of_year = from["ordinal"];
  time.hour = from["hour"];
  time.minute = from["minute"];
  time.second = from["second"];
  time.nanosecond = from["nanosecond"];
  time.offset_hours = from["offset_hours"];
  time.offset_minutes = from["offset_minutes"];
  time.offset_seconds = from["offset_seconds"];
  return time;
}

Data data_of(const Json& vector) {
  Data data;
  for (const Json& packet : vector["packets"]) append_to_bundle(data.bundle, test::hex(packet));
  return data;
}

Request request_of(const Json& vector) {
  Request request;
  request.version = static_cast<ProtocolVersion>(vector["version"].get<std::uint8_t>());
  const std::string kind = vector["kind"];
  if (kind == "data") {
    request.body = data_of(vector);
    return request;
  }
  const RequestId id = number(vector["request_id"]);
  const Timestamp time = timestamp_of(vector);
  if (kind == "connect") {
    ConnectRequest connect{id, std::nullopt, time};
    const Json& timeout = vector["buffer_timeout_ms"];
    if (timeout.is_string()) connect.buffer_timeout_ms = number(timeout);
    if (timeout.is_number()) connect.buffer_timeout_ms = timeout.get<std::uint64_t>();
    request.body = connect;
  } else if (kind == "disconnect") {
    request.body = DisconnectRequest{id, time};
  } else if (kind == "ping") {
    request.body = PingRequest{id, time};
  } else if (kind == "health") {
    request.body = HealthRequest{id, time};
  } else {
    test::bad_vector("request of kind " + kind);
  }
  return request;
}

template <std::size_t N>
std::array<std::uint8_t, N> tail_of(const Bytes& bytes, std::size_t from_end) {
  std::array<std::uint8_t, N> out{};
  for (std::size_t i = 0; i < N; ++i) out[i] = bytes[bytes.size() - from_end + i];
  return out;
}

std::string text_of(const Json& value) { return value.is_string() ? value : ""; }

ResponseBody response_body_of(const Json& vector, const Bytes& bytes) {
  const std::string kind = vector["kind"];
  if (kind == "data") return data_of(vector);
  if (kind == "unrequested_disconnect") {
    UnrequestedDisconnect disconnect{UnrequestedReason::kOther, text_of(vector["message"])};
    if (vector["reason"] == "client_mixnet_traffic_timeout") {
      disconnect.reason = UnrequestedReason::kMixnetTimeout;
    } else if (vector["reason"] == "client_tun_traffic_timeout") {
      disconnect.reason = UnrequestedReason::kTunTimeout;
    }
    return disconnect;
  }
  const RequestId id = number(vector["request_id"]);
  if (kind == "connect_success") {
    ConnectSuccess success;
    success.id = id;
    std::size_t mtu_size = 0;
    if (vector["mtu"].is_number()) {
      success.mtu = vector["mtu"].get<std::uint16_t>();
      mtu_size = *success.mtu > 250 ? 3 : 1;
    }
    // The addresses stand in the vector as text too; their bytes end the message.
    success.ipv6 = tail_of<16>(bytes, mtu_size + 16);
    success.ipv4 = tail_of<4>(bytes, mtu_size + 20);
    const std::string text =
        std::to_string(success.ipv4[0]) + "." + std::to_string(success.ipv4[1]) + "." +
        std::to_string(success.ipv4[2]) + "." + std::to_string(success.ipv4[3]);
    EXPECT_EQ(text, vector["ipv4"].get<std::string>());
    return success;
  }
  if (kind == "connect_failure") {
    ConnectFailure failure{id, ConnectFailureReason::kOther, text_of(vector["message"])};
    if (vector["reason"] == "client_already_connected") {
      failure.reason = ConnectFailureReason::kAlreadyConnected;
    } else if (vector["reason"] == "no_available_ip") {
      failure.reason = ConnectFailureReason::kNoAvailableIp;
    }
    return failure;
  }
  if (kind == "disconnect_success") return DisconnectSuccess{id};
  if (kind == "disconnect_failure") {
    DisconnectFailure failure{id, DisconnectFailureReason::kOther, text_of(vector["message"])};
    if (vector["reason"] == "client_not_connected") {
      failure.reason = DisconnectFailureReason::kNotConnected;
    }
    return failure;
  }
  if (kind == "pong") return Pong{id};
  if (kind == "health") {
    const Json& from = vector["build_info"];
    Health health;
    health.id = id;
    health.build_info = {from["binary_name"],   from["build_timestamp"],  from["build_version"],
                         from["commit_sha"],    from["commit_timestamp"], from["commit_branch"],
                         from["rustc_version"], from["rustc_channel"],    from["cargo_profile"],
                         from["cargo_triple"]};
    if (vector["routable"].is_boolean()) health.routable = vector["routable"].get<bool>();
    return health;
  }
  if (kind == "info") {
    Info info;
    info.id = id;
    if (vector["reply"] == "generic") {
      info.reply = GenericInfo{vector["msg"]};
    } else if (vector["reply"] == "version_mismatch") {
      // The vector does not repeat the two numbers: they stand before the level.
      info.reply = VersionMismatch{bytes[bytes.size() - 3], bytes[bytes.size() - 2]};
    } else {
      info.reply = PolicyRefusal{vector["dst"]};
    }
    info.level = vector["level"] == "info"   ? InfoLevel::kInfo
                 : vector["level"] == "warn" ? InfoLevel::kWarn
                                             : InfoLevel::kError;
    return info;
  }
  test::bad_vector("response of kind " + kind);
}

TEST(Request, AgreesWithTheNetworksCodec) {
  const Json file = test::load_vector_file("ipr.json");
  ASSERT_FALSE(file["requests"].empty());
  for (const Json& vector : file["requests"]) {
    const Bytes bytes = test::hex(vector["hex"]);
    const Request expected = request_of(vector);
    EXPECT_EQ(encode(expected), bytes) << vector;
    const auto request = decode_request(bytes);
    ASSERT_TRUE(request.has_value()) << vector;
    EXPECT_EQ(*request, expected) << vector;
  }
}

TEST(Response, AgreesWithTheNetworksCodec) {
  const Json file = test::load_vector_file("ipr.json");
  ASSERT_FALSE(file["responses"].empty());
  for (const Json& vector : file["responses"]) {
    const Bytes bytes = test::hex(vector["hex"]);
    Response expected;
    expected.version = static_cast<ProtocolVersion>(vector["version"].get<std::uint8_t>());
    expected.body = response_body_of(vector, bytes);
    EXPECT_EQ(encode(expected), bytes) << vector;
    const auto response = decode_response(bytes);
    ASSERT_TRUE(response.has_value()) << vector;
    EXPECT_EQ(*response, expected) << vector;
  }
}

TEST(Decoders, AcceptExactlyWhatTheNetworksDecodersAccept) {
  const Json file = test::load_vector_file("ipr.json");
  ASSERT_FALSE(file["decoder_cases"].empty());
  for (const Json& vector : file["decoder_cases"]) {
    const Bytes bytes = test::hex(vector["hex"]);
    EXPECT_EQ(decode_request(bytes).has_value(), vector["request_accepted"].get<bool>()) << vector;
    EXPECT_EQ(decode_response(bytes, ResponseLayout::kWithoutMtu).has_value(),
              vector["response_v8_v9_accepted"].get<bool>())
        << vector;
    EXPECT_EQ(decode_response(bytes, ResponseLayout::kWithMtu).has_value(),
              vector["response_v10_accepted"].get<bool>())
        << vector;
  }
}

TEST(Decoders, RefuseEveryTruncationOfEveryVector) {
  const Json file = test::load_vector_file("ipr.json");
  for (const Json& vector : file["requests"]) {
    const Bytes bytes = test::hex(vector["hex"]);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_request(ByteView{bytes}.first(size)).has_value());
    }
  }
  for (const Json& vector : file["responses"]) {
    const Bytes bytes = test::hex(vector["hex"]);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(decode_response(ByteView{bytes}.first(size)).has_value());
    }
  }
}

TEST(Decoders, SurviveEveryFlippedByteAndEncodeAgainWhatTheyAccept) {
  const Json file = test::load_vector_file("ipr.json");
  std::size_t accepted = 0;
  const auto check = [&](const Bytes& changed) {
    if (const auto request = decode_request(changed)) {
      ++accepted;
      const auto again = decode_request(encode(*request));
      ASSERT_TRUE(again.has_value());
      EXPECT_EQ(*again, *request);
    }
    if (const auto response = decode_response(changed)) {
      ++accepted;
      const auto again = decode_response(encode(*response));
      ASSERT_TRUE(again.has_value());
      EXPECT_EQ(*again, *response);
    }
  };
  for (const char* list : {"requests", "responses"}) {
    for (const Json& vector : file[list]) {
      const Bytes bytes = test::hex(vector["hex"]);
      if (bytes.size() > 200) continue;  // long bundles add nothing but time
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (const int flip : {0x01, 0x80, 0xff}) {
          Bytes changed = bytes;
          changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
          check(changed);
        }
      }
    }
  }
  EXPECT_GT(accepted, 0U);
}

TEST(Response, OfAForeignVersionIsRefusedWithItsNumber) {
  const Bytes bytes{11, 0, 0};
  const auto response = decode_response(bytes);
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, Errc::ipr_version_unsupported);
  EXPECT_EQ(response.error().detail, 11U);
}

TEST(Timestamp, IsTheUtcSecond) {
  using namespace std::chrono_literals;
  const auto time = Timestamp::from(base::WallTime{1724027548987ms});
  EXPECT_EQ(time, (Timestamp{2024, 232, 0, 32, 28, 0, 0, 0, 0}));
  EXPECT_EQ(Timestamp::from(base::WallTime{-1ms}), (Timestamp{1969, 365, 23, 59, 59, 0, 0, 0, 0}));
}

TEST(Timestamp, ThatNamesNoInstantIsRefused) {
  const auto accepted = [](const Timestamp& time) {
    return decode_request(encode(Request{ProtocolVersion::k9, PingRequest{1, time}})).has_value();
  };
  EXPECT_TRUE(accepted({2024, 366, 23, 59, 59, 999'999'999, 0, 0, 0}));
  EXPECT_FALSE(accepted({2023, 366, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(accepted({2024, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(accepted({2024, 1, 24, 0, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(accepted({2024, 1, 0, 60, 0, 0, 0, 0, 0}));
  EXPECT_FALSE(accepted({2024, 1, 0, 0, 60, 0, 0, 0, 0}));
  EXPECT_FALSE(accepted({2024, 1, 0, 0, 0, 1'000'000'000, 0, 0, 0}));
  EXPECT_FALSE(accepted({2024, 1, 0, 0, 0, 0, 26, 0, 0}));
  EXPECT_FALSE(accepted({2024, 1, 0, 0, 0, 0, 0, 60, 0}));
  EXPECT_FALSE(accepted({10'000, 1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(Failures, ReadAsTheReferenceWordsThem) {
  EXPECT_EQ(describe(ConnectFailure{1, ConnectFailureReason::kNoAvailableIp, ""}),
            "no available ip address");
  EXPECT_EQ(describe(ConnectFailure{1, ConnectFailureReason::kAlreadyConnected, ""}),
            "client is already connected");
  EXPECT_EQ(describe(ConnectFailure{1, ConnectFailureReason::kOther, "full"}), "full");
  EXPECT_EQ(describe(UnrequestedDisconnect{UnrequestedReason::kTunTimeout, ""}),
            "client tun traffic timeout");
}

}  // namespace
}  // namespace mix::ipr
