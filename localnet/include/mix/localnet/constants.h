// Numbers of the servers' side that no core rung has. spec: gateway §1, §6, §9, §10.
#pragma once

#include <chrono>
#include <cstddef>

namespace mix::localnet {

// SURB-ACK in front of a body. spec: sphinx §11
inline constexpr std::size_t kAckAddressSize = 19;
inline constexpr std::size_t kAckPacketSize = 386;
inline constexpr std::size_t kSurbAckSize = kAckAddressSize + kAckPacketSize;
static_assert(kSurbAckSize == 405);

// Client sessions. spec: gateway §1, §4, §5, §9
inline constexpr std::chrono::milliseconds kUpgradeTimeout{1500};
inline constexpr std::chrono::seconds kInitialDataTimeout{10};
inline constexpr std::chrono::seconds kHandshakeTimeout{5};
inline constexpr std::chrono::seconds kSessionPingTimeout{1};
inline constexpr std::size_t kSessionPingSize = 8;
inline constexpr std::size_t kMaxClientLinks = 8192;
inline constexpr std::chrono::hours kInboxLifetime{24};
inline constexpr std::chrono::hours kInboxPurgeInterval{1};

// Node to node. spec: gateway §10.3, sphinx §13
inline constexpr std::chrono::milliseconds kPeerConnectTimeout{1500};
inline constexpr std::size_t kPeerQueueLength = 2000;
inline constexpr std::chrono::seconds kMaxReconnectBackoff{300};

}  // namespace mix::localnet
