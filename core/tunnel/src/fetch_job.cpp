#include "fetch_job.h"

#include <algorithm>
#include <utility>

#include "mix/http/redirect.h"

namespace mix::tunnel {
namespace {

using base::Deadline;
using base::Errc;
using base::Error;
using base::TimePoint;

/// Body bytes given to the page and not yet consumed by it; beyond, the TCP window closes.
constexpr std::size_t kMaxUnconsumed = 512 * 1024;

bool is_idempotent(std::string_view method) {  // RFC 9110 §9.2.2
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

net::TcpOptions tcp_options(const Options& options, base::Duration connect_timeout) {
  net::TcpOptions tcp;
  tcp.connect_timeout = connect_timeout;
  tcp.keepalive = options.tcp_keepalive;
  tcp.receive_buffer = options.tcp_buffer_size;
  tcp.send_buffer = options.tcp_buffer_size;
  return tcp;
}

}  // namespace

FetchJob::FetchJob(JobId id, FetchRequest request, http::Request first, const JobServices& services,
                   TimePoint now)
    : id_(id),
      options_(std::move(request)),
      request_(std::move(first)),
      services_(services),
      started_(now) {
  if (options_.total_timeout) total_deadline_ = now + *options_.total_timeout;
  begin(now);
}

FetchJob::~FetchJob() {
  if (const auto* resolving = std::get_if<Resolving>(&state_)) {
    services_.resolver.cancel(resolving->lookup);
  }
}

double FetchJob::elapsed_ms(TimePoint now) const {
  return std::chrono::duration<double, std::milli>(now - started_).count();
}

PoolKey FetchJob::pool_key() const { return {options_.isolation_key, request_.url.origin()}; }

Phase FetchJob::phase() const {
  if (std::holds_alternative<Resolving>(state_)) return Phase::kDns;
  if (std::holds_alternative<Connecting>(state_)) return Phase::kConnect;
  if (std::holds_alternative<Securing>(state_)) return Phase::kTls;
  const auto* exchanging = std::get_if<Exchanging>(&state_);
  const bool answering = exchanging != nullptr && exchanging->exchange->response_started();
  return answering ? Phase::kResponse : Phase::kRequest;
}

void FetchJob::fail(const Error& error) {
  if (done()) return;
  const Phase at = phase();
  if (const auto* exchanging = std::get_if<Exchanging>(&state_)) {
    request_bytes_left_ |= exchanging->exchange->bytes_sent() > 0;
  }
  if (const auto* resolving = std::get_if<Resolving>(&state_)) {
    services_.resolver.cancel(resolving->lookup);
  }
  state_ = Done{};
  services_.actions.push_back(JobFailed{id_, error, at, !request_bytes_left_});
}

void FetchJob::begin(TimePoint now) {
  visited_.push_back(http::visit_name(request_));
  connect_deadline_ = now + options_.connect_timeout;
  if (auto stream = services_.pool.take(pool_key())) {
    exchange_on(std::move(stream), true, now);
  } else {
    resolve(now);
  }
}

void FetchJob::resolve(TimePoint now) {
  addresses_.clear();
  next_address_ = 0;
  connect_error_.reset();
  state_ = Resolving{services_.resolver.lookup(request_.url.host, now)};
}

void FetchJob::lookup_finished(const dns::LookupDone& done, TimePoint now) {
  const auto* resolving = std::get_if<Resolving>(&state_);
  if (resolving == nullptr || resolving->lookup != done.id) return;
  if (!done.addresses) {
    fail(done.addresses.error());
    return;
  }
  timing_.dns = elapsed_ms(now);
  addresses_ = *done.addresses;
  connect_next(now);
}

void FetchJob::connect_next(TimePoint now) {
  while (next_address_ < addresses_.size()) {
    const net::Endpoint endpoint{addresses_[next_address_++], request_.url.port};
    const base::Duration left = *connect_deadline_ - now;
    auto stream = services_.stack.connect(endpoint, tcp_options(services_.options, left), now);
    if (stream) {
      state_ = Connecting{*std::move(stream)};
      return;
    }
    connect_error_ = stream.error();
  }
  fail(connect_error_.value_or(Error{Errc::net_unreachable, 0, request_.url.host}));
}

bool FetchJob::advance_connecting(TimePoint now) {
  auto& connecting = std::get<Connecting>(state_);
  connecting.stream->advance(now);
  switch (connecting.stream->state()) {
    case net::StreamState::kConnecting:
      return false;
    case net::StreamState::kFailed:
    case net::StreamState::kClosed:
      connect_error_ = connecting.stream->error().value_or(Error{Errc::net_connection_reset});
      if (connect_error_->context.empty()) connect_error_->context = request_.url.authority();
      connect_next(now);
      return true;
    case net::StreamState::kOpen:
    case net::StreamState::kPeerClosed:
      break;
  }
  timing_.connect = elapsed_ms(now);
  std::unique_ptr<net::Stream> stream = std::move(connecting.stream);
  if (!request_.url.secure()) {
    exchange_on(std::move(stream), false, now);
    return true;
  }
  tls::ClientOptions tls_options;
  tls_options.host = request_.url.host;
  tls_options.alpn = {"http/1.1"};
  tls_options.handshake_timeout = *connect_deadline_ - now;
  state_ = Securing{tls::connect(std::move(stream), std::move(tls_options), services_.trust,
                                 services_.clock, services_.rng, now)};
  return true;
}

bool FetchJob::advance_securing(TimePoint now) {
  auto& securing = std::get<Securing>(state_);
  securing.stream->advance(now);
  switch (securing.stream->state()) {
    case net::StreamState::kConnecting:
      return false;
    case net::StreamState::kFailed:
    case net::StreamState::kClosed: {
      Error error = securing.stream->error().value_or(Error{Errc::tls_handshake});
      if (error.context.empty()) error.context = request_.url.authority();
      fail(error);
      return true;
    }
    case net::StreamState::kOpen:
    case net::StreamState::kPeerClosed:
      break;
  }
  timing_.tls = elapsed_ms(now);
  exchange_on(std::move(securing.stream), false, now);
  return true;
}

void FetchJob::exchange_on(std::unique_ptr<net::Stream> stream, bool reused, TimePoint now) {
  Exchanging exchanging;
  exchanging.stream = std::move(stream);
  exchanging.exchange =
      std::make_unique<http::Exchange>(*exchanging.stream, request_, http::Limits{});
  exchanging.reused = reused;
  exchanging.deadline = now + options_.headers_timeout;
  timing_.reused = reused;
  connect_deadline_.reset();
  state_ = std::move(exchanging);
}

bool FetchJob::advance_exchanging(TimePoint now) {
  auto& exchanging = std::get<Exchanging>(state_);
  exchanging.stream->advance(now);
  const std::uint64_t sent_before = exchanging.exchange->bytes_sent();
  const std::size_t room = kMaxUnconsumed - std::min(unconsumed_, kMaxUnconsumed);
  const auto advanced = exchanging.exchange->advance(room);
  bool moved = exchanging.exchange->bytes_sent() != sent_before;
  if (moved) timing_.request = elapsed_ms(now);
  // Events that were parsed before an error still count: hand them out first.
  while (auto event = exchanging.exchange->poll_event()) {
    moved = true;
    if (auto* head = std::get_if<http::ResponseHead>(&*event)) {
      head_arrived(exchanging, std::move(*head), now);
      if (done()) return true;
    } else if (auto* chunk = std::get_if<http::BodyChunk>(&*event)) {
      exchanging.deadline = now + options_.body_timeout;
      if (!exchanging.delivering) continue;
      unconsumed_ += chunk->bytes.size();
      services_.actions.push_back(FetchChunk{id_, std::move(chunk->bytes)});
    } else {
      ended(exchanging, std::get<http::ResponseEnd>(*event).reusable, now);
      return true;
    }
  }
  if (!advanced) {
    exchange_failed(exchanging, advanced.error(), now);
    return true;
  }
  // A reader that holds the body back is not a stalled server.
  if (unconsumed_ >= kMaxUnconsumed) exchanging.deadline = now + options_.body_timeout;
  if (is_due(exchanging.deadline, now)) {
    fail(Error{exchanging.head_seen ? Errc::http_body_timeout : Errc::http_headers_timeout, 0,
               request_.url.authority()});
    return true;
  }
  return moved;
}

void FetchJob::head_arrived(Exchanging& exchanging, http::ResponseHead head, TimePoint now) {
  exchanging.head_seen = true;
  exchanging.deadline = now + options_.body_timeout;
  timing_.first_byte = elapsed_ms(now);
  http::RedirectPolicy policy;
  policy.mode = options_.redirect;
  policy.max_redirects = options_.max_redirects.value_or(services_.options.max_redirects);
  auto decision = http::decide_redirect(request_, head, policy, visited_);
  if (!decision) {
    fail(decision.error());
    return;
  }
  if (auto* follow = std::get_if<http::FollowRedirect>(&*decision)) {
    exchanging.redirect = std::move(follow->request);
    return;
  }
  exchanging.delivering = true;
  services_.actions.push_back(
      FetchHead{id_, head.status, std::move(head.reason), std::move(head.headers),
                request_.url.to_string() + request_.url.fragment, redirected_});
}

void FetchJob::ended(Exchanging& exchanging, bool reusable, TimePoint now) {
  request_bytes_left_ = true;
  if (reusable) services_.pool.put(pool_key(), std::move(exchanging.stream), now);
  if (exchanging.redirect) {
    redirected_ = true;
    request_ = std::move(*exchanging.redirect);
    begin(now);
    return;
  }
  timing_.end = elapsed_ms(now);
  services_.actions.push_back(FetchEnd{id_, timing_});
  state_ = Done{};
}

void FetchJob::exchange_failed(Exchanging& exchanging, const Error& error, TimePoint now) {
  // A pooled connection may have been closed while it idled: once more on a new one, when nothing
  // can have been done twice.
  const bool nothing_sent = exchanging.exchange->bytes_sent() == 0;
  const bool stale = exchanging.reused && !exchanging.exchange->response_started() &&
                     (nothing_sent || is_idempotent(request_.method));
  if (!stale) {
    fail(error);
    return;
  }
  request_bytes_left_ |= !nothing_sent;
  connect_deadline_ = now + options_.connect_timeout;
  resolve(now);
}

bool FetchJob::advance(TimePoint now) {
  if (done()) return false;
  if (is_due(total_deadline_, now)) {
    fail(Error{Errc::http_timeout, 0, request_.url.authority()});
    return true;
  }
  if (is_due(connect_deadline_, now)) {
    const Errc code = std::holds_alternative<Resolving>(state_)  ? Errc::dns_timeout
                      : std::holds_alternative<Securing>(state_) ? Errc::tls_timeout
                                                                 : Errc::net_connect_timeout;
    fail(Error{code, 0, request_.url.authority()});
    return true;
  }
  if (std::holds_alternative<Connecting>(state_)) return advance_connecting(now);
  if (std::holds_alternative<Securing>(state_)) return advance_securing(now);
  if (std::holds_alternative<Exchanging>(state_)) return advance_exchanging(now);
  return false;  // Resolving: news comes by lookup_finished
}

void FetchJob::consumed(std::size_t bytes) { unconsumed_ -= std::min(bytes, unconsumed_); }

Deadline FetchJob::next_deadline() const {
  Deadline deadline = earlier(total_deadline_, connect_deadline_);
  if (const auto* connecting = std::get_if<Connecting>(&state_)) {
    deadline = earlier(deadline, connecting->stream->next_deadline());
  } else if (const auto* securing = std::get_if<Securing>(&state_)) {
    deadline = earlier(deadline, securing->stream->next_deadline());
  } else if (const auto* exchanging = std::get_if<Exchanging>(&state_)) {
    deadline =
        earlier(deadline, earlier(exchanging->deadline, exchanging->stream->next_deadline()));
  }
  return deadline;
}

}  // namespace mix::tunnel
