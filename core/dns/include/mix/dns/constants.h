// Sizes and times of DNS. Sizes and numbers: RFC 1035, 6891; times: api.md part 2 §4.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "mix/base/time.h"

namespace mix::dns {

inline constexpr std::size_t kHeaderSize = 12;           // RFC 1035 §4.1.1
inline constexpr std::size_t kMaxLabelSize = 63;         // RFC 1035 §2.3.4
inline constexpr std::size_t kMaxNameSize = 255;         // length bytes and root included
inline constexpr std::size_t kMaxMessageSize = 65535;    // over TCP
inline constexpr std::size_t kLengthSize = 2;            // before it; RFC 1035 §4.2.2
inline constexpr std::uint16_t kEdnsPayloadSize = 1232;  // spec: api part 2 §4
inline constexpr int kMaxChain = 8;                      // CNAMEs; spec: reference-behaviour §3
inline constexpr std::size_t kMaxRecords = 64;           // taken from one answer

inline constexpr base::Duration kMinTtl = std::chrono::seconds{1};
inline constexpr base::Duration kMaxTtl = std::chrono::hours{24};
inline constexpr base::Duration kMaxNegativeTtl = std::chrono::minutes{5};
/// RFC 2181 §8: larger values count as zero.
inline constexpr std::uint32_t kLargestTtl = 0x7fffffff;  // seconds

/// How long an answer with A waits for AAAA (RFC 8305 §3: "resolution delay").
inline constexpr base::Duration kWaitForSecondFamily = std::chrono::milliseconds{50};
/// For connection, question and answer over TCP, TLS or HTTPS.
inline constexpr base::Duration kTcpTimeout = std::chrono::seconds{15};

/// Connections to resolvers are kept for so long after their last answer.
inline constexpr base::Duration kLinkIdleTime = std::chrono::seconds{30};
/// One that stays silent for so long gets no more questions.
inline constexpr base::Duration kLinkPatience = std::chrono::seconds{3};
inline constexpr std::size_t kMaxLinks = 16;           // to all resolvers
inline constexpr std::size_t kMaxOpenQuestions = 128;  // on one of them

}  // namespace mix::dns
