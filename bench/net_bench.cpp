// A download through lwIP and the HTTP client over an in-memory packet device. TLS: bench/loopback,
// whose recordings of a server need files.
#include <benchmark/benchmark.h>

#include <chrono>

#include "loopback/download.h"

namespace mix::bench {
namespace {

constexpr std::size_t kBodySize = 1024 * 1024;

/// The server's packets are made before each run, outside of the time that counts.
void tcp_and_http_of_1_mib(benchmark::State& state) {
  for (auto _ : state) {
    const auto download = Download::plain(kBodySize);
    const auto begun = std::chrono::steady_clock::now();
    download->run([](base::ByteView chunk) { benchmark::DoNotOptimize(chunk.data()); });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    state.SetIterationTime(took.count());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kBodySize));
}
BENCHMARK(tcp_and_http_of_1_mib)->UseManualTime()->MinTime(0.02);

}  // namespace
}  // namespace mix::bench
