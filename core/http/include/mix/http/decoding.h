// Removal of content codings (RFC 9110 §8.4): an Exchange around another one whose body events hold
// the decoded bytes. The reader's pace governs the output, so that a small input can never fill
// memory.
#pragma once

#include <memory>

#include "mix/http/exchange.h"

namespace mix::http {

/// The value of Accept-Encoding that `decode` can undo.
inline constexpr std::string_view kAcceptEncoding = "gzip, deflate, br";

/// Undoes gzip, deflate (with or without zlib's frame) and br as the head's Content-Encoding names
/// them, several in turn too; a body with an unknown coding is passed on as it came. Heads are
/// never changed. Errors of `advance` besides those of `inner`: `http_bad_coding` (malformed, cut
/// off), `http_coding_bomb` (hundreds of times larger than what was sent, and large, or too many
/// codings).
[[nodiscard]] std::unique_ptr<Exchange> decode(std::unique_ptr<Exchange> inner);

}  // namespace mix::http
