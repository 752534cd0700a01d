#include "fetch_job.h"

#include <algorithm>
#include <utility>

#include "mix/http/decoding.h"
#include "mix/http/http1.h"
#include "mix/http/keep_alive.h"
#include "mix/http/redirect.h"

namespace mix::tunnel {
namespace {

using base::Deadline;
using base::Errc;
using base::Error;
using base::TimePoint;

/// Body bytes given to the page and not yet consumed by it; beyond, the TCP window closes.
constexpr std::size_t kMaxUnconsumed = 512 * 1024;
/// What is read of a redirect's body to keep its connection; a longer one is closed instead.
constexpr std::uint64_t kMaxSkipped = 64 * 1024;
/// And how long it is waited for: a round trip, which a new connection would cost more than once.
constexpr base::Duration kMaxSkipTime = std::chrono::seconds{3};
/// A streamed body is asked for in pieces of at least this, unless it is the first.
constexpr std::size_t kBodyPiece = 32 * 1024;
/// Upload progress is told in steps of this.
constexpr std::uint64_t kProgressStep = 16 * 1024;
/// Connections that may turn out dead, or refuse, before a fetch gives up.
constexpr std::uint32_t kMaxRetries = 3;

bool is_idempotent(std::string_view method) {  // RFC 9110 §9.2.2
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

std::optional<double> since(TimePoint start, const std::optional<TimePoint>& when) {
  if (!when || *when < start) return std::nullopt;  // it was there before the fetch
  return std::chrono::duration<double, std::milli>(*when - start).count();
}

/// How long the body will be for the page.
std::optional<std::uint64_t> decoded_length(const http::HeaderList& headers) {
  if (http::find_header(headers, "content-encoding")) return std::nullopt;
  return http::content_length(headers);
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
  visited_.push_back(http::visit_name(request_));
  begin(Freshness::kAny, now);
}

FetchJob::~FetchJob() {
  if (const auto* waiting = std::get_if<Waiting>(&state_)) services_.pool.cancel(waiting->ticket);
}

double FetchJob::elapsed_ms(TimePoint now) const {
  return std::chrono::duration<double, std::milli>(now - started_).count();
}

Phase FetchJob::phase() const {
  if (const auto* waiting = std::get_if<Waiting>(&state_)) {
    return services_.pool.phase(waiting->ticket);
  }
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
  if (const auto* waiting = std::get_if<Waiting>(&state_)) services_.pool.cancel(waiting->ticket);
  state_ = Done{};
  services_.actions.push_back(JobFailed{id_, error, at, !request_bytes_left_});
}

// --- getting a connection ------------------------------------------------------------------------

void FetchJob::begin(Freshness freshness, TimePoint now) {
  ConnectionRequest wanted{options_.isolation_key, request_.url, options_.priority,
                           options_.connect_timeout, freshness};
  // The pool watches the time limit of connecting; this one bounds the wait for one's turn.
  const TimePoint deadline = now + options_.connect_timeout + options_.headers_timeout;
  state_ = Waiting{services_.pool.request(std::move(wanted), now), deadline};
  (void)advance_waiting(now);
}

bool FetchJob::advance_waiting(TimePoint now) {
  const auto& waiting = std::get<Waiting>(state_);
  auto answer = services_.pool.poll(waiting.ticket);
  if (!answer) {
    if (now < waiting.deadline) return false;
    fail(Error{Errc::http_headers_timeout, 0, request_.url.authority() + ": no free connection"});
    return true;
  }
  if (auto* refused = std::get_if<Refused>(&*answer)) {
    state_ = Done{};
    services_.actions.push_back(
        JobFailed{id_, std::move(refused->error), refused->phase, !request_bytes_left_});
  } else {
    granted(std::move(std::get<Granted>(*answer)), now);
  }
  return true;
}

void FetchJob::granted(Granted granted, TimePoint now) {
  Exchanging exchanging;
  if (granted.http2 != nullptr) {
    exchanging.exchange = granted.http2->open(request_);
  } else {
    exchanging.lease.emplace(*std::move(granted.lease));
    exchanging.exchange =
        std::make_unique<http::Http1Exchange>(exchanging.lease->stream(), request_, http::Limits{});
  }
  if (options_.decompress == Decompress::kOn) {
    exchanging.exchange = http::decode(std::move(exchanging.exchange));
  }
  exchanging.reused = granted.reused;
  exchanging.deadline = now + options_.body_timeout;
  timing_.dns = since(started_, granted.timing.dns);
  timing_.connect = since(started_, granted.timing.connect);
  timing_.tls = since(started_, granted.timing.tls);
  timing_.reused = granted.reused;
  ++attempt_;
  body_credit_ = 0;
  state_.emplace<Exchanging>(std::move(exchanging));
}

// --- the exchange --------------------------------------------------------------------------------

bool FetchJob::advance_exchanging(TimePoint now) {
  auto& exchanging = std::get<Exchanging>(state_);
  if (exchanging.lease) exchanging.lease->stream().advance(now);
  const std::uint64_t sent_before = exchanging.exchange->bytes_sent();
  const std::size_t room = kMaxUnconsumed - std::min(unconsumed_, kMaxUnconsumed);
  const auto advanced = exchanging.exchange->advance(room);
  bool moved = exchanging.exchange->bytes_sent() != sent_before;
  if (moved) timing_.request = elapsed_ms(now);
  ask_for_body(exchanging);
  watch_request(exchanging, now);
  tell_progress(exchanging);
  // Events that were parsed before an error still count: hand them out first.
  while (auto event = exchanging.exchange->poll_event()) {
    moved = true;
    if (auto* head = std::get_if<http::ResponseHead>(&*event)) {
      head_arrived(exchanging, std::move(*head), now);
      if (done()) return true;
    } else if (auto* chunk = std::get_if<http::BodyChunk>(&*event)) {
      if (!chunk_arrived(exchanging, std::move(chunk->bytes), now)) return true;
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
    if (exchanging.redirect) {
      ended(exchanging, false, now);
      return true;
    }
    const bool waits_for_head = !exchanging.head_seen && exchanging.sending.handed_over;
    fail(Error{waits_for_head ? Errc::http_headers_timeout : Errc::http_body_timeout, 0,
               request_.url.authority()});
    return true;
  }
  return moved;
}

void FetchJob::head_arrived(Exchanging& exchanging, http::ResponseHead head, TimePoint now) {
  exchanging.head_seen = true;
  exchanging.deadline = now + options_.body_timeout;
  exchanging.idle = http::keep_alive_time(head.headers);
  timing_.first_byte = elapsed_ms(now);
  http::RedirectPolicy policy;
  policy.mode = options_.redirect;
  policy.max_redirects = options_.max_redirects.value_or(services_.options.max_redirects);
  policy.replay = options_.replay;
  policy.urls = services_.urls;
  auto decision = http::decide_redirect(request_, head, policy, visited_);
  if (!decision) {
    fail(decision.error());
    return;
  }
  if (auto* follow = std::get_if<http::FollowRedirect>(&*decision)) {
    exchanging.redirect = std::move(follow->request);
    exchanging.deadline = now + std::min(kMaxSkipTime, options_.body_timeout);
    set_cookies_.clear();
    for (auto& field : head.headers) {
      if (http::is_set_cookie(field.first)) set_cookies_.push_back(std::move(field));
    }
    return;
  }
  const auto length = decoded_length(head.headers);
  if (options_.max_response_size && length && *length > *options_.max_response_size &&
      request_.method != "HEAD") {
    fail(Error{Errc::http_body_too_large, 0, std::to_string(*length) + " bytes"});
    return;
  }
  exchanging.delivering = true;
  services_.actions.push_back(
      FetchHead{id_, head.status, std::move(head.reason), std::move(head.headers),
                request_.url.to_string() + request_.url.fragment, redirected_});
}

bool FetchJob::chunk_arrived(Exchanging& exchanging, base::Bytes bytes, TimePoint now) {
  if (!exchanging.delivering) {
    exchanging.skipped += bytes.size();
    if (exchanging.skipped <= kMaxSkipped) return true;
    ended(exchanging, false, now);
    return false;
  }
  exchanging.deadline = now + options_.body_timeout;
  received_ += bytes.size();
  if (options_.max_response_size && received_ > *options_.max_response_size) {
    fail(Error{Errc::http_body_too_large, 0,
               "more than " + std::to_string(*options_.max_response_size) + " bytes"});
    return false;
  }
  unconsumed_ += bytes.size();
  services_.actions.push_back(FetchChunk{id_, std::move(bytes)});
  return true;
}

void FetchJob::ended(Exchanging& exchanging, bool reusable, TimePoint now) {
  request_bytes_left_ = true;
  exchanging.exchange.reset();
  if (reusable && exchanging.lease) exchanging.lease->give_back(exchanging.idle, now);
  if (exchanging.redirect) {
    redirect(*std::move(exchanging.redirect), now);
    return;
  }
  timing_.end = elapsed_ms(now);
  services_.actions.push_back(FetchEnd{id_, timing_});
  state_ = Done{};
}

void FetchJob::redirect(http::Request next, TimePoint now) {
  redirected_ = true;
  std::string from = request_.url.to_string();
  request_ = std::move(next);
  visited_.push_back(http::visit_name(request_));
  if (options_.cookies == Cookies::kAsk) {
    state_ = Asking{now + options_.headers_timeout};
    services_.actions.push_back(FetchRedirected{id_, std::move(from), request_.url.to_string(),
                                                std::exchange(set_cookies_, {})});
    return;
  }
  state_ = Done{};
  begin(Freshness::kAny, now);
}

void FetchJob::go_on(std::optional<std::string> cookie, TimePoint now) {
  if (!std::holds_alternative<Asking>(state_)) return;
  http::replace_header(request_.headers, "Cookie", std::move(cookie));
  if (auto valid = http::validate(request_); !valid) return fail(valid.error());
  begin(Freshness::kAny, now);
}

/// Whether the same request may go out again, and over what. Only when nothing can have been done
/// twice, and the body is still at hand.
std::optional<Freshness> FetchJob::retry_after(const Exchanging& exchanging, const Error& error) {
  if (exchanging.exchange->response_started() || retries_ == kMaxRetries) return std::nullopt;
  if (exchanging.body_given && options_.replay == http::Replay::kImpossible) return std::nullopt;
  if (error.code == Errc::http2_refused) return Freshness::kAny;
  if (error.code == Errc::http2_wants_http1) {
    services_.pool.use_http1(ConnectionPool::key_of(options_.isolation_key, request_.url));
    return Freshness::kNew;
  }
  const bool nothing_sent = exchanging.exchange->bytes_sent() == 0;
  // A kept connection may have been closed while it idled.
  if (exchanging.reused && (nothing_sent || is_idempotent(request_.method))) return Freshness::kNew;
  return std::nullopt;
}

void FetchJob::exchange_failed(Exchanging& exchanging, const Error& error, TimePoint now) {
  if (exchanging.redirect) {
    // The head said all; what is wrong with the body is nobody's concern.
    ended(exchanging, false, now);
    return;
  }
  const auto freshness = retry_after(exchanging, error);
  if (!freshness) {
    fail(error);
    return;
  }
  ++retries_;
  const bool refused = error.code == Errc::http2_refused || error.code == Errc::http2_wants_http1;
  request_bytes_left_ |= !refused && exchanging.exchange->bytes_sent() > 0;
  state_ = Done{};
  begin(*freshness, now);
}

// --- streamed bodies -----------------------------------------------------------------------------

/// The time for the head begins when the server has the request; on the way to it, each step has
/// the time that a piece of a body may take.
void FetchJob::watch_request(Exchanging& exchanging, TimePoint now) {
  if (exchanging.redirect) return;
  const http::RequestProgress progress = exchanging.exchange->request_progress();
  // Who waits for the page is not waiting for the server.
  const bool page_is_asked = exchanging.exchange->body_room() > 0;
  if (progress == exchanging.sending && !page_is_asked) return;
  exchanging.sending = progress;
  const bool waits_for_head = progress.handed_over && !exchanging.head_seen;
  exchanging.deadline = now + (waits_for_head ? options_.headers_timeout : options_.body_timeout);
}

void FetchJob::ask_for_body(Exchanging& exchanging) {
  const std::size_t room = exchanging.exchange->body_room();
  if (room == 0) return;
  if (room < body_credit_ + kBodyPiece) return;
  const std::size_t wanted = room - body_credit_;
  body_credit_ += wanted;
  services_.actions.push_back(FetchBodyWanted{id_, attempt_, wanted});
}

void FetchJob::body_piece(std::uint32_t attempt, base::ByteView piece, TimePoint now) {
  auto* exchanging = std::get_if<Exchanging>(&state_);
  if (exchanging == nullptr || attempt != attempt_) return;
  body_credit_ -= std::min(piece.size(), body_credit_);
  exchanging->body_given = true;
  if (auto taken = exchanging->exchange->send_body(piece); !taken) return fail(taken.error());
  (void)advance(now);
}

void FetchJob::body_end(std::uint32_t attempt, TimePoint now) {
  auto* exchanging = std::get_if<Exchanging>(&state_);
  if (exchanging == nullptr || attempt != attempt_) return;
  exchanging->body_given = true;
  if (auto ended = exchanging->exchange->end_body(); !ended) return fail(ended.error());
  (void)advance(now);
}

void FetchJob::tell_progress(Exchanging& exchanging) {
  if (options_.upload_news == UploadNews::kNone) return;
  std::uint64_t sent = exchanging.exchange->body_sent();
  // What TCP holds has not got anywhere yet.
  if (exchanging.lease) {
    sent -= std::min<std::uint64_t>(sent, exchanging.lease->stream().unacknowledged());
  }
  const bool last = sent == exchanging.exchange->body_sent();
  if (sent <= exchanging.progress || (!last && sent < exchanging.progress + kProgressStep)) return;
  exchanging.progress = sent;
  services_.actions.push_back(FetchUploaded{id_, sent});
}

// --- time ----------------------------------------------------------------------------------------

bool FetchJob::advance(TimePoint now) {
  if (done()) return false;
  if (is_due(total_deadline_, now)) {
    fail(Error{Errc::http_timeout, 0, request_.url.authority()});
    return true;
  }
  if (std::holds_alternative<Waiting>(state_)) return advance_waiting(now);
  if (std::holds_alternative<Exchanging>(state_)) return advance_exchanging(now);
  if (now < std::get<Asking>(state_).deadline) return false;
  fail(Error{Errc::http_headers_timeout, 0, "nobody answered to a redirect"});
  return true;
}

void FetchJob::consumed(std::size_t bytes) { unconsumed_ -= std::min(bytes, unconsumed_); }

Deadline FetchJob::next_deadline() const {
  Deadline deadline = total_deadline_;
  if (const auto* waiting = std::get_if<Waiting>(&state_)) {
    deadline = earlier(deadline, waiting->deadline);
  } else if (const auto* asking = std::get_if<Asking>(&state_)) {
    deadline = earlier(deadline, asking->deadline);
  } else if (const auto* exchanging = std::get_if<Exchanging>(&state_)) {
    deadline = earlier(deadline, exchanging->deadline);
  }
  return deadline;
}

}  // namespace mix::tunnel
