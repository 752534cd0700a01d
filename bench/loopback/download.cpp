// The client's half is what the product runs: net::Stack, tls::connect, http::Http1Exchange, in
// turns of a few packets each. Time stands still, so no timer takes part.
#include "download.h"

#include <utility>

#include "mix/base/panic.h"
#include "mix/http/decoding.h"
#include "mix/http/http1.h"
#include "mix/net/stack.h"
#include "mix/tls/client.h"
#include "replay_server.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::bench {
namespace {

/// Packets that arrive together: a message from the exit holds so many.
constexpr int kPacketsPerTurn = 16;
/// What a reader may leave unread, as in the engine.
constexpr std::size_t kMaxUnread = 512 * 1024;
/// Turns without a byte after which a run is stuck.
constexpr int kIdleTurns = 100;

const net::Endpoint kServer{net::Ipv4{{198, 60, 22, 10}}, 443};

class DownloadImpl final : public Download {
 public:
  DownloadImpl(std::optional<Script> script, std::size_t body_size)
      : script_(std::move(script)), body_size_(body_size) {
    connect();
    http::Request request;
    request.url = http::Url::parse(request_url(script_ ? "https" : "http")).value();
    http::add_default_headers(request.headers, http::kAcceptEncoding);
    const std::size_t sent = server_.received();
    const std::size_t request_size = http::encode_head(request).size();
    exchange_ = http::decode(
        std::make_unique<http::Http1Exchange>(*stream_, std::move(request), http::Limits{}));
    const std::size_t end = script_ ? script_->request_end : sent + request_size;
    until([&] {
      if (!exchange_->advance(kMaxUnread)) base::panic("bench: the request failed");
      return server_.received() >= end;
    });
    if (server_.received() != end) base::panic("bench: the recording is of another request");
    if (script_) {
      server_.say(script_->response);
    } else {
      base::Bytes response = base::to_bytes(base::as_bytes(response_head(body_size_)));
      base::append(response, make_body(body_size_));
      server_.say(response);
    }
  }

  void run(const std::function<void(base::ByteView)>& take) override {
    std::size_t got = 0;
    bool ended = false;
    until([&] {
      const auto advanced = exchange_->advance(kMaxUnread);
      while (auto event = exchange_->poll_event()) {
        if (const auto* chunk = std::get_if<http::BodyChunk>(&*event)) {
          if (chunk->bytes.front() != body_byte(got)) base::panic("bench: another body");
          got += chunk->bytes.size();
          take(chunk->bytes);
        }
        ended = ended || std::holds_alternative<http::ResponseEnd>(*event);
      }
      if (!advanced) base::panic("bench: the download failed");
      return ended;
    });
    if (got != body_size_) base::panic("bench: the body has another size");
  }

 private:
  void connect() {
    net::TcpOptions options;
    options.keepalive = {};
    stream_ = stack_->connect(kServer, options, clock_.now()).value();
    if (script_) {
      auto trust = tls::TrustStore::with_extra(script_->root_pem);
      if (!trust) base::panic("bench: a recording without a root");
      stream_ = tls::connect(std::move(stream_), {.host = kHost, .alpn = {"http/1.1"}},
                             *std::move(trust), clock_, tls_rng_, clock_.now());
    }
    bool greeted = !script_;
    until([&] {
      if (!greeted && server_.received() >= script_->hello_size) {
        greeted = true;
        server_.say(script_->flight);
      }
      if (stream_->state() == net::StreamState::kFailed) {
        base::panic("bench: the recording is of another client");
      }
      return stream_->state() == net::StreamState::kOpen;
    });
  }

  /// Turns until `done`, which looks at what the last one brought.
  template <class Done>
  void until(Done&& done) {
    for (int idle = 0; idle < kIdleTurns; ++idle) {
      for (int i = 0; i < kPacketsPerTurn; ++i) {
        const base::ByteView packet = server_.poll();
        if (packet.empty()) break;
        stack_->receive(packet, clock_.now());
        idle = 0;
      }
      stream_->advance(clock_.now());
      if (done()) return;
      while (const auto packet = stack_->poll_output()) server_.receive(*packet);
    }
    base::panic("bench: nothing moves");
  }

  const std::optional<Script> script_;
  const std::size_t body_size_;
  test::ManualClock clock_;
  test::SeededRng net_rng_{1}, tls_rng_{kClientSeed};
  ReplayServer server_;
  std::unique_ptr<net::Stack> stack_ = net::Stack::create(
      {.ipv4 = net::Ipv4{{10, 0, 0, 2}}, .ipv6 = std::nullopt}, clock_, net_rng_);
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<http::Exchange> exchange_;
};

}  // namespace

std::unique_ptr<Download> Download::plain(std::size_t body_size) {
  return std::make_unique<DownloadImpl>(std::nullopt, body_size);
}

std::unique_ptr<Download> Download::encrypted(Script script) {
  const std::size_t body_size = script.body_size;
  return std::make_unique<DownloadImpl>(std::move(script), body_size);
}

}  // namespace mix::bench
