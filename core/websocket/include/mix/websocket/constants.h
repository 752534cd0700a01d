// Sizes, codes and times of WebSocket. Sizes and codes: RFC 6455, 7692; times: api.md part 2 §5.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "mix/base/time.h"

namespace mix::websocket {

inline constexpr std::size_t kMaxControlPayload = 125;  // RFC 6455 §5.5
inline constexpr std::size_t kCloseCodeSize = 2;        // RFC 6455 §5.5.1
inline constexpr std::size_t kMaxCloseReason = kMaxControlPayload - kCloseCodeSize;
inline constexpr std::size_t kMaskSize = 4;  // RFC 6455 §5.2
inline constexpr std::size_t kKeySize = 16;  // RFC 6455 §4.1, before base64
inline constexpr int kVersion = 13;          // RFC 6455 §4.1

/// RFC 6455 §7.4.1 and the IANA registry of close codes.
inline constexpr std::uint16_t kNormalClosure = 1000;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kNoStatus = 1005;         // never on the wire
inline constexpr std::uint16_t kAbnormalClosure = 1006;  // never on the wire
inline constexpr std::uint16_t kInvalidPayload = 1007;
inline constexpr std::uint16_t kMessageTooBig = 1009;
inline constexpr std::uint16_t kTlsFailure = 1015;  // never on the wire

inline constexpr std::size_t kMaxMessageSize = 64 * 1024 * 1024;  // spec: reference-behaviour §7
/// Larger messages go out in pieces, so that pongs can pass between them.
inline constexpr std::size_t kFragmentSize = 128 * 1024;
/// Messages below are not worth compressing.
inline constexpr std::size_t kMinCompressedSize = 64;
/// Bytes of messages that wait to be written; more is refused.
inline constexpr std::size_t kMaxQueued = 128 * 1024 * 1024;
/// Message bytes handed out and not yet taken by the reader; beyond, reading stops.
inline constexpr std::size_t kMaxUnconsumed = 1024 * 1024;
/// The same for their number: empty messages cost memory, too.
inline constexpr std::size_t kMaxUnread = 4096;
/// Answers to pings that wait to be written; beyond, reading stops.
inline constexpr std::size_t kMaxControlQueued = 64 * 1024;
inline constexpr std::size_t kMaxHeadSize = 64 * 1024;  // of the server's answer
inline constexpr std::size_t kReadSize = 16 * 1024;

inline constexpr base::Duration kHandshakeTimeout = std::chrono::seconds{60};
inline constexpr base::Duration kCloseTimeout = std::chrono::seconds{10};
inline constexpr base::Duration kPingInterval = std::chrono::seconds{30};
inline constexpr base::Duration kPongTimeout = std::chrono::seconds{60};

}  // namespace mix::websocket
