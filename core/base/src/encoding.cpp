#include "mix/base/encoding.h"

#include <algorithm>
#include <array>

namespace mix::base {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase58Digits =
    "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Result<std::uint8_t> digit(std::string_view digits, char c) {
  const std::size_t at = digits.find(c);
  if (at == std::string_view::npos) return Errc::base_bad_encoding;
  return static_cast<std::uint8_t>(at);
}

}  // namespace

std::string hex_encode(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(kHexDigits[byte >> 4]);
    text.push_back(kHexDigits[byte & 15]);
  }
  return text;
}

Result<Bytes> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return Errc::base_bad_encoding;
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; };
    MIX_TRY(const std::uint8_t high, digit(kHexDigits, lower(text[i])));
    MIX_TRY(const std::uint8_t low, digit(kHexDigits, lower(text[i + 1])));
    out.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return out;
}

std::string base58_encode(ByteView bytes) {
  const auto zeros = static_cast<std::size_t>(
      std::ranges::find_if(bytes, [](std::uint8_t b) { return b != 0; }) - bytes.begin());
  std::vector<std::uint8_t> digits;  // base 58, least significant first
  for (const std::uint8_t byte : bytes.subspan(zeros)) {
    std::uint32_t carry = byte;
    for (std::uint8_t& d : digits) {
      carry += static_cast<std::uint32_t>(d) << 8;
      d = static_cast<std::uint8_t>(carry % 58);
      carry /= 58;
    }
    for (; carry > 0; carry /= 58) digits.push_back(static_cast<std::uint8_t>(carry % 58));
  }
  std::string text(zeros, '1');
  for (auto it = digits.rbegin(); it != digits.rend(); ++it) text.push_back(kBase58Digits[*it]);
  return text;
}

Result<Bytes> base58_decode(std::string_view text, std::size_t max_size) {
  std::size_t zeros = 0;
  while (zeros < text.size() && text[zeros] == '1') ++zeros;
  if (zeros > max_size) return Errc::base_bad_encoding;
  std::vector<std::uint8_t> out;  // base 256, least significant first
  for (const char c : text.substr(zeros)) {
    MIX_TRY(std::uint32_t carry, digit(kBase58Digits, c));
    for (std::uint8_t& byte : out) {
      carry += static_cast<std::uint32_t>(byte) * 58;
      byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) out.push_back(static_cast<std::uint8_t>(carry));
    if (out.size() + zeros > max_size) return Errc::base_bad_encoding;
  }
  out.insert(out.end(), zeros, 0);
  std::ranges::reverse(out);
  return out;
}

std::string base64_encode(ByteView bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (j < n ? bytes[i + j] : 0U);
    for (std::size_t j = 0; j < 4; ++j) {
      text.push_back(j <= n ? kBase64Digits[group >> (18 - 6 * j) & 63] : '=');
    }
  }
  return text;
}

Result<Bytes> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0) return Errc::base_bad_encoding;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const std::size_t used = i + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      std::uint8_t value = 0;
      if (j < used) {
        MIX_TRY(value, digit(kBase64Digits, text[i + j]));
      }
      group = group << 6 | value;
    }
    for (std::size_t j = 0; j + 1 < used; ++j) {
      out.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * j)));
    }
    const std::uint32_t unused_bits = used == 4 ? 0 : (group & (used == 3 ? 0xffU : 0xffffU));
    if (unused_bits != 0) return Errc::base_bad_encoding;
  }
  return out;
}

}  // namespace mix::base
