#include "mix/ipr/messages.h"

#include <limits>

#include "mix/ipr/codec.h"
#include "mix/ipr/constants.h"

namespace mix::ipr {

using base::Bytes;
using base::ByteView;
using base::Errc;
using base::Error;
using base::Reader;
using base::Result;
using base::Writer;

namespace {

// Variant indices. spec: ipr §3, §4.
enum class BodyKind : std::uint32_t { kData, kControl, kCount };
enum class RequestKind : std::uint32_t { kConnect, kDisconnect, kPing, kHealth, kCount };
enum class ResponseKind : std::uint32_t {
  kConnect,
  kDisconnect,
  kUnrequestedDisconnect,
  kPong,
  kHealth,
  kInfo,
  kCount
};
enum class Outcome : std::uint32_t { kSuccess, kFailure, kCount };
enum class InfoKind : std::uint32_t { kGeneric, kVersionMismatch, kPolicyRefusal, kCount };

template <class Kind>
void write_kind(Writer& out, Kind kind) {
  write_varint(out, static_cast<std::uint32_t>(kind));
}

template <class Kind>
Result<Kind> read_kind(Reader& in) {
  MIX_TRY(const std::uint32_t index, read_variant(in, static_cast<std::uint32_t>(Kind::kCount)));
  return static_cast<Kind>(index);
}

/// A reason enumeration whose last value carries a text.
template <class Reason>
void write_reason(Writer& out, Reason reason, const std::string& text) {
  write_kind(out, reason);
  if (reason == Reason::kOther) write_string(out, text);
}

template <class Reason>
Result<Reason> read_reason(Reader& in, std::string& text) {
  MIX_TRY(const std::uint32_t index,
          read_variant(in, static_cast<std::uint32_t>(Reason::kOther) + 1));
  const auto reason = static_cast<Reason>(index);
  if (reason == Reason::kOther) {
    MIX_TRY(text, read_string(in));
  }
  return reason;
}

// Date and time, spec: ipr §2 last row.

constexpr std::int32_t kMaxYear = 9999;
constexpr int kMaxOffsetHours = 25;

bool is_leap(std::int32_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

bool is_valid(const Timestamp& time) {
  const auto within = [](int value, int limit) { return value >= -limit && value <= limit; };
  return within(time.year, kMaxYear) && time.day_of_year >= 1 &&
         time.day_of_year <= (is_leap(time.year) ? 366 : 365) && time.hour < 24 &&
         time.minute < 60 && time.second < 60 && time.nanosecond < 1'000'000'000 &&
         within(time.offset_hours, kMaxOffsetHours) && within(time.offset_minutes, 59) &&
         within(time.offset_seconds, 59);
}

void write_i8(Writer& out, std::int8_t value) { out.u8(static_cast<std::uint8_t>(value)); }

void write_timestamp(Writer& out, const Timestamp& time) {
  write_zigzag(out, time.year);
  write_varint(out, time.day_of_year);
  out.u8(time.hour).u8(time.minute).u8(time.second);
  write_varint(out, time.nanosecond);
  write_i8(out, time.offset_hours);
  write_i8(out, time.offset_minutes);
  write_i8(out, time.offset_seconds);
}

/// Rejects what names no instant, as the network's decoders do.
Result<Timestamp> read_timestamp(Reader& in) {
  Timestamp time;
  MIX_TRY(time.year, read_i32(in));
  MIX_TRY(time.day_of_year, read_u16(in));
  MIX_TRY(time.hour, in.u8());
  MIX_TRY(time.minute, in.u8());
  MIX_TRY(time.second, in.u8());
  MIX_TRY(time.nanosecond, read_u32(in));
  MIX_TRY(time.offset_hours, read_i8(in));
  MIX_TRY(time.offset_minutes, read_i8(in));
  MIX_TRY(time.offset_seconds, read_i8(in));
  if (!is_valid(time)) return Error{Errc::ipr_malformed};
  return time;
}

// Requests.

struct RequestWriter {
  Writer& out;

  void operator()(const Data& data) const {
    write_kind(out, BodyKind::kData);
    write_bytes(out, data.bundle);
  }
  void operator()(const ConnectRequest& connect) const {
    control(RequestKind::kConnect, connect.id);
    out.u8(connect.buffer_timeout_ms ? 1 : 0);
    if (connect.buffer_timeout_ms) write_varint(out, *connect.buffer_timeout_ms);
    write_timestamp(out, connect.timestamp);
  }
  void operator()(const DisconnectRequest& request) const {
    control(RequestKind::kDisconnect, request.id);
    write_timestamp(out, request.timestamp);
  }
  void operator()(const PingRequest& request) const {
    control(RequestKind::kPing, request.id);
    write_timestamp(out, request.timestamp);
  }
  void operator()(const HealthRequest& request) const {
    control(RequestKind::kHealth, request.id);
    write_timestamp(out, request.timestamp);
  }

  void control(RequestKind kind, RequestId id) const {
    write_kind(out, BodyKind::kControl);
    write_kind(out, kind);
    write_varint(out, id);
  }
};

template <class T>
Result<RequestBody> read_plain_request(Reader& in) {
  T request;
  MIX_TRY(request.id, read_u64(in));
  MIX_TRY(request.timestamp, read_timestamp(in));
  return RequestBody{request};
}

Result<RequestBody> read_connect_request(Reader& in) {
  ConnectRequest connect;
  MIX_TRY(connect.id, read_u64(in));
  MIX_TRY(const bool has_timeout, read_bool(in));
  if (has_timeout) {
    MIX_TRY(connect.buffer_timeout_ms, read_u64(in));
  }
  MIX_TRY(connect.timestamp, read_timestamp(in));
  return RequestBody{connect};
}

Result<RequestBody> read_request_body(Reader& in) {
  MIX_TRY(const auto body, read_kind<BodyKind>(in));
  if (body == BodyKind::kData) {
    MIX_TRY(const ByteView bundle, read_bytes(in));
    return RequestBody{Data{base::to_bytes(bundle)}};
  }
  MIX_TRY(const auto kind, read_kind<RequestKind>(in));
  switch (kind) {
    case RequestKind::kConnect:
      return read_connect_request(in);
    case RequestKind::kDisconnect:
      return read_plain_request<DisconnectRequest>(in);
    case RequestKind::kPing:
      return read_plain_request<PingRequest>(in);
    case RequestKind::kHealth:
      return read_plain_request<HealthRequest>(in);
    case RequestKind::kCount:
      break;
  }
  return Error{Errc::ipr_malformed};
}

// Responses.

struct ResponseWriter {
  Writer& out;
  ProtocolVersion version;

  void operator()(const Data& data) const {
    write_kind(out, BodyKind::kData);
    write_bytes(out, data.bundle);
  }
  void operator()(const ConnectSuccess& success) const {
    control(ResponseKind::kConnect);
    write_varint(out, success.id);
    write_kind(out, Outcome::kSuccess);
    out.bytes(success.ipv4).bytes(success.ipv6);
    if (version == ProtocolVersion::k10) write_varint(out, success.mtu.value_or(kDefaultMtu));
  }
  void operator()(const ConnectFailure& failure) const {
    control(ResponseKind::kConnect);
    write_varint(out, failure.id);
    write_kind(out, Outcome::kFailure);
    write_reason(out, failure.reason, failure.text);
  }
  void operator()(const DisconnectSuccess& success) const {
    control(ResponseKind::kDisconnect);
    write_varint(out, success.id);
    write_kind(out, Outcome::kSuccess);
  }
  void operator()(const DisconnectFailure& failure) const {
    control(ResponseKind::kDisconnect);
    write_varint(out, failure.id);
    write_kind(out, Outcome::kFailure);
    write_reason(out, failure.reason, failure.text);
  }
  void operator()(const UnrequestedDisconnect& disconnect) const {
    control(ResponseKind::kUnrequestedDisconnect);
    write_reason(out, disconnect.reason, disconnect.text);
  }
  void operator()(const Pong& pong) const {
    control(ResponseKind::kPong);
    write_varint(out, pong.id);
  }
  void operator()(const Health& health) const {
    control(ResponseKind::kHealth);
    write_varint(out, health.id);
    const BuildInfo& info = health.build_info;
    for (const std::string* text :
         {&info.binary_name, &info.build_timestamp, &info.build_version, &info.commit_sha,
          &info.commit_timestamp, &info.commit_branch, &info.rustc_version, &info.rustc_channel,
          &info.cargo_profile, &info.cargo_triple}) {
      write_string(out, *text);
    }
    out.u8(health.routable ? 1 : 0);
    if (health.routable) out.u8(*health.routable ? 1 : 0);
  }
  void operator()(const Info& info) const {
    control(ResponseKind::kInfo);
    write_varint(out, info.id);
    std::visit(*this, info.reply);
    write_kind(out, info.level);
  }
  void operator()(const GenericInfo& info) const {
    write_kind(out, InfoKind::kGeneric);
    write_string(out, info.text);
  }
  void operator()(const VersionMismatch& info) const {
    write_kind(out, InfoKind::kVersionMismatch);
    out.u8(info.request).u8(info.response);
  }
  void operator()(const PolicyRefusal& info) const {
    write_kind(out, InfoKind::kPolicyRefusal);
    write_string(out, info.destination);
  }

  void control(ResponseKind kind) const {
    write_kind(out, BodyKind::kControl);
    write_kind(out, kind);
  }
};

Result<ResponseBody> read_connect_reply(Reader& in, ResponseLayout layout) {
  MIX_TRY(const RequestId id, read_u64(in));
  MIX_TRY(const auto outcome, read_kind<Outcome>(in));
  if (outcome == Outcome::kSuccess) {
    ConnectSuccess success;
    success.id = id;
    MIX_TRY(success.ipv4, in.fixed<kIpv4Size>());
    MIX_TRY(success.ipv6, in.fixed<kIpv6Size>());
    if (layout == ResponseLayout::kWithMtu) {
      MIX_TRY(success.mtu, read_u16(in));
    }
    return ResponseBody{success};
  }
  ConnectFailure failure;
  failure.id = id;
  MIX_TRY(failure.reason, read_reason<ConnectFailureReason>(in, failure.text));
  return ResponseBody{std::move(failure)};
}

Result<ResponseBody> read_disconnect_reply(Reader& in) {
  MIX_TRY(const RequestId id, read_u64(in));
  MIX_TRY(const auto outcome, read_kind<Outcome>(in));
  if (outcome == Outcome::kSuccess) return ResponseBody{DisconnectSuccess{id}};
  DisconnectFailure failure;
  failure.id = id;
  MIX_TRY(failure.reason, read_reason<DisconnectFailureReason>(in, failure.text));
  return ResponseBody{std::move(failure)};
}

Result<ResponseBody> read_health(Reader& in) {
  Health health;
  MIX_TRY(health.id, read_u64(in));
  BuildInfo& info = health.build_info;
  for (std::string* text :
       {&info.binary_name, &info.build_timestamp, &info.build_version, &info.commit_sha,
        &info.commit_timestamp, &info.commit_branch, &info.rustc_version, &info.rustc_channel,
        &info.cargo_profile, &info.cargo_triple}) {
    MIX_TRY(*text, read_string(in));
  }
  MIX_TRY(const bool has_routable, read_bool(in));
  if (has_routable) {
    MIX_TRY(health.routable, read_bool(in));
  }
  return ResponseBody{std::move(health)};
}

Result<ResponseBody> read_info(Reader& in) {
  Info info;
  MIX_TRY(info.id, read_u64(in));
  MIX_TRY(const auto kind, read_kind<InfoKind>(in));
  if (kind == InfoKind::kVersionMismatch) {
    VersionMismatch mismatch;
    MIX_TRY(mismatch.request, in.u8());
    MIX_TRY(mismatch.response, in.u8());
    info.reply = mismatch;
  } else {
    MIX_TRY(std::string text, read_string(in));
    if (kind == InfoKind::kGeneric) {
      info.reply = GenericInfo{std::move(text)};
    } else {
      info.reply = PolicyRefusal{std::move(text)};
    }
  }
  MIX_TRY(const std::uint32_t level,
          read_variant(in, static_cast<std::uint32_t>(InfoLevel::kError) + 1));
  info.level = static_cast<InfoLevel>(level);
  return ResponseBody{std::move(info)};
}

Result<ResponseBody> read_response_body(Reader& in, ResponseLayout layout) {
  MIX_TRY(const auto body, read_kind<BodyKind>(in));
  if (body == BodyKind::kData) {
    MIX_TRY(const ByteView bundle, read_bytes(in));
    return ResponseBody{Data{base::to_bytes(bundle)}};
  }
  MIX_TRY(const auto kind, read_kind<ResponseKind>(in));
  switch (kind) {
    case ResponseKind::kConnect:
      return read_connect_reply(in, layout);
    case ResponseKind::kDisconnect:
      return read_disconnect_reply(in);
    case ResponseKind::kUnrequestedDisconnect: {
      UnrequestedDisconnect disconnect;
      MIX_TRY(disconnect.reason, read_reason<UnrequestedReason>(in, disconnect.text));
      return ResponseBody{std::move(disconnect)};
    }
    case ResponseKind::kPong: {
      MIX_TRY(const RequestId id, read_u64(in));
      return ResponseBody{Pong{id}};
    }
    case ResponseKind::kHealth:
      return read_health(in);
    case ResponseKind::kInfo:
      return read_info(in);
    case ResponseKind::kCount:
      break;
  }
  return Error{Errc::ipr_malformed};
}

}  // namespace

Timestamp Timestamp::from(base::WallTime time) {
  using std::chrono::floor;
  const auto second = floor<std::chrono::seconds>(time);
  const auto day = floor<std::chrono::days>(second);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{second - day};
  const auto new_year = std::chrono::sys_days{date.year() / std::chrono::January / 1};
  Timestamp out;
  out.year = static_cast<int>(date.year());
  out.day_of_year = static_cast<std::uint16_t>((day - new_year).count() + 1);
  out.hour = static_cast<std::uint8_t>(clock.hours().count());
  out.minute = static_cast<std::uint8_t>(clock.minutes().count());
  out.second = static_cast<std::uint8_t>(clock.seconds().count());
  return out;
}

Bytes encode(const Request& request) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(request.version));
  write_kind(out, request.service_provider);
  std::visit(RequestWriter{out}, request.body);
  return out.take();
}

Result<Request> decode_request(ByteView bytes) {
  Reader in{bytes};
  Request request;
  MIX_TRY(const std::uint8_t version, in.u8());
  request.version = static_cast<ProtocolVersion>(version);
  MIX_TRY(const std::uint32_t provider,
          read_variant(in, static_cast<std::uint32_t>(ServiceProvider::kAuthenticator) + 1));
  request.service_provider = static_cast<ServiceProvider>(provider);
  MIX_TRY(request.body, read_request_body(in));
  MIX_CHECK(in.finish());
  return request;
}

Bytes encode(const Response& response) {
  Writer out;
  out.u8(static_cast<std::uint8_t>(response.version));
  std::visit(ResponseWriter{out, response.version}, response.body);
  return out.take();
}

Result<Response> decode_response(ByteView bytes, ResponseLayout layout) {
  Reader in{bytes};
  Response response;
  MIX_TRY(const std::uint8_t version, in.u8());
  response.version = static_cast<ProtocolVersion>(version);
  MIX_TRY(response.body, read_response_body(in, layout));
  MIX_CHECK(in.finish());
  return response;
}

Result<Response> decode_response(ByteView bytes) {
  Reader in{bytes};
  MIX_TRY(const std::uint8_t first, in.u8());
  const auto version = static_cast<ProtocolVersion>(first);
  if (!is_known(version)) return Error{Errc::ipr_version_unsupported, first};
  return decode_response(bytes, version == ProtocolVersion::k10 ? ResponseLayout::kWithMtu
                                                                : ResponseLayout::kWithoutMtu);
}

std::string describe(const ConnectFailure& failure) {
  switch (failure.reason) {
    case ConnectFailureReason::kAlreadyConnected:
      return "client is already connected";
    case ConnectFailureReason::kNoAvailableIp:
      return "no available ip address";
    case ConnectFailureReason::kOther:
      break;
  }
  return failure.text;
}

std::string describe(const UnrequestedDisconnect& disconnect) {
  switch (disconnect.reason) {
    case UnrequestedReason::kMixnetTimeout:
      return "client mixnet traffic timeout";
    case UnrequestedReason::kTunTimeout:
      return "client tun traffic timeout";
    case UnrequestedReason::kOther:
      break;
  }
  return disconnect.text;
}

}  // namespace mix::ipr
