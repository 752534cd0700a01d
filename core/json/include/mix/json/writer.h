// JSON objects as text, members in the order in which they are written.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "mix/base/bytes.h"

namespace mix::json {

/// Appends `text` as a JSON string. The text must be UTF-8.
inline void append_string(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("\\u00");
      out.push_back(kHex[static_cast<unsigned char>(c) >> 4]);
      out.push_back(kHex[static_cast<unsigned char>(c) & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

class ObjectWriter {
 public:
  ObjectWriter& string(std::string_view key, std::string_view value) {
    append_key(key);
    append_string(out_, value);
    return *this;
  }
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  ObjectWriter& number(std::string_view key, T value) {
    append_key(key);
    out_.append(std::to_string(value));
    return *this;
  }
  ObjectWriter& boolean(std::string_view key, std::same_as<bool> auto value) {
    append_key(key);
    out_.append(value ? "true" : "false");
    return *this;
  }
  /// Bytes as an array of numbers.
  ObjectWriter& bytes(std::string_view key, base::ByteView value) {
    append_key(key);
    out_.push_back('[');
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i != 0) out_.push_back(',');
      out_.append(std::to_string(value[i]));
    }
    out_.push_back(']');
    return *this;
  }
  /// A member whose value is JSON text already, such as an inner object.
  ObjectWriter& raw(std::string_view key, std::string_view json) {
    append_key(key);
    out_.append(json);
    return *this;
  }
  /// Closes the object.
  [[nodiscard]] std::string take() {
    out_.push_back('}');
    return std::move(out_);
  }

 private:
  void append_key(std::string_view key) {
    if (out_.size() > 1) out_.push_back(',');
    append_string(out_, key);
    out_.push_back(':');
  }

  std::string out_ = "{";
};

}  // namespace mix::json
