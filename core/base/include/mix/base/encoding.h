// Text encodings of bytes: hexadecimal, base58 (Bitcoin alphabet), base64 (RFC 4648 §4).
#pragma once

#include <string>
#include <string_view>

#include "mix/base/bytes.h"

namespace mix::base {

[[nodiscard]] std::string hex_encode(ByteView bytes);
/// Errors: `base_bad_encoding`.
[[nodiscard]] Result<Bytes> hex_decode(std::string_view text);

/// Variable time: for public keys and addresses only.
[[nodiscard]] std::string base58_encode(ByteView bytes);
/// Errors: `base_bad_encoding` (foreign character, more than `max_size` bytes).
[[nodiscard]] Result<Bytes> base58_decode(std::string_view text, std::size_t max_size = 128);

/// Standard alphabet with padding.
[[nodiscard]] std::string base64_encode(ByteView bytes);
/// Errors: `base_bad_encoding`. Padding is required.
[[nodiscard]] Result<Bytes> base64_decode(std::string_view text);

}  // namespace mix::base
