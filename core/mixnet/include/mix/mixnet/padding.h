// Padding that makes a message fill its fragments exactly, so that lengths stay hidden.
// spec: messages §4.
#pragma once

#include "mix/base/bytes.h"

namespace mix::mixnet {

/// message || 01 || zeros, up to the end of the last fragment of `fragment_size` bytes ("P").
[[nodiscard]] base::Bytes pad(base::Bytes message, std::size_t fragment_size);

/// What precedes the last byte of value 1. The view points into `padded`.
/// Errors: `mixnet_bad_message` (no such byte).
[[nodiscard]] base::Result<base::ByteView> unpad(base::ByteView padded);

}  // namespace mix::mixnet
