// DNS over HTTPS (RFC 8484): each question is a POST, over HTTP/2 all at once, over HTTP/1.1 one
// after the other on a connection that is kept alive.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>

#include "mix/dns/link.h"
#include "mix/http/exchange.h"
#include "mix/http/http2.h"
#include "mix/tls/client.h"

namespace mix::tunnel {

class HttpsLink final : public dns::Link {
 public:
  /// `stream` may still be shaking hands, and offers "h2" and "http/1.1"; `url` is the resolver's.
  HttpsLink(std::unique_ptr<tls::ClientStream> stream, http::Url url);

  [[nodiscard]] bool accepts() const override;
  void ask(base::ByteView message, base::TimePoint now) override;
  [[nodiscard]] bool forget(std::uint16_t id) override;
  [[nodiscard]] std::optional<dns::Reply> poll_reply() override;
  [[nodiscard]] std::optional<base::Error> end() const override { return end_; }
  void close() override;
  void advance(base::TimePoint now) override;
  [[nodiscard]] base::Deadline next_deadline() const override;

 private:
  struct Question {
    std::uint16_t id = 0;
    base::Bytes message;
  };
  struct Running {
    std::uint16_t id = 0;
    std::unique_ptr<http::Exchange> exchange;
    base::Bytes body = {};
    std::optional<base::Error> refusal = std::nullopt;
  };

  void stand(base::TimePoint now);
  /// HTTP/1.1: the connection may carry another exchange.
  [[nodiscard]] bool is_alive() const;
  [[nodiscard]] bool can_begin() const;
  void begin_waiting();
  /// False once the question is settled.
  [[nodiscard]] bool run(Running& running);
  void settle(Running& running);
  [[nodiscard]] http::Request request_for(base::Bytes message) const;

  // One of the two, once the protocol is agreed on: HTTP/2 takes the stream over.
  std::unique_ptr<tls::ClientStream> stream_;
  std::unique_ptr<http::Http2Connection> http2_;
  const http::Url url_;
  bool is_standing_ = false;
  bool is_reusable_ = true;  // HTTP/1.1 only
  std::deque<Question> waiting_;
  std::list<Running> running_;
  std::deque<dns::Reply> replies_;
  std::optional<base::Error> end_;
};

}  // namespace mix::tunnel
