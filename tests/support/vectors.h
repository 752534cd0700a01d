// Known answers: the JSON files of tests/vectors, read whole.
#pragma once

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "mix/base/encoding.h"

namespace mix::test {

using Json = nlohmann::json;

/// Ends the test program: a vector file is missing or is not what the test expects.
[[noreturn]] inline void bad_vector(const std::string& what) {
  std::fprintf(stderr, "vectors: %s\n", what.c_str());
  std::abort();
}

/// The whole file `name`, e.g. "primitives.json".
[[nodiscard]] inline Json load_vector_file(const std::string& name) {
  std::ifstream in{std::string{MIX_VECTORS_DIR} + "/" + name};
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) bad_vector(name + " is missing or malformed");
  return json;
}

/// The list `vectors` of the file; never empty.
[[nodiscard]] inline Json load_vectors(const std::string& name) {
  const Json file = load_vector_file(name);
  if (!file.contains("vectors") || file["vectors"].empty()) bad_vector(name + " has no vectors");
  return file["vectors"];
}

/// Those entries of the list whose `kind` is the given one; never empty.
[[nodiscard]] inline Json load_vectors(const std::string& name, const std::string& kind) {
  Json out = Json::array();
  for (const Json& vector : load_vectors(name)) {
    if (vector.value("kind", "") == kind) out.push_back(vector);
  }
  if (out.empty()) bad_vector(name + " has no " + kind);
  return out;
}

/// A byte string written in hexadecimal.
[[nodiscard]] inline base::Bytes hex(const Json& text) {
  auto bytes = base::hex_decode(text.get<std::string>());
  if (!bytes.has_value()) bad_vector("not hexadecimal: " + text.get<std::string>());
  return *std::move(bytes);
}

template <std::size_t N>
[[nodiscard]] std::array<std::uint8_t, N> hex_array(const Json& text) {
  const base::Bytes bytes = hex(text);
  if (bytes.size() != N) bad_vector("wrong length: " + text.get<std::string>());
  std::array<std::uint8_t, N> out;
  for (std::size_t i = 0; i < N; ++i) out[i] = bytes[i];
  return out;
}

/// `length` bytes of the pattern that the vectors' README defines.
[[nodiscard]] inline base::Bytes pattern(std::size_t length, std::size_t seed) {
  base::Bytes out(length);
  for (std::size_t i = 0; i < length; ++i) {
    out[i] = static_cast<std::uint8_t>(31 * i + 7 * (i >> 8) + seed);
  }
  return out;
}

}  // namespace mix::test
