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
// What a streamed request body may hold between the page and the connection.
inline constexpr std::size_t kUploadQueue = 128 * 1024;  // bytes
// HTTP/2. What an unread stream may hold, what all together may have on the way, and how many
// there may be at once whatever the server allows.
inline constexpr std::uint32_t kHttp2StreamWindow = 512 * 1024;           // bytes
inline constexpr std::int32_t kHttp2ConnectionWindow = 16 * 1024 * 1024;  // bytes
inline constexpr std::uint32_t kHttp2MaxStreams = 100;
inline constexpr std::size_t kHttp2TableSize = 4096;  // bytes; spec: RFC 9113 §6.5.2
// Error codes. spec: RFC 9113 §7
inline constexpr std::uint32_t kHttp2NoError = 0x0;
inline constexpr std::uint32_t kHttp2ProtocolError = 0x1;
inline constexpr std::uint32_t kHttp2RefusedStream = 0x7;
inline constexpr std::uint32_t kHttp2Http11Required = 0xd;

// Content codings. One step of a decoder, and what it is fed at a time.
inline constexpr std::size_t kDecodePiece = 64 * 1024;  // bytes
inline constexpr std::size_t kDecodeInput = 32 * 1024;  // bytes
// Nobody applies more codings than this in earnest.
inline constexpr std::size_t kMaxCodings = 3;
// A body that is larger than the floor and so many times larger than what was received is a bomb.
inline constexpr std::uint64_t kBombFloor = 16 * 1024 * 1024;  // bytes
inline constexpr std::uint64_t kBombRatio = 256;
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
