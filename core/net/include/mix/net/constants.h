// Sizes and times of the IP stack that are ours to choose; what lwIP fixes when it is compiled is
// in third_party/lwip/lwipopts.h.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "mix/base/time.h"

namespace mix::net {

/// lwIP's retransmission, persist and keep-alive timers count in this unit.
inline constexpr base::Duration kTcpTick = std::chrono::milliseconds{500};
/// How long an acknowledgement may wait for a second segment or for data to ride on: the mean gap
/// of the main stream, so that it hardly ever costs a round trip. spec: limits §2
inline constexpr base::Duration kDelayedAck = std::chrono::milliseconds{20};
/// Duplicate acknowledgements younger than this are no sign of loss, to begin with: three mixes of
/// 15 ms mean reorder segments by hardly more. Follows what is seen, within bounds. spec: limits §2
inline constexpr base::Duration kInitialReorderWindow = std::chrono::milliseconds{150};
inline constexpr base::Duration kMinReorderWindow = std::chrono::milliseconds{100};
inline constexpr base::Duration kMaxReorderWindow = std::chrono::seconds{1};
/// Ceiling of the retransmission time-out, so that streams go on soon after the tunnel was away.
inline constexpr base::Duration kMaxRetransmitTimeout = std::chrono::seconds{10};
/// Duplicates that make a peer repeat a segment (RFC 5681 §3.2), and the one that they repeat.
inline constexpr int kAcknowledgementsForRepeat = 4;
/// A closed connection whose peer acknowledges nothing new for so long is dropped.
inline constexpr base::Duration kLingerWithoutProgress = std::chrono::seconds{60};
/// Unanswered keep-alive probes until a connection counts as lost.
inline constexpr std::uint32_t kKeepaliveProbes = 9;
/// Initial congestion window in segments (RFC 6928).
inline constexpr std::uint32_t kInitialWindowSegments = 10;

/// Smallest segment size that a peer can impose: below it headers outweigh data.
inline constexpr std::uint16_t kMinSegmentSize = 216;  // bytes
/// Smallest MTU that is accepted (RFC 791); smaller ones are raised to it.
inline constexpr std::uint16_t kMinMtu = 576;  // bytes
/// A window without the scale option, which is what a SYN offers.
inline constexpr std::uint32_t kUnscaledWindow = 65535;  // bytes
inline constexpr std::size_t kMaxIpPacketSize = 65535;   // bytes

/// RFC 6335 §6: ports for outgoing connections.
inline constexpr std::uint16_t kFirstEphemeralPort = 49152;
inline constexpr std::uint32_t kNumEphemeralPorts = 65536 - kFirstEphemeralPort;
/// Random picks of a local port until a socket is refused.
inline constexpr int kPortAttempts = 32;

inline constexpr std::size_t kMaxWaitingDatagrams = 64;  // per UDP socket

}  // namespace mix::net
