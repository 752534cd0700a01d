// Numbers of HTTP/1.1 and of URLs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mix::http::detail {

// Default ports. spec: RFC 9110 §4.2.1, §4.2.2; RFC 6455 §3
inline constexpr std::uint16_t kHttpPort = 80;
inline constexpr std::uint16_t kHttpsPort = 443;

// What one read takes from the stream, hence the most that is parsed ahead of a slow reader.
inline constexpr std::size_t kReadSize = 16 * 1024;  // bytes
// Chunk extensions mean nothing to us; more than this in one response is an attack.
// spec: RFC 9112 §7.1.1, reference-behaviour §4
inline constexpr std::size_t kMaxChunkExtensionBytes = 16 * 1024;

// Status codes with rules of their own. spec: RFC 9110 §15
inline constexpr std::uint16_t kFirstStatus = 100;
inline constexpr std::uint16_t kFirstFinalStatus = 200;
inline constexpr std::uint16_t kSwitchingProtocols = 101;
inline constexpr std::uint16_t kMovedPermanently = 301;
inline constexpr std::uint16_t kFound = 302;
inline constexpr std::uint16_t kSeeOther = 303;
inline constexpr std::uint16_t kTemporaryRedirect = 307;
inline constexpr std::uint16_t kPermanentRedirect = 308;

}  // namespace mix::http::detail
