// UTF-8 (RFC 3629) checked as it arrives, so that bad text is refused at its first bad byte.
#pragma once

#include <cstdint>

#include "mix/base/bytes.h"

namespace mix::websocket {

class Utf8Checker {
 public:
  /// False as soon as no continuation could make the text valid.
  [[nodiscard]] bool feed(base::ByteView bytes);
  /// No character is cut off.
  [[nodiscard]] bool is_complete() const { return missing_ == 0; }

 private:
  int missing_ = 0;  // continuation bytes to come
  // Bounds of the next one: they exclude overlong forms, surrogates and what lies beyond U+10FFFF.
  std::uint8_t low_ = 0x80, high_ = 0xbf;
};

}  // namespace mix::websocket
