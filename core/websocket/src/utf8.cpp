#include "utf8.h"

namespace mix::websocket {

// RFC 3629 §4, table of well-formed byte sequences.
bool Utf8Checker::feed(base::ByteView bytes) {
  for (const std::uint8_t byte : bytes) {
    if (missing_ > 0) {
      if (byte < low_ || byte > high_) return false;
      low_ = 0x80;
      high_ = 0xbf;
      --missing_;
    } else if (byte >= 0x80) {
      if (byte >= 0xc2 && byte <= 0xdf) {
        missing_ = 1;
      } else if (byte >= 0xe0 && byte <= 0xef) {
        missing_ = 2;
        if (byte == 0xe0) low_ = 0xa0;
        if (byte == 0xed) high_ = 0x9f;
      } else if (byte >= 0xf0 && byte <= 0xf4) {
        missing_ = 3;
        if (byte == 0xf0) low_ = 0x90;
        if (byte == 0xf4) high_ = 0x8f;
      } else {
        return false;
      }
    }
  }
  return true;
}

}  // namespace mix::websocket
