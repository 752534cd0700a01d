// Numbers of the TLS protocol that are used outside mbedTLS.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mix::tls::detail {

// Longest host name in text, without the trailing dot. spec: RFC 1035 §2.3.4
inline constexpr std::size_t kMaxHostSize = 253;  // bytes
// Longest label of a host name. spec: RFC 1035 §2.3.4
inline constexpr std::size_t kMaxLabelSize = 63;  // bytes
// GeneralName alternatives of a subject alternative name. spec: RFC 5280 §4.2.1.6
inline constexpr int kSanDnsName = 2;
inline constexpr int kSanDirectoryName = 4;
inline constexpr int kSanIpAddress = 7;
// Names of a chain times the constraints on them; a chain that needs more is made to keep us busy.
inline constexpr std::size_t kMaxNameComparisons = 100'000;
// Records in a row that carry no data, before a peer counts as hostile. Servers send a few tickets.
inline constexpr std::size_t kMaxUselessRecords = 32;

}  // namespace mix::tls::detail
