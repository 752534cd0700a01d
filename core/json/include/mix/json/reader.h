// JSON from the network, read without exceptions: bounded parsing and checked access.
//
// A small helper beside `base`, used inside `gateway` and `directory`; their public headers show no
// JSON. A missing key, a wrong type and a number out of range all read as "nothing", so that a
// caller's rule for a missing field also covers a hostile one.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "mix/base/bytes.h"

namespace mix::json {

using Value = nlohmann::json;

/// What is refused before anything is allocated for it.
struct Limits {
  std::size_t max_size;        // bytes of text
  std::size_t max_depth = 16;  // arrays and objects inside one another
};

/// True when no more than `max_depth` brackets are open at any place outside of strings.
[[nodiscard]] inline bool depth_within(std::string_view text, std::size_t max_depth) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > max_depth) return false;
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return true;
}

/// Parses one JSON value with nothing but white space around it. Nothing when the text is not JSON
/// in UTF-8 or exceeds the limits. Of a repeated key the last one counts.
[[nodiscard]] inline std::optional<Value> parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.max_size || !depth_within(text, limits.max_depth)) return std::nullopt;
  Value value = Value::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return std::nullopt;
  return value;
}

/// The member `key` of an object; null when there is none or `value` is no object (or null itself).
/// The pointer lives as long as `value`.
[[nodiscard]] inline const Value* find(const Value* value, std::string_view key) {
  if (value == nullptr || !value->is_object()) return nullptr;
  const auto at = value->find(key);
  return at == value->end() ? nullptr : &*at;
}
[[nodiscard]] inline const Value* find(const Value& value, std::string_view key) {
  return find(&value, key);
}

/// True for an absent member and for JSON's null.
[[nodiscard]] inline bool is_absent(const Value* value) {
  return value == nullptr || value->is_null();
}

/// An integer that fits T. A fraction or an exponent is no integer, as for the reference.
template <std::integral T>
  requires(!std::same_as<T, bool>)
[[nodiscard]] std::optional<T> integer(const Value* value) {
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  if (const auto* positive = value->get_ptr<const Value::number_unsigned_t*>()) {
    if (*positive > static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return std::nullopt;
    return static_cast<T>(*positive);
  }
  const auto* number = value->get_ptr<const Value::number_integer_t*>();
  if (number == nullptr || !std::in_range<T>(*number)) return std::nullopt;
  return static_cast<T>(*number);
}

[[nodiscard]] inline std::optional<bool> boolean(const Value* value) {
  if (value == nullptr) return std::nullopt;
  const auto* flag = value->get_ptr<const Value::boolean_t*>();
  return flag == nullptr ? std::nullopt : std::optional{*flag};
}

/// The view lives as long as `value`.
[[nodiscard]] inline std::optional<std::string_view> text(const Value* value) {
  if (value == nullptr) return std::nullopt;
  const auto* string = value->get_ptr<const Value::string_t*>();
  return string == nullptr ? std::nullopt : std::optional<std::string_view>{*string};
}

/// The elements of an array; null for anything else. Lives as long as `value`.
[[nodiscard]] inline const Value::array_t* array(const Value* value) {
  return value == nullptr ? nullptr : value->get_ptr<const Value::array_t*>();
}

/// Bytes written as an array of the numbers 0..255.
[[nodiscard]] inline std::optional<base::Bytes> byte_array(const Value* value) {
  const Value::array_t* numbers = array(value);
  if (numbers == nullptr) return std::nullopt;
  base::Bytes out;
  out.reserve(numbers->size());
  for (const Value& number : *numbers) {
    const std::optional<std::uint8_t> byte = integer<std::uint8_t>(&number);
    if (!byte) return std::nullopt;
    out.push_back(*byte);
  }
  return out;
}

}  // namespace mix::json
