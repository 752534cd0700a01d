#include "outer.h"

#include <utility>

#include "mix/http/http1.h"

namespace mix::native {
namespace {

constexpr std::chrono::seconds kTlsTimeout{30};
constexpr std::chrono::seconds kCallTimeout{60};
constexpr std::size_t kMaxAnswer = 32 * 1024 * 1024;  // the live network's lists are some MB
constexpr std::size_t kBodyPerTurn = 256 * 1024;

std::unique_ptr<net::Stream> with_tls(std::unique_ptr<net::Stream> socket, const http::Url& url,
                                      const OuterWorld& world) {
  if (!url.secure()) return socket;
  tls::ClientOptions options;
  options.host = url.host;
  options.alpn = {"http/1.1"};
  options.handshake_timeout = kTlsTimeout;
  return tls::connect(std::move(socket), std::move(options), world.trust, world.clock, world.rng,
                      world.clock.now());
}

websocket::HandshakeRequest handshake_of(const http::Url& url) {
  websocket::HandshakeRequest request;
  request.authority = url.authority();
  request.path = url.path;
  // Sphinx packets look random: nothing to compress.
  request.compression = websocket::Compression::kOff;
  return request;
}

}  // namespace

OuterStream::OuterStream(const http::Url& url, const OuterWorld& world) {
  auto socket = std::make_unique<HostStream>(url.host, url.port, world.waker, world.clock.now());
  socket_ = socket.get();
  stream_ = with_tls(std::move(socket), url, world);
}

OuterLink::OuterLink(const http::Url& url, const OuterWorld& world)
    : outer_(url, world),
      connection_(outer_.stream(), handshake_of(url), websocket::Config{}, world.rng,
                  world.clock.now()) {}

void OuterLink::send(const gateway::LinkFrame& frame) {
  base::Result<void> sent;
  std::size_t size = 0;
  if (const auto* text = std::get_if<gateway::TextFrame>(&frame)) {
    size = text->text.size();
    sent = connection_.send(websocket::MessageKind::kText, base::as_bytes(text->text));
  } else {
    const auto& bytes = std::get<gateway::BinaryFrame>(frame).bytes;
    size = bytes.size();
    sent = connection_.send(websocket::MessageKind::kBinary, bytes);
  }
  if (sent) {
    buffered_ += size;
  } else {
    close();
  }
}

void OuterLink::close() { [[maybe_unused]] const auto closing = connection_.close(1000, ""); }

bool OuterLink::advance(base::TimePoint now) {
  outer_.stream().advance(now);
  return connection_.advance(now);
}

std::optional<OuterLink::Event> OuterLink::poll_event() {
  while (auto event = connection_.poll_event()) {
    if (std::holds_alternative<websocket::Opened>(*event)) return Opened{};
    if (std::holds_alternative<websocket::Closed>(*event)) return Ended{};
    if (const auto* sent = std::get_if<websocket::Sent>(&*event)) {
      buffered_ -= std::min(buffered_, sent->size);
    } else if (auto* message = std::get_if<websocket::Message>(&*event)) {
      connection_.consumed(message->bytes.size());
      if (message->kind == websocket::MessageKind::kText) {
        return Received{gateway::TextFrame{base::to_string(message->bytes)}};
      }
      return Received{gateway::BinaryFrame{std::move(message->bytes)}};
    }
  }
  return std::nullopt;
}

base::Deadline OuterLink::next_deadline() {
  return base::earlier(outer_.stream().next_deadline(), connection_.next_deadline());
}

DirectoryCall::DirectoryCall(const http::Url& url, const OuterWorld& world)
    : outer_(url, world), deadline_(world.clock.now() + kCallTimeout) {
  http::Request request;
  request.url = url;
  request.headers = {{"Accept", "application/json"}, {"Accept-Encoding", "identity"}};
  exchange_ =
      std::make_unique<http::Http1Exchange>(outer_.stream(), std::move(request), http::Limits{});
}

void DirectoryCall::finish(std::optional<Answer> answer) {
  answer_ = std::move(answer);
  done_ = true;
}

bool DirectoryCall::advance(base::TimePoint now) {
  if (done_) return false;
  outer_.stream().advance(now);
  const auto state = outer_.stream().state();
  if (state == net::StreamState::kFailed || now >= deadline_) {
    finish(std::nullopt);
    return true;
  }
  if (state == net::StreamState::kConnecting) return false;
  const auto advanced = exchange_->advance(kBodyPerTurn);
  bool moved = false;
  while (auto event = exchange_->poll_event()) {
    moved = true;
    if (const auto* head = std::get_if<http::ResponseHead>(&*event)) {
      so_far_.status = head->status;
    } else if (const auto* chunk = std::get_if<http::BodyChunk>(&*event)) {
      base::append(so_far_.body, chunk->bytes);
    } else {
      finish(std::move(so_far_));
      return true;
    }
  }
  if (!advanced || so_far_.body.size() > kMaxAnswer) {
    finish(std::nullopt);
    return true;
  }
  return moved;
}

base::Deadline DirectoryCall::next_deadline() {
  if (done_) return std::nullopt;
  return base::earlier(deadline_, outer_.stream().next_deadline());
}

}  // namespace mix::native
