// Requests to the exit and its responses, versions 8 to 10, both directions. spec: ipr §3, §4.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "mix/base/bytes.h"
#include "mix/base/time.h"

namespace mix::ipr {

/// 8 travels raw, 9 and 10 in stream frames. A decoded value may be a foreign one: see is_known.
enum class ProtocolVersion : std::uint8_t { k8 = 8, k9 = 9, k10 = 10 };

[[nodiscard]] constexpr bool is_known(ProtocolVersion version) {
  return version >= ProtocolVersion::k8 && version <= ProtocolVersion::k10;
}

enum class ServiceProvider : std::uint8_t {
  kNetworkRequester = 0,
  kIpPacketRouter = 1,
  kAuthenticator = 2,
};

/// Repeated by the reply.
using RequestId = std::uint64_t;

/// The sender's clock, which nobody checks.
struct Timestamp {
  std::int32_t year = 1970;
  std::uint16_t day_of_year = 1;  // from 1
  std::uint8_t hour = 0, minute = 0, second = 0;
  std::uint32_t nanosecond = 0;
  std::int8_t offset_hours = 0, offset_minutes = 0, offset_seconds = 0;

  /// UTC in whole seconds: no finer than needed.
  [[nodiscard]] static Timestamp from(base::WallTime time);
  friend bool operator==(const Timestamp&, const Timestamp&) = default;
};

struct ConnectRequest {
  RequestId id = 0;
  /// How long the exit may hold small packets back, ms; never 0. None: 20 ms.
  std::optional<std::uint64_t> buffer_timeout_ms;
  Timestamp timestamp;
  friend bool operator==(const ConnectRequest&, const ConnectRequest&) = default;
};
struct DisconnectRequest {
  RequestId id = 0;
  Timestamp timestamp;
  friend bool operator==(const DisconnectRequest&, const DisconnectRequest&) = default;
};
struct PingRequest {
  RequestId id = 0;
  Timestamp timestamp;
  friend bool operator==(const PingRequest&, const PingRequest&) = default;
};
struct HealthRequest {
  RequestId id = 0;
  Timestamp timestamp;
  friend bool operator==(const HealthRequest&, const HealthRequest&) = default;
};
/// A bundle of IP packets, in either direction.
struct Data {
  base::Bytes bundle;
  friend bool operator==(const Data&, const Data&) = default;
};

using RequestBody =
    std::variant<Data, ConnectRequest, DisconnectRequest, PingRequest, HealthRequest>;

struct Request {
  ProtocolVersion version = ProtocolVersion::k9;
  RequestBody body;
  ServiceProvider service_provider = ServiceProvider::kIpPacketRouter;
  friend bool operator==(const Request&, const Request&) = default;
};

[[nodiscard]] base::Bytes encode(const Request& request);
/// The layout is the same in all versions, so the version byte is not judged here.
/// Errors: `ipr_malformed`, `base_truncated`, `base_trailing_bytes`.
[[nodiscard]] base::Result<Request> decode_request(base::ByteView bytes);

/// The free text is set only for kOther.
enum class ConnectFailureReason : std::uint8_t { kAlreadyConnected, kNoAvailableIp, kOther };
enum class DisconnectFailureReason : std::uint8_t { kNotConnected, kOther };
enum class UnrequestedReason : std::uint8_t { kMixnetTimeout, kTunTimeout, kOther };

struct ConnectSuccess {
  RequestId id = 0;
  std::array<std::uint8_t, 4> ipv4{};
  std::array<std::uint8_t, 16> ipv6{};
  std::optional<std::uint16_t> mtu;  // v10 only, and then always
  friend bool operator==(const ConnectSuccess&, const ConnectSuccess&) = default;
};
struct ConnectFailure {
  RequestId id = 0;
  ConnectFailureReason reason = ConnectFailureReason::kOther;
  std::string text;
  friend bool operator==(const ConnectFailure&, const ConnectFailure&) = default;
};
struct DisconnectSuccess {
  RequestId id = 0;
  friend bool operator==(const DisconnectSuccess&, const DisconnectSuccess&) = default;
};
struct DisconnectFailure {
  RequestId id = 0;
  DisconnectFailureReason reason = DisconnectFailureReason::kOther;
  std::string text;
  friend bool operator==(const DisconnectFailure&, const DisconnectFailure&) = default;
};
struct UnrequestedDisconnect {
  UnrequestedReason reason = UnrequestedReason::kOther;
  std::string text;
  friend bool operator==(const UnrequestedDisconnect&, const UnrequestedDisconnect&) = default;
};
struct Pong {
  RequestId id = 0;
  friend bool operator==(const Pong&, const Pong&) = default;
};
struct BuildInfo {
  std::string binary_name, build_timestamp, build_version, commit_sha, commit_timestamp,
      commit_branch, rustc_version, rustc_channel, cargo_profile, cargo_triple;
  friend bool operator==(const BuildInfo&, const BuildInfo&) = default;
};
struct Health {
  RequestId id = 0;
  BuildInfo build_info;
  std::optional<bool> routable;
  friend bool operator==(const Health&, const Health&) = default;
};
struct GenericInfo {
  std::string text;
  friend bool operator==(const GenericInfo&, const GenericInfo&) = default;
};
struct VersionMismatch {
  std::uint8_t request = 0, response = 0;
  friend bool operator==(const VersionMismatch&, const VersionMismatch&) = default;
};
/// The exit's policy refused a packet to `destination`: "a.b.c.d:port" or "[v6]:port".
struct PolicyRefusal {
  std::string destination;
  friend bool operator==(const PolicyRefusal&, const PolicyRefusal&) = default;
};
enum class InfoLevel : std::uint8_t { kInfo, kWarn, kError };
struct Info {
  RequestId id = 0;
  std::variant<GenericInfo, VersionMismatch, PolicyRefusal> reply;
  InfoLevel level = InfoLevel::kInfo;
  friend bool operator==(const Info&, const Info&) = default;
};

using ResponseBody = std::variant<Data, ConnectSuccess, ConnectFailure, DisconnectSuccess,
                                  DisconnectFailure, UnrequestedDisconnect, Pong, Health, Info>;

struct Response {
  ProtocolVersion version = ProtocolVersion::k9;
  ResponseBody body;
  friend bool operator==(const Response&, const Response&) = default;
};

/// Of a connect success the MTU is written when the version is 10 (kDefaultMtu when it is unset).
[[nodiscard]] base::Bytes encode(const Response& response);

/// The two layouts of a connect success; all else is the same in every version.
enum class ResponseLayout : std::uint8_t { kWithoutMtu, kWithMtu };
/// The version byte is not judged. Errors: `ipr_malformed`, `base_truncated`,
/// `base_trailing_bytes`.
[[nodiscard]] base::Result<Response> decode_response(base::ByteView bytes, ResponseLayout layout);
/// Layout by the version byte. Errors: as above and `ipr_version_unsupported` (detail: version).
[[nodiscard]] base::Result<Response> decode_response(base::ByteView bytes);

/// What a user reads; the reference's words. spec: ipr §4 last paragraph.
[[nodiscard]] std::string describe(const ConnectFailure& failure);
[[nodiscard]] std::string describe(const UnrequestedDisconnect& disconnect);

}  // namespace mix::ipr
