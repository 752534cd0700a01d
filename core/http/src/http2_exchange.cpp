#include "http2_exchange.h"

#include <algorithm>
#include <charconv>

#include "constants.h"
#include "text.h"

namespace mix::http::detail {

using base::Errc;
using base::Error;

Http2Exchange::Http2Exchange(Request request, const Limits& limits)
    : request_(std::move(request)), limits_(limits), meter_(request_.streamed) {
  if (request_.body.empty()) return;
  const std::size_t size = request_.body.size();
  out_.push(std::move(request_.body), size);
}

Http2Exchange::~Http2Exchange() {
  if (streams_ != nullptr) streams_->abandon(*this);
}

base::Result<void> Http2Exchange::advance(std::size_t max_body) {
  if (ended_) return {};
  if (const std::size_t size = std::min(max_body, body_in_.size()); size > 0) {
    const auto split = body_in_.begin() + static_cast<std::ptrdiff_t>(size);
    events_.push_back(BodyChunk{base::Bytes{body_in_.begin(), split}});
    body_in_.erase(body_in_.begin(), split);
    if (streams_ != nullptr && !complete_) streams_->body_taken(id_, size);
  }
  // The end, good or bad, comes after all that was received.
  if (!body_in_.empty()) return {};
  if (complete_) {
    ended_ = true;
    events_.push_back(ResponseEnd{});
  } else if (failure_) {
    return *failure_;
  }
  return {};
}

std::optional<ExchangeEvent> Http2Exchange::poll_event() {
  if (events_.empty()) return std::nullopt;
  ExchangeEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::size_t Http2Exchange::body_room() const {
  if (!meter_.open() || complete_ || failure_) return 0;
  return kUploadQueue - std::min(out_.queued(), kUploadQueue);
}

base::Result<void> Http2Exchange::send_body(base::ByteView piece) {
  MIX_CHECK(meter_.add(piece.size()));
  if (piece.empty()) return {};
  out_.push(base::to_bytes(piece), piece.size());
  if (streams_ != nullptr) streams_->body_waits(id_);
  return {};
}

base::Result<void> Http2Exchange::end_body() {
  MIX_CHECK(meter_.end());
  if (streams_ != nullptr) streams_->body_waits(id_);
  return {};
}

RequestProgress Http2Exchange::request_progress() const {
  // What other streams send after this one's end is no progress of it.
  const std::uint64_t confirmed = streams_ != nullptr ? streams_->confirmed() : 0;
  return {std::min(confirmed, request_end_.value_or(confirmed)), request_end_.has_value()};
}

bool Http2Exchange::field(std::string_view name, std::string_view value) {
  response_started_ = true;
  field_bytes_ += name.size() + value.size();
  if (field_bytes_ > limits_.max_head_bytes || head_.headers.size() >= limits_.max_headers) {
    fail(Error{Errc::http_head_too_large});
    return false;
  }
  if (head_done_) return true;  // a trailer
  if (name == ":status") {
    std::uint16_t status = 0;
    // nghttp2 has seen that it is three digits.
    (void)std::from_chars(value.data(), value.data() + value.size(), status);
    head_.status = status;
  } else {
    head_.headers.emplace_back(name, trim(value));
  }
  return true;
}

void Http2Exchange::fields_end() {
  if (head_done_) return;
  if (head_.status < kFirstFinalStatus) {
    head_ = ResponseHead{};
    return;
  }
  head_done_ = true;
  events_.push_back(head_);
}

void Http2Exchange::data(base::ByteView bytes) {
  received_ += bytes.size();
  base::append(body_in_, bytes);
}

void Http2Exchange::fail(Error error) {
  if (!failure_ && !complete_) failure_ = std::move(error);
}

bool Http2Exchange::shorter_than_stated() const {
  return received_ < content_length(head_.headers).value_or(0);
}

void Http2Exchange::closed(std::uint32_t code) {
  switch (code) {
    case kHttp2RefusedStream:
      return fail(Error{Errc::http2_refused});
    case kHttp2Http11Required:
      return fail(Error{Errc::http2_wants_http1});
    case kHttp2NoError:
      return fail(Error{Errc::http_truncated});
    case kHttp2ProtocolError:
      // nghttp2's verdict on a response whose length is not what its head said.
      if (shorter_than_stated()) return fail(Error{Errc::http_truncated});
      return fail(Error{Errc::http_bad_response, code, "malformed HTTP/2 response"});
    default:
      return fail(Error{Errc::http2_stream_reset, code, "error " + std::to_string(code)});
  }
}

std::size_t Http2Exchange::take_body(base::MutByteView out) {
  std::size_t filled = 0;
  while (filled < out.size() && !out_.empty()) {
    const base::ByteView front = out_.front();
    const std::size_t size = std::min(front.size(), out.size() - filled);
    std::ranges::copy(front.first(size), out.subspan(filled).begin());
    out_.pop(size);
    filled += size;
  }
  return filled;
}

}  // namespace mix::http::detail
