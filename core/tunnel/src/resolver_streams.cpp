#include "resolver_streams.h"

#include <algorithm>
#include <utility>

#include "mix/dns/constants.h"
#include "mix/http/http1.h"

namespace mix::tunnel {
namespace {

using base::ByteView;
using base::Errc;
using base::Error;

constexpr std::uint16_t kOk = 200;
constexpr std::string_view kMediaType = "application/dns-message";  // RFC 8484 §6

/// One question as one POST: what is written is its body, what is read the response's, each with
/// the length that DNS over TCP puts before it.
class HttpsQuestion final : public net::Stream {
 public:
  HttpsQuestion(std::unique_ptr<net::Stream> stream, http::Url url)
      : stream_(std::move(stream)), url_(std::move(url)) {}

  [[nodiscard]] net::StreamState state() const override {
    if (error_) return net::StreamState::kFailed;
    return stream_->state() == net::StreamState::kConnecting ? net::StreamState::kConnecting
                                                             : net::StreamState::kOpen;
  }
  [[nodiscard]] std::optional<Error> error() const override { return error_; }

  std::size_t read(base::MutByteView out) override {
    const std::size_t n = std::min(out.size(), answer_.size());
    std::copy_n(answer_.begin(), n, out.begin());
    answer_.erase(answer_.begin(), answer_.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }
  [[nodiscard]] std::size_t readable() const override { return answer_.size(); }
  [[nodiscard]] bool at_end() const override { return false; }

  [[nodiscard]] base::Result<std::size_t> write(ByteView bytes) override {
    if (error_) return *error_;
    if (state() == net::StreamState::kConnecting) return std::size_t{0};
    base::append(question_, bytes);
    base::Reader reader(question_);
    const auto size = reader.u16be();
    if (size && reader.remaining() == *size && exchange_ == nullptr) begin(reader.rest());
    return bytes.size();
  }
  [[nodiscard]] std::size_t writable() const override { return dns::kMaxMessageSize; }
  [[nodiscard]] std::size_t unacknowledged() const override { return stream_->unacknowledged(); }
  void shutdown() override { stream_->shutdown(); }
  void abort() override { stream_->abort(); }

  void advance(base::TimePoint now) override {
    stream_->advance(now);
    if (stream_->error() && exchange_ == nullptr) error_ = stream_->error();
    if (error_ || exchange_ == nullptr || is_answered_) return;
    const auto advanced = exchange_->advance(dns::kMaxMessageSize + 1 - body_.size());
    while (auto event = exchange_->poll_event()) {
      if (auto* head = std::get_if<http::ResponseHead>(&*event)) {
        check(*head);
      } else if (auto* chunk = std::get_if<http::BodyChunk>(&*event)) {
        base::append(body_, chunk->bytes);
      } else {
        finish();
      }
    }
    if (body_.size() > dns::kMaxMessageSize) error_ = Error{Errc::dns_malformed};
    if (!advanced && !error_ && !is_answered_) error_ = advanced.error();
  }
  [[nodiscard]] base::Deadline next_deadline() const override { return stream_->next_deadline(); }

 private:
  void begin(ByteView question) {
    http::Request request;
    request.method = "POST";
    request.url = url_;
    request.headers = {{"Accept", std::string{kMediaType}},
                       {"Content-Type", std::string{kMediaType}}};
    request.body = base::to_bytes(question);
    exchange_ = std::make_unique<http::Http1Exchange>(*stream_, std::move(request), http::Limits{});
  }
  void check(const http::ResponseHead& head) {
    const auto type = http::find_header(head.headers, "content-type");
    if (head.status != kOk || !type || !type->starts_with(kMediaType)) {
      error_ = Error{Errc::dns_server_failure, head.status,
                     "(HTTP status " + std::to_string(head.status) + ")"};
    }
  }
  void finish() {
    is_answered_ = true;
    base::Writer out;
    out.u16be(static_cast<std::uint16_t>(body_.size())).bytes(body_);
    answer_ = out.take();
  }

  std::unique_ptr<net::Stream> stream_;
  const http::Url url_;
  base::Bytes question_;  // with its length
  std::unique_ptr<http::Exchange> exchange_;
  base::Bytes body_;
  base::Bytes answer_;  // with its length
  bool is_answered_ = false;
  std::optional<Error> error_;
};

}  // namespace

base::Result<std::unique_ptr<net::Stream>> ResolverStreams::open(const dns::Server& server,
                                                                 base::TimePoint now) {
  net::TcpOptions tcp;
  tcp.connect_timeout = dns::kTcpTimeout;
  tcp.keepalive = base::Duration::zero();
  MIX_TRY(auto plain, stack_.connect(server.endpoint, tcp, now));
  tls::ClientOptions options;
  options.host = server.host;
  const bool is_https = server.transport == dns::Transport::kHttps;
  options.alpn = {is_https ? "http/1.1" : "dot"};  // RFC 7858 §3.1, IANA
  options.handshake_timeout = dns::kTcpTimeout;
  std::unique_ptr<net::Stream> secure =
      tls::connect(std::move(plain), std::move(options), trust_, clock_, rng_, now);
  if (!is_https) return secure;
  http::Url url;
  url.scheme = "https";
  url.host = server.host;
  url.port = server.endpoint.port;
  url.path = server.path;
  return std::unique_ptr<net::Stream>(
      std::make_unique<HttpsQuestion>(std::move(secure), std::move(url)));
}

}  // namespace mix::tunnel
