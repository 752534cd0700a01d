// Values between JavaScript and C++ that the files here share.
#pragma once

#include <emscripten/val.h>

#include <chrono>
#include <string>

#include "mix/base/bytes.h"
#include "mix/base/error.h"
#include "mix/base/time.h"

namespace mix::wasm {

/// Views into wasm memory are copied at once, because memory may grow.
[[nodiscard]] inline emscripten::val to_js(base::ByteView bytes) {
  return emscripten::val(emscripten::typed_memory_view(bytes.size(), bytes.data()))
      .call<emscripten::val>("slice");
}

[[nodiscard]] inline base::Bytes bytes_from_js(const emscripten::val& array) {
  base::Bytes bytes(array["length"].as<std::size_t>());
  emscripten::val(emscripten::typed_memory_view(bytes.size(), bytes.data()))
      .call<void>("set", array);
  return bytes;
}

[[nodiscard]] inline emscripten::val to_js(const base::Error& error) {
  emscripten::val out = emscripten::val::object();
  out.set("code", std::string{base::api_code(error.code)});
  out.set("name", std::string{base::error_name(error.code)});
  out.set("errorClass", std::string{base::class_name(base::error_class(error.code))});
  out.set("detail", error.detail);
  out.set("message", base::describe(error));
  return out;
}

template <class T, class Set>
void if_given(const emscripten::val& object, const char* key, Set set) {
  const emscripten::val value = object[key];
  if (!value.isUndefined() && !value.isNull()) set(value.as<T>());
}

[[nodiscard]] inline base::Duration milliseconds(double ms) {
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double, std::milli>{ms});
}

[[nodiscard]] inline double to_ms(base::Duration duration) {
  return std::chrono::duration<double, std::milli>{duration}.count();
}

}  // namespace mix::wasm
