// What a server says on one connection, fixed ahead of time: so only the client's work is measured,
// and the client can run where mbedTLS' server half is not compiled in.
#pragma once

#include <cstddef>
#include <string>

#include "mix/base/bytes.h"

namespace mix::bench {

/// A server's part of a download over TLS whose client draws from `kClientSeed` at `kClientTime`.
struct Script {
  std::string root_pem;         // whoever signed the server's certificate
  std::size_t hello_size = 0;   // client's bytes after which the server sends `flight`
  base::Bytes flight;           // its part of the handshake
  std::size_t request_end = 0;  // client's bytes after which it sends `response`
  base::Bytes response;         // head and body, encrypted
  std::uint32_t body_size = 0;  // plain bytes of the body

  [[nodiscard]] base::Bytes encode() const;
  /// Errors: `base_truncated`, `base_trailing_bytes`.
  [[nodiscard]] static base::Result<Script> decode(base::ByteView bytes);
};

/// Same draws, same ClientHello: a recorded server then answers the client of any run.
inline constexpr std::uint64_t kClientSeed = 51;
inline constexpr const char* kHost = "origin.example";

/// Head of the response whose body follows.
[[nodiscard]] std::string response_head(std::size_t body_size);
/// Byte number `at` of every body.
[[nodiscard]] constexpr std::uint8_t body_byte(std::size_t at) {
  return static_cast<std::uint8_t>(at * 31 + (at >> 8));
}
[[nodiscard]] base::Bytes make_body(std::size_t size);
/// The request that every run makes, over `scheme`.
[[nodiscard]] std::string request_url(std::string_view scheme);

}  // namespace mix::bench
