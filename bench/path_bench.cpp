// The data path without cryptography: fragments, bundles of IP packets, the head of a response.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "mix/crypto/system_rng.h"
#include "mix/http/http1.h"
#include "mix/ipr/bundle.h"
#include "mix/mixnet/constants.h"
#include "mix/mixnet/reassembly.h"

namespace mix {
namespace {

constexpr std::size_t kMessageSize = 100 * 1024;
constexpr std::size_t kSegmentSize = 1420;

crypto::SystemRng& rng() {
  static crypto::SystemRng source;
  return source;
}

void split_message(benchmark::State& state) {
  const base::Bytes message(kMessageSize, 1);
  const std::size_t size = mixnet::fragment_bytes(sphinx::PacketSize::kRegular);
  for (auto _ : state) benchmark::DoNotOptimize(mixnet::split(message, size, rng()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}
BENCHMARK(split_message);

void reassemble_message(benchmark::State& state) {
  const base::Bytes message(kMessageSize, 1);
  const std::size_t size = mixnet::fragment_bytes(sphinx::PacketSize::kRegular);
  const auto fragments = mixnet::split(message, size, rng());
  for (auto _ : state) {
    mixnet::Reassembler reassembler{2 * kMessageSize};
    for (const mixnet::Fragment& fragment : fragments) {
      const auto view = mixnet::FragmentView::decode(fragment.bytes);
      benchmark::DoNotOptimize(reassembler.receive(*view, base::TimePoint{}));
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(message.size()));
}
BENCHMARK(reassemble_message);

void bundle_segments(benchmark::State& state) {
  constexpr int kSegments = 64;
  base::Bytes segment(kSegmentSize, 1);
  segment[0] = 0x45;
  for (auto _ : state) {
    ipr::PacketQueue queue;
    for (int i = 0; i < kSegments; ++i) benchmark::DoNotOptimize(queue.push(segment));
    while (const auto bundle = queue.pop_bundle()) {
      benchmark::DoNotOptimize(ipr::unbundle(*bundle).packets.data());
    }
  }
  state.SetBytesProcessed(state.iterations() * kSegments *
                          static_cast<std::int64_t>(segment.size()));
}
BENCHMARK(bundle_segments);

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Sat, 21 Nov 2026 12:00:00 GMT\r\n"
    "Content-Type: text/html; charset=utf-8\r\n"
    "Content-Length: 0\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: public, max-age=3600, stale-while-revalidate=60\r\n"
    "ETag: \"5f3c-61b2a9d0c4e80\"\r\n"
    "Last-Modified: Fri, 20 Nov 2026 08:15:30 GMT\r\n"
    "Vary: Accept-Encoding, Origin\r\n"
    "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
    "Content-Security-Policy: default-src 'self'; img-src 'self' data:; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Server: nginx\r\n"
    "\r\n";

/// Takes everything and gives one canned response.
class CannedStream final : public net::Stream {
 public:
  [[nodiscard]] net::StreamState state() const override { return net::StreamState::kOpen; }
  [[nodiscard]] std::optional<base::Error> error() const override { return std::nullopt; }
  std::size_t read(base::MutByteView out) override {
    const std::size_t take = std::min(out.size(), left_.size());
    std::memcpy(out.data(), left_.data(), take);
    left_.remove_prefix(take);
    return take;
  }
  [[nodiscard]] std::size_t readable() const override { return left_.size(); }
  [[nodiscard]] bool at_end() const override { return false; }
  [[nodiscard]] base::Result<std::size_t> write(base::ByteView bytes) override {
    return bytes.size();
  }
  [[nodiscard]] std::size_t writable() const override { return kMessageSize; }
  [[nodiscard]] std::size_t unacknowledged() const override { return 0; }
  void shutdown() override {}
  void abort() override {}
  void advance(base::TimePoint /*now*/) override {}
  [[nodiscard]] base::Deadline next_deadline() const override { return {}; }

 private:
  std::string_view left_ = kResponse;
};

void http_request_and_response_head(benchmark::State& state) {
  http::Request request;
  request.url = *http::Url::parse("http://origin.example/page.html");
  http::add_default_headers(request.headers);
  for (auto _ : state) {
    CannedStream stream;
    http::Http1Exchange exchange{stream, request, {}};
    const auto done = exchange.advance(kMessageSize);
    if (!done.has_value()) state.SkipWithError("no response");
    while (const auto event = exchange.poll_event()) benchmark::DoNotOptimize(&*event);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kResponse.size()));
}
BENCHMARK(http_request_and_response_head);

}  // namespace
}  // namespace mix
