#include "https_link.h"

#include <algorithm>
#include <string>
#include <utility>

#include "mix/dns/constants.h"
#include "mix/http/http1.h"

namespace mix::tunnel {
namespace {

using base::Errc;
using base::Error;
using net::StreamState;

constexpr std::uint16_t kOk = 200;
constexpr std::string_view kMediaType = "application/dns-message";  // RFC 8484 §6
constexpr std::string_view kHttp2Name = "h2";
/// Questions that wait for the handshake, or on HTTP/1.1 for their turn.
constexpr std::size_t kMaxWaiting = 16;

base::Bytes with_id(base::ByteView message, std::uint16_t id) {
  base::Writer out(message.size());
  out.u16be(id).bytes(message.subspan(sizeof(id)));
  return out.take();
}

std::optional<Error> refusal_of(const http::ResponseHead& head) {
  const auto type = http::find_header(head.headers, "content-type");
  if (head.status == kOk && type && type->starts_with(kMediaType)) return std::nullopt;
  return Error{Errc::dns_server_failure, head.status,
               "(HTTP status " + std::to_string(head.status) + ")"};
}

}  // namespace

HttpsLink::HttpsLink(std::unique_ptr<tls::ClientStream> stream, http::Url url)
    : stream_(std::move(stream)), url_(std::move(url)) {}

bool HttpsLink::accepts() const {
  if (end_ || waiting_.size() >= kMaxWaiting) return false;
  if (!is_standing_) return true;
  // Over HTTP/1.1 whoever would have to wait takes another connection.
  return waiting_.empty() && can_begin();
}

void HttpsLink::ask(base::ByteView message, base::TimePoint now) {
  base::Reader reader(message);
  // RFC 8484 §4.1: equal questions are equal requests to a cache, so the id stays here.
  waiting_.push_back({reader.u16be().value_or(0), with_id(message, 0)});
  advance(now);
}

bool HttpsLink::forget(std::uint16_t id) {
  std::erase_if(waiting_, [&](const Question& question) { return question.id == id; });
  std::erase_if(replies_, [&](const dns::Reply& reply) { return reply.id == id; });
  // In HTTP/1.1 an answer comes before the next one's.
  if (!http2_) return std::ranges::any_of(running_, [&](const auto& one) { return one.id == id; });
  std::erase_if(running_, [&](const Running& running) { return running.id == id; });
  return false;
}

std::optional<dns::Reply> HttpsLink::poll_reply() {
  if (replies_.empty()) return std::nullopt;
  dns::Reply reply = std::move(replies_.front());
  replies_.pop_front();
  return reply;
}

void HttpsLink::close() {
  if (http2_) {
    http2_->close();
  } else {
    stream_->shutdown();
  }
}

void HttpsLink::advance(base::TimePoint now) {
  if (end_) return;
  stand(now);
  if (!is_standing_) return;
  if (http2_) {
    (void)http2_->advance(now);
  } else {
    stream_->advance(now);
  }
  do {
    begin_waiting();
    running_.remove_if([&](Running& running) { return !run(running); });
  } while (!waiting_.empty() && can_begin());
  if (http2_ ? http2_->finished() : running_.empty() && !is_alive()) {
    end_ = http2_ ? Error{Errc::net_closed} : stream_->error().value_or(Error{Errc::net_closed});
  }
}

base::Deadline HttpsLink::next_deadline() const {
  return http2_ ? http2_->next_deadline() : stream_->next_deadline();
}

/// Sees whether the handshake is done, and what was agreed on.
void HttpsLink::stand(base::TimePoint now) {
  if (is_standing_) return;
  stream_->advance(now);
  if (const auto error = stream_->error()) {
    end_ = error;
    return;
  }
  if (stream_->state() == StreamState::kConnecting) return;
  is_standing_ = true;
  if (stream_->alpn() == kHttp2Name) {
    http2_ = std::make_unique<http::Http2Connection>(std::move(stream_), http::Limits{});
  }
}

bool HttpsLink::is_alive() const { return is_reusable_ && stream_->state() == StreamState::kOpen; }

bool HttpsLink::can_begin() const {
  return http2_ ? http2_->accepts() : running_.empty() && is_alive();
}

void HttpsLink::begin_waiting() {
  while (!waiting_.empty() && can_begin()) {
    Question question = std::move(waiting_.front());
    waiting_.pop_front();
    http::Request request = request_for(std::move(question.message));
    running_.push_back({question.id, http2_ ? http2_->open(std::move(request))
                                            : std::make_unique<http::Http1Exchange>(
                                                  *stream_, std::move(request), http::Limits{})});
  }
}

bool HttpsLink::run(Running& running) {
  const auto advanced = running.exchange->advance(dns::kMaxMessageSize + 1 - running.body.size());
  while (auto event = running.exchange->poll_event()) {
    if (const auto* head = std::get_if<http::ResponseHead>(&*event)) {
      running.refusal = refusal_of(*head);
    } else if (const auto* chunk = std::get_if<http::BodyChunk>(&*event)) {
      base::append(running.body, chunk->bytes);
    } else {
      is_reusable_ = std::get<http::ResponseEnd>(*event).reusable;
      settle(running);
      return false;
    }
  }
  const bool is_too_large = running.body.size() > dns::kMaxMessageSize;
  if (advanced && !is_too_large) return true;
  is_reusable_ = false;
  replies_.push_back({running.id, is_too_large ? Error{Errc::dns_malformed} : advanced.error()});
  return false;
}

void HttpsLink::settle(Running& running) {
  if (running.refusal) {
    replies_.push_back({running.id, *std::move(running.refusal)});
  } else if (running.body.size() < sizeof(running.id)) {
    replies_.push_back({running.id, Error{Errc::dns_malformed}});
  } else {
    replies_.push_back({running.id, with_id(running.body, running.id)});
  }
}

http::Request HttpsLink::request_for(base::Bytes message) const {
  http::Request request;
  request.method = "POST";
  request.url = url_;
  request.headers = {{"Accept", std::string{kMediaType}},
                     {"Content-Type", std::string{kMediaType}}};
  request.body = std::move(message);
  return request;
}

}  // namespace mix::tunnel
