// The benchmark for JavaScript: each piece of the body becomes a Uint8Array, as in the product.
#include <emscripten/bind.h>

#include <chrono>

#include "download.h"
#include "mix/base/panic.h"
#include "values.h"

namespace {

using emscripten::val;
using namespace mix;

/// Milliseconds from the request to the body's last byte.
double timed(bench::Download& download, const val& take) {
  const auto begun = std::chrono::steady_clock::now();
  download.run([&](base::ByteView chunk) { take(wasm::to_js(chunk)); });
  return std::chrono::duration<double, std::milli>{std::chrono::steady_clock::now() - begun}
      .count();
}

double http(unsigned body_size, val take) {
  return timed(*bench::Download::plain(body_size), take);
}

double https(val recording, val take) {
  auto script = bench::Script::decode(wasm::bytes_from_js(recording));
  if (!script) base::panic("bench: not a recording");
  return timed(*bench::Download::encrypted(*std::move(script)), take);
}

unsigned heap_size() { return static_cast<unsigned>(__builtin_wasm_memory_size(0)) * 65536; }

}  // namespace

EMSCRIPTEN_BINDINGS(mix_loopback) {
  emscripten::function("http", &http);
  emscripten::function("https", &https);
  emscripten::function("heapSize", &heap_size);
}
