#include "mix/base/bytes.h"

#include <algorithm>

namespace mix::base {

ByteView as_bytes(std::string_view text) {
  // The one reinterpret_cast of the project: char and uint8_t may alias any object.
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }

std::string to_string(ByteView bytes) { return std::string{as_text(bytes)}; }

void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

bool equal(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

bool is_utf8(ByteView bytes) {
  std::size_t i = 0;
  const auto continuation = [&](std::size_t at, std::uint8_t low, std::uint8_t high) {
    return at < bytes.size() && bytes[at] >= low && bytes[at] <= high;
  };
  while (i < bytes.size()) {
    const std::uint8_t lead = bytes[i];
    if (lead < 0x80) {
      i += 1;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
      if (!continuation(i + 1, 0x80, 0xbf)) return false;
      i += 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      const std::uint8_t low = lead == 0xe0 ? 0xa0 : 0x80;
      const std::uint8_t high = lead == 0xed ? 0x9f : 0xbf;
      if (!continuation(i + 1, low, high) || !continuation(i + 2, 0x80, 0xbf)) return false;
      i += 3;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      const std::uint8_t low = lead == 0xf0 ? 0x90 : 0x80;
      const std::uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;
      if (!continuation(i + 1, low, high) || !continuation(i + 2, 0x80, 0xbf) ||
          !continuation(i + 3, 0x80, 0xbf)) {
        return false;
      }
      i += 4;
    } else {
      return false;
    }
  }
  return true;
}

Result<ByteView> Reader::bytes(std::size_t n) {
  if (n > rest_.size()) return Errc::base_truncated;
  const ByteView taken = rest_.first(n);
  rest_ = rest_.subspan(n);
  return taken;
}

Result<std::uint8_t> Reader::u8() {
  MIX_TRY(const ByteView b, bytes(1));
  return b[0];
}

Result<std::uint16_t> Reader::u16be() {
  MIX_TRY(const ByteView b, bytes(2));
  return static_cast<std::uint16_t>(b[0] << 8 | b[1]);
}

Result<std::uint16_t> Reader::u16le() {
  MIX_TRY(const ByteView b, bytes(2));
  return static_cast<std::uint16_t>(b[1] << 8 | b[0]);
}

Result<std::uint32_t> Reader::u32be() {
  MIX_TRY(const ByteView b, bytes(4));
  std::uint32_t value = 0;
  for (const std::uint8_t byte : b) value = value << 8 | byte;
  return value;
}

Result<std::uint64_t> Reader::u64be() {
  MIX_TRY(const ByteView b, bytes(8));
  std::uint64_t value = 0;
  for (const std::uint8_t byte : b) value = value << 8 | byte;
  return value;
}

Result<Reader> Reader::sub(std::size_t n) {
  MIX_TRY(const ByteView view, bytes(n));
  return Reader{view};
}

ByteView Reader::rest() {
  const ByteView all = rest_;
  rest_ = {};
  return all;
}

Result<void> Reader::finish() const {
  if (!rest_.empty()) return Errc::base_trailing_bytes;
  return {};
}

Writer& Writer::u8(std::uint8_t value) {
  out_.push_back(value);
  return *this;
}

Writer& Writer::u16be(std::uint16_t value) {
  return u8(static_cast<std::uint8_t>(value >> 8)).u8(static_cast<std::uint8_t>(value));
}

Writer& Writer::u16le(std::uint16_t value) {
  return u8(static_cast<std::uint8_t>(value)).u8(static_cast<std::uint8_t>(value >> 8));
}

Writer& Writer::u32be(std::uint32_t value) {
  return u16be(static_cast<std::uint16_t>(value >> 16)).u16be(static_cast<std::uint16_t>(value));
}

Writer& Writer::u64be(std::uint64_t value) {
  return u32be(static_cast<std::uint32_t>(value >> 32)).u32be(static_cast<std::uint32_t>(value));
}

Writer& Writer::bytes(ByteView value) {
  append(out_, value);
  return *this;
}

Writer& Writer::fill(std::size_t count, std::uint8_t value) {
  out_.insert(out_.end(), count, value);
  return *this;
}

std::size_t Writer::reserve_u16() {
  const std::size_t slot = out_.size();
  u16be(0);
  return slot;
}

void Writer::patch_u16be(std::size_t slot, std::uint16_t value) {
  if (slot + 2 > out_.size()) panic("Writer: slot out of range");
  out_[slot] = static_cast<std::uint8_t>(value >> 8);
  out_[slot + 1] = static_cast<std::uint8_t>(value);
}

}  // namespace mix::base
